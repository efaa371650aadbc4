/** The nouns that more than one folder uses; types only. */

/** Who a message comes from: the MCP client on the gate's stdin, or the server in its cell. */
export type Side = "client" | "server";

/** What a journal record is about; `gate` records are the gate's own statements. */
export type Stream = Side | "stderr" | "gate";

/** What the gate decided. `rewrite` and `ask` belong to guards and consent; the gate alone knows `allow` and `deny`. */
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
  readonly dirs: Dirs;
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
