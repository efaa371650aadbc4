/**
 * The one schema of `sallyport.yaml` (JSON Schema 2020-12): types, validation, the editor's schema (docs/sallyport.schema.json)
 * and the reference page (docs/manifest.md) come from it. `missing` and `empty` say what each means, key by key.
 */
import type { FromSchema } from "json-schema-to-ts";
import { CI, CONSENT, POLICIES } from "./schema-people.ts";

const strings = { type: "array", items: { type: "string", minLength: 1 }, uniqueItems: true } as const;
const count = { type: "integer", minimum: 1 } as const;

const SLOT = {
  type: "object",
  description: "What an argument is. The call is refused where the value is not that.",
  missing: "The argument is `text`, and `add` and `explain` say so.",
  properties: {
    type: {
      description: "The kind of value; see docs/arguments.md for what each checks.",
      enum: ["text", "path", "url", "host", "sql", "command", "argument", "identifier", "glob", "regex", "email", "secret", "enum", "number", "boolean"],
    },
    roots: { ...strings, description: "path, glob, command: directories that the value must stay in.", missing: "The directories that the server may read or write, and the cell's own `/tmp`.", empty: "No path passes." },
    access: { enum: ["read", "write"], description: "path: whether the directories for writing only count.", missing: "read" },
    hosts: { ...strings, description: "url, host: names allowed, `*.example.com` for subdomains, `name:port` for one port, addresses as they are.", missing: "Any public host, and those of `network.hosts`.", empty: "No host passes." },
    schemes: { ...strings, description: "url: schemes allowed, without colon.", missing: "http and https." },
    dialect: { enum: ["postgresql", "mysql", "sqlite", "any"], description: "sql: the grammar. `any`: what passes must be harmless in all three.", missing: "any" },
    statements: { type: "array", items: { enum: ["read", "insert", "update", "delete", "define"] }, description: "sql: kinds of statements allowed.", missing: "read" },
    programs: { ...strings, description: "command: programs allowed, by name or absolute path.", missing: "A short list of programs that only read: docs/arguments.md.", empty: "No command passes." },
    allow: { type: "array", items: { enum: ["pipe", "list", "redirect", "substitution", "assignment"] }, description: "command: parts of shell grammar allowed.", missing: "None: one plain command." },
    values: { type: "array", items: { type: ["string", "number", "boolean"] }, description: "enum: the values allowed." },
    minimum: { type: "number", description: "number: the least value allowed." },
    maximum: { type: "number", description: "number: the greatest value allowed." },
    pattern: { type: "string", description: "A regular expression (RE2) that the whole value must match." },
    maxLength: { ...count, description: "Characters at most.", missing: "1,048,576 for text, 4,096 otherwise." },
  },
  required: ["type"],
  additionalProperties: false,
} as const;

const TOOL = {
  type: "object",
  description: "What one tool may do.",
  empty: "The tool is allowed, all its arguments are `text`.",
  properties: {
    allow: { type: "boolean", description: "false: hidden from lists, and refused when called.", missing: "true" },
    arguments: { type: "object", additionalProperties: SLOT, description: "JSON pointer of an argument -> what it is; `*` stands for each item of an array or each value of an object: `/edits/*/path`.", missing: "Arguments are checked against the pinned schema, and are `text`." },
    rate: {
      type: "object",
      description: "How often it may be called.",
      missing: "Only the server's own `limits.callsPerMinute` holds.",
      properties: { calls: count, per: { enum: ["second", "minute", "hour"] } },
      required: ["calls", "per"],
      additionalProperties: false,
    },
    consent: { enum: ["never", "first", "always"], description: "Whether a person is asked: never, until an answer is given that holds for longer, or for every call. See docs/consent.md.", missing: "As the server's `consent.ask` says." },
    result: {
      type: "object",
      description: "Limits of what it answers.",
      missing: "The server's own `limits` hold.",
      properties: { bytes: { ...count, description: "Longest answer." }, depth: { ...count, maximum: 100, description: "Deepest nesting." } },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
} as const;

const CAPABILITIES = {
  type: "object",
  description: "What may be asked of the server, and what it may ask of the client. What is not listed is refused.",
  missing: "Nothing but the handshake and pings passes; where the manifest extends another, what that one says.",
  empty: "Nothing but the handshake and pings passes.",
  properties: {
    tools: { type: "object", additionalProperties: TOOL, description: "Tools by exact name.", missing: "None.", empty: "None." },
    toolPatterns: { type: "object", additionalProperties: TOOL, description: "Tools by pattern: `*` stands for any characters. Exact names win; among patterns the first that matches.", missing: "None." },
    resources: {
      type: "object",
      description: "Resources by URI.",
      missing: "None.",
      empty: "None.",
      properties: {
        uris: { ...strings, description: "Exact URIs." },
        patterns: { ...strings, description: "URIs with `*` for any characters but `/`, `**` for any." },
        subscribe: { type: "boolean", description: "Whether changes may be subscribed to.", missing: "false" },
      },
      additionalProperties: false,
    },
    prompts: {
      type: "object",
      description: "Prompts by name.",
      missing: "None.",
      empty: "None.",
      properties: { names: { ...strings, description: "Exact names." }, patterns: { ...strings, description: "Names with `*` for any characters." } },
      additionalProperties: false,
    },
    completions: { type: "boolean", description: "Completion of arguments.", missing: "false" },
    logging: { type: "boolean", description: "Log messages to the client, and their level.", missing: "false" },
    roots: { type: "boolean", description: "Whether the server may ask for the client's roots.", missing: "false" },
    sampling: { enum: ["refused", "text", "tools"], description: "Whether the server may use the client's model; `tools` lets it hand that model tools.", missing: "refused" },
    elicitation: {
      type: "object",
      description: "Whether the server may ask the person.",
      missing: "Neither.",
      empty: "Neither.",
      properties: { form: { type: "boolean", description: "By a form.", missing: "false" }, url: { type: "boolean", description: "By a page to open.", missing: "false" } },
      additionalProperties: false,
    },
    tasks: { type: "boolean", description: "Long-running tasks.", missing: "false" },
    methods: {
      type: "object",
      description: "Any other method, of extensions for instance, by exact name.",
      missing: "None.",
      properties: { client: { ...strings, description: "Methods that the client may send." }, server: { ...strings, description: "Methods that the server may send." } },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
} as const;

const ISOLATION = {
  type: "object",
  description: "The cell.",
  missing: "auto, nothing readable but the program's own files, nothing writable.",
  properties: {
    backend: { enum: ["auto", "bubblewrap", "gvisor", "podman", "docker", "none"], description: "`auto` is the strongest that works on the machine; `none` runs the server with the caller's rights.", missing: "auto" },
    reason: { type: "string", minLength: 1, description: "Why there is no isolation; `backend: none` needs it, and it is recorded." },
    read: { ...strings, description: "Directories and files shown read-only. Relative to the manifest; `~/` is the home.", missing: "None; those that `args` names are not added by themselves." },
    write: { ...strings, description: "Directories that may be written.", missing: "None." },
    limits: {
      type: "object",
      description: "Limits of the cell, in counts, bytes and seconds.",
      missing: "The defaults, which docs/cell.md lists.",
      properties: { processes: count, openFiles: count, fileBytes: count, memoryBytes: count, cpuSeconds: count },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
} as const;

const LIMITS = {
  type: "object",
  description: "How much may cross.",
  missing: "The defaults of each key.",
  properties: {
    inFlight: { ...count, description: "Requests of the client without answer.", missing: "4,096" },
    callsPerMinute: { ...count, description: "Tool calls, all tools together.", missing: "No limit." },
    resultBytes: { ...count, description: "Longest answer.", missing: "16,777,216" },
    resultDepth: { ...count, maximum: 100, description: "Deepest nesting of an answer.", missing: "100" },
    serverRequests: { ...count, description: "Requests of the server a minute.", missing: "60" },
    serverNotifications: { ...count, description: "Notifications of the server a second; more are dropped, and recorded.", missing: "200" },
  },
  additionalProperties: false,
} as const;

const SERVER = {
  type: "object",
  properties: {
    command: { type: "string", minLength: 1, description: "The program to start.", missing: "Taken from behind the dashes of `run`." },
    args: { type: "array", items: { type: "string" }, description: "Its arguments.", missing: "None.", empty: "None." },
    env: { type: "object", additionalProperties: { type: "string" }, description: "Variables with literal values. No secrets: they would stand in this file.", missing: "None." },
    pass: { ...strings, description: "Variables of the caller passed on by name.", missing: "None." },
    secrets: { type: "object", additionalProperties: { type: "string", pattern: "^(?:file|keyring):[A-Za-z0-9][A-Za-z0-9._/@-]{0,199}$" }, description: "Variables whose values are kept elsewhere: `file:NAME`, encrypted, or `keyring:NAME`, the operating system's.", missing: "None." },
    isolation: ISOLATION,
    network: {
      type: "object",
      description: "What the server may reach.",
      missing: "Nothing.",
      empty: "Nothing.",
      properties: {
        hosts: { ...strings, description: "`NAME:PORT`, exact; `localhost` is this machine, an address stands for itself. See docs/egress.md.", missing: "None." },
        hostPatterns: { ...strings, description: "`*.NAME:PORT`: every name below NAME, which must not be one that others register names under.", missing: "None." },
        addresses: { ...strings, description: "Addresses and ranges (`10.1.0.0/16`) that these names may resolve to although they are private, or this machine's own.", missing: "Public addresses only." },
        limits: {
          type: "object",
          description: "How much it may use.",
          missing: "The defaults of each key.",
          properties: {
            connections: { ...count, description: "Connections at once.", missing: "256" },
            bytes: { ...count, description: "Bytes of a session, both ways together.", missing: "10,737,418,240" },
            idleSeconds: { ...count, description: "Seconds without a byte after which a connection is closed.", missing: "900" },
          },
          additionalProperties: false,
        },
      },
      additionalProperties: false,
    },
    capabilities: CAPABILITIES,
    consent: CONSENT,
    limits: LIMITS,
    silence: {
      type: "array",
      description: "Findings that are known and accepted, narrowly.",
      missing: "None.",
      items: {
        type: "object",
        properties: {
          rule: { type: "string", minLength: 1, description: "The rule's id." },
          item: { type: "string", minLength: 1, description: "The tool, prompt or resource; `instructions` for those.", missing: "All of this server's." },
          reason: { type: "string", minLength: 1, description: "Why it is harmless here." },
          until: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}$", description: "The last day on which it holds." },
        },
        required: ["rule", "reason", "until"],
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
} as const;

export const MANIFEST_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "sallyport.yaml",
  type: "object",
  properties: {
    version: { const: 1, description: "The version of this format." },
    extend: { type: "string", minLength: 1, description: "Another manifest, relative to this one. Servers of the same name inherit from it, and can only narrow it.", missing: "None." },
    policies: POLICIES,
    ci: CI,
    servers: { type: "object", additionalProperties: SERVER, description: "Servers by the name that `--server` takes.", missing: "None.", empty: "None." },
    baseline: { ...SERVER, description: "In /etc/sallyport/baseline.yaml only: bounds for every server of this machine. What it does not mention it does not bound.", missing: "No bounds." },
  },
  required: ["version"],
  additionalProperties: false,
} as const;

export type ManifestFile = FromSchema<typeof MANIFEST_SCHEMA>;
export type ServerEntry = NonNullable<ManifestFile["servers"]>[string];
export type ToolEntry = FromSchema<typeof TOOL>;
export type SlotEntry = FromSchema<typeof SLOT>;
export type CapabilitiesEntry = FromSchema<typeof CAPABILITIES>;
