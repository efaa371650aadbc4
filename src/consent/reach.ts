/** What a call can touch beside the conversation: what the cell has, never what the server says of itself. */

export interface Reachable {
  readonly isolation: string;
  /** Directories that outlive the session. */
  readonly writes: readonly string[];
  readonly hosts: readonly string[];
  /** Names of variables that are passed on with the caller's own values. */
  readonly variables: readonly string[];
  /** Whether a manifest lets the server use the client's model. */
  readonly sampling: boolean;
}

/** In words; empty: nothing, and nobody needs to be asked. */
export function reachOf({ isolation, writes, hosts, variables, sampling }: Reachable): string[] {
  if (isolation === "none") return ["everything that you can"];
  return [...writes.map((at) => `write ${at}`), ...hosts.map((host) => `connect to ${host}`), ...variables.map((name) => `use the variable ${name}`), ...(sampling ? ["use the client's model"] : [])];
}

/** Words and small numbers that switch something: nobody can do anything with them. Names that promise more are believed. */
const SETTING = /^(?:true|false|yes|no|on|off|none|auto|trace|debug|verbose|info|warn|warning|error|silent|quiet|development|production|staging|test|\d{1,5})$/i;
const PROMISING = /token|key|secret|pass|pat(?:_|$)|cred|auth|pin(?:_|$)|code|otp/i;

/** Whether a variable of the caller's is only a setting. @param value undefined where there is none. */
export function isSetting(name: string, value: string | undefined): boolean {
  return value === undefined || value === "" || (SETTING.test(value) && !PROMISING.test(name));
}
