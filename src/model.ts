/** The nouns that more than one folder uses; types only. */

/** Who a message comes from: the MCP client on the gate's stdin, or the server in its cell. */
export type Side = "client" | "server";

/** What a journal record is about; `gate` records are the gate's own statements. */
export type Stream = Side | "stderr" | "gate";

/** What the gate decided. `ask`: it has answered a request with a question, and passed nothing on. */
export type Decision = "allow" | "rewrite" | "deny" | "ask";

export interface Verdict {
  readonly decision: Decision;
  /** Stable codes from the error table; empty when allowed. */
  readonly reasons: readonly string[];
}

/** Ports of the process, handed down from `main.ts`, the only place that touches `process`. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  readonly platform: string;
  readonly arch: string;
  readonly version: string;
  /** The interpreter, and this program's own file. */
  readonly program: readonly [interpreter: string, file: string];
  readonly dirs: Dirs;
  /** The machine's manifest of bounds; it need not exist. */
  readonly baseline: string;
  /** Microseconds since the Unix epoch, UTC. */
  readonly now: () => number;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** The parent's process id; another one means that it has died. */
  readonly parent: () => number;
  readonly onSignal: (listener: (signal: NodeJS.Signals) => void) => void;
}

/** Where Sallyport keeps its files; each is made on first use, mode 0700. */
export interface Dirs {
  readonly config: string;
  readonly state: string;
  readonly cache: string;
}

export type SlotType = "text" | "path" | "url" | "host" | "sql" | "command" | "argument" | "identifier" | "glob" | "regex" | "email" | "secret" | "enum" | "number" | "boolean";

/** What an argument is; the keys are those of the manifest (manifest/schema.ts tells each). */
export interface Slot {
  readonly type: SlotType;
  readonly roots?: readonly string[];
  readonly access?: "read" | "write";
  readonly hosts?: readonly string[];
  readonly schemes?: readonly string[];
  readonly dialect?: "postgresql" | "mysql" | "sqlite" | "any";
  readonly statements?: readonly ("read" | "insert" | "update" | "delete" | "define")[];
  readonly programs?: readonly string[];
  readonly allow?: readonly ("pipe" | "list" | "redirect" | "substitution" | "assignment")[];
  readonly values?: readonly (string | number | boolean)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly maxLength?: number;
}

/** JSON pointers, `*` for each item, with what stands there. */
export type Slots = Readonly<Record<string, Slot>>;

/** How bad a finding is: `hold` keeps the item back, `mask` rewrites its range, `mark` and `note` are told. */
export type Severity = "hold" | "mask" | "mark" | "note";

/** What a guard noticed. */
export interface Finding {
  /** Id of the rule; docs/rules.md lists them. */
  readonly rule: string;
  readonly severity: Severity;
  /** JSON pointer of the value; with # behind it, of its name. */
  readonly at: string;
  /** UTF-16 offsets in that string. */
  readonly range: readonly [start: number, end: number];
  /** A short piece of the text, escaped; never a secret. */
  readonly evidence: string;
}

export interface NetworkLimits {
  /** Connections at once. */
  readonly connections: number;
  /** Bytes of a session, both ways together. */
  readonly bytes: number;
  /** Seconds without a byte after which a connection is closed. */
  readonly idleSeconds: number;
}

/** What a server may reach. */
export interface Network {
  /** `NAME:PORT`, exact. */
  readonly hosts: readonly string[];
  /** `*.NAME:PORT`. */
  readonly hostPatterns: readonly string[];
  /** Addresses and ranges that names may resolve to although they are not public. */
  readonly addresses: readonly string[];
  readonly limits: NetworkLimits;
}

/** Where else policies are decided. */
export interface PolicyPoint {
  readonly kind: "authzen" | "opa" | "verified-permissions";
  readonly url: string | null;
  readonly store: string | null;
  readonly region: string | null;
  readonly token: string | null;
  readonly seconds: number;
}
