/** What policies may say of a request, whoever decides: Cedar here, a decision point elsewhere, or both. */
import type { Said } from "../policy/decide.ts";
import type { ActionName } from "../policy/request.ts";
import type { ToolPermit } from "../manifest/permit.ts";

export type Permission = Said;

/** What is asked for, as far as permission is concerned. */
export interface Subject {
  readonly action: ActionName;
  readonly item: string;
  /** Digest of what is pinned of it; empty where nothing is. */
  readonly definition: string;
  readonly arguments: unknown;
  readonly permit: ToolPermit | null;
  /** What the server says of the tool; may raise what is asked, never lower it. */
  readonly annotations: Readonly<Record<string, unknown>>;
}

export interface Policies {
  /** Digest of what decides; grants end when it changes. */
  readonly revision: string;
  /** Throws `policy.*` where it cannot be decided: that is a no. */
  readonly decide: (subject: Subject) => Permission | Promise<Permission>;
}
