/** What is told of a client: where its files are, how a server stands in them, what it does to them before it starts one. */

export type Scope = "user" | "local" | "project" | "managed";
export const SCOPES: readonly Scope[] = ["user", "local", "project", "managed"];

/** Where a file is, with `*` for any one name in a directory. */
export interface Place {
  readonly scope: Scope;
  readonly linux?: readonly string[];
  readonly darwin?: readonly string[];
  readonly win32?: readonly string[];
  /** On each of them. */
  readonly all?: readonly string[];
  /** Keys that lead to the servers, where they are not the client's usual ones. */
  readonly keys?: readonly Keys[];
  /** The keys' second name is the project's directory. */
  readonly perProject?: boolean;
}

/** Names from the top of the file, with `*` for any. */
export type Keys = readonly string[];

/** How one server stands there. */
export interface Shape {
  readonly command: string;
  readonly env: string;
  /** Variables passed on by name. */
  readonly names?: string;
  /** A list of servers, each with its `name`, in place of names and values. */
  readonly list?: boolean;
}

/** What its servers see of the environment that the client has itself. */
export type Inherits =
  /** Everything. */
  | "all"
  /** What the MCP SDKs pass on by themselves. */
  | "sdk"
  | "path";

export interface Client {
  readonly id: string;
  readonly title: string;
  readonly format: "json" | "toml" | "yaml";
  readonly places: readonly Place[];
  readonly keys: readonly Keys[];
  readonly shape: Shape;
  /** What it fills in itself before it starts a server. */
  readonly placeholder: RegExp | null;
  /** How it writes a project's directory in that project's file; without it, names are taken from where it starts servers. */
  readonly project?: string;
  /** Started from a desktop, it finds programs in the system's directories only: absolute paths are written. */
  readonly minimalPath: boolean;
  readonly inherits: Inherits;
  /** What makes it read the file again. */
  readonly reload: string;
  /** Where this was read. */
  readonly source: string;
}
