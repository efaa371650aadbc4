/** What an argument's check must know of the cell, and how to look at the host's files. */
import type { Slot } from "../../model.ts";

export interface World {
  /** The server's current directory. */
  readonly cwd: string;
  /** What `~` is for the server, and for the caller: both must be harmless. */
  readonly homes: readonly string[];
  /** Directories and files that the server may read; the writable ones among them. */
  readonly readable: readonly string[];
  readonly writable: readonly string[];
  /** Private to the cell, so that nothing of the host lies in it. */
  readonly scratch: readonly string[];
  /** Hosts that it may reach by name, with their ports. */
  readonly hosts: readonly string[];
  readonly files: Files;
}

export interface Files {
  /** What kind of thing stands at a path, its last part not followed. */
  readonly kind: (path: string) => "link" | "other" | "none";
  readonly target: (path: string) => string;
  /** What lies in a directory; nothing where it cannot be read. */
  readonly names: (path: string) => readonly string[];
}

/** Why a value is not what its slot says; null where it is. */
export type Objection = string | null;
export type Check = (value: string, slot: Slot, world: World) => Objection | Promise<Objection>;
export type SyncCheck = (value: string, slot: Slot, world: World) => Objection;
