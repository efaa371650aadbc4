/** The part of the manifest's schema that is about people, policies and jobs. */

const strings = { type: "array", items: { type: "string", minLength: 1 }, uniqueItems: true } as const;
const count = { type: "integer", minimum: 1 } as const;

export const CONSENT = {
  type: "object",
  description: "When a person is asked, and how. See docs/consent.md.",
  missing: "By reach, wherever a person can be found.",
  empty: "As if missing.",
  properties: {
    ask: { enum: ["never", "reach", "first", "always"], description: "When a call needs a person, where nothing is said of its tool. `reach`: when the cell can write, connect, or use what it was lent; `first`: also when it cannot.", missing: "reach" },
    start: { enum: ["never", "first"], description: "Whether a person must allow the server to be started at all: `first` asks before its first start, and again whenever its program, its command line or what it may reach has changed.", missing: "never" },
    channels: { type: "array", items: { enum: ["elicitation", "terminal", "desktop", "webhook"] }, uniqueItems: true, description: "How a person may be asked and answer.", missing: "All that work here.", empty: "Nobody can be asked: what needs a person is refused at its deadline." },
    seconds: { ...count, maximum: 86_400, description: "How long a call waits; then it is refused.", missing: "120" },
    approver: { type: "string", minLength: 1, description: "A socket of another user's `sallyport approvals --serve`: only answers from there count, and grants are kept there.", missing: "This user answers." },
    approvers: { ...strings, description: "Users of this machine, or names of the webhook's people, who may answer.", missing: "The user whose gate it is.", empty: "The user whose gate it is." },
    webhook: {
      type: "object",
      description: "Questions are sent there as JSON, signed; answers come back by links that hold once.",
      missing: "None.",
      properties: {
        url: { type: "string", minLength: 1, description: "Where questions are posted." },
        secret: { type: "string", minLength: 1, description: "A file, mode 0600, whose content signs them (HMAC-SHA256, header `sallyport-signature`)." },
        listen: { type: "string", minLength: 1, description: "ADDRESS:PORT where answers are taken.", missing: "127.0.0.1, any free port." },
        base: { type: "string", minLength: 1, description: "What links start with, where another address leads there.", missing: "The address listened on." },
      },
      required: ["url", "secret"],
      additionalProperties: false,
    },
  },
  additionalProperties: false,
} as const;

export const POLICIES = {
  type: "object",
  description: "Cedar policies for all servers of this file. See docs/policies.md.",
  missing: "None: manifest and reach decide.",
  empty: "As if missing.",
  properties: {
    files: { ...strings, description: "Files, and folders whose `*.cedar` count. Relative to the manifest.", missing: "None." },
    groups: { type: "object", additionalProperties: strings, description: "Group -> users, or `ISSUER SUBJECT` of workloads.", missing: "None." },
    point: {
      type: "object",
      description: "A decision point elsewhere that must permit as well. Where it cannot be asked, nothing passes.",
      missing: "None.",
      properties: {
        kind: { enum: ["authzen", "opa", "verified-permissions"], description: "How it is asked." },
        url: { type: "string", minLength: 1, description: "authzen: the evaluation endpoint; opa: the rule's, below `/v1/data`; verified-permissions: another endpoint than the region's." },
        store: { type: "string", minLength: 1, description: "verified-permissions: the id of the policy store." },
        region: { type: "string", minLength: 1, description: "verified-permissions: the region.", missing: "As the official client finds it." },
        token: { type: "string", minLength: 1, description: "A file, mode 0600, with the bearer token to send.", missing: "None is sent." },
        seconds: { ...count, maximum: 60, description: "How long an answer is waited for.", missing: "5" },
      },
      required: ["kind"],
      additionalProperties: false,
    },
  },
  additionalProperties: false,
} as const;

export const CI = {
  type: "object",
  description: "Who a job in CI is: `run --ci` takes its principal from an OIDC token, and asks nobody. See docs/policies.md.",
  missing: "`run --ci` is refused.",
  properties: {
    issuers: { ...strings, minItems: 1, description: "Issuers whose tokens count, exactly as `iss` has them." },
    audience: { type: "string", minLength: 1, description: "What `aud` must hold." },
    require: { type: "object", additionalProperties: strings, description: "Claim -> values it may have, such as `repository: [acme/app]`.", missing: "None beyond issuer and audience: policies say which workloads may do what." },
    claims: { type: "object", properties: { repository: { type: "string" }, ref: { type: "string" }, workflow: { type: "string" }, environment: { type: "string" }, actor: { type: "string" } }, additionalProperties: false, description: "Which claim tells each attribute of a workload.", missing: "Those of GitHub, GitLab, Buildkite and CircleCI by their own names." },
    signers: { type: "string", minLength: 1, description: "An allowed-signers file of ssh-keygen(1): the lock counts if one of them has signed it, namespace `sallyport`, in `sallyport.lock.sig`.", missing: "No signature counts: a policy must permit `approveChange` to the workload." },
  },
  required: ["issuers", "audience"],
  additionalProperties: false,
} as const;
