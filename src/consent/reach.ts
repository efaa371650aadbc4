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

/** Switches mean nothing by themselves, whatever they are called; other words and small numbers, where the name is a setting's. */
const SWITCH = /^(?:true|false|yes|no|on|off|0|1|)$/i;
const SETTING = /^(?:none|auto|trace|debug|verbose|info|warn|warning|error|silent|quiet|development|production|staging|test|\d{1,5})$/i;
const SETTING_NAME = /(?:^|_)(?:port|level|loglevel|log|debug|env|mode|timeout|verbosity|retries|limit|max|min|size|count|interval|ttl|depth|workers|threads)(?:_|$)/i;

/** Whether a variable's value is one with which nobody could do anything. */
export function isSetting(name: string, value: string): boolean {
  return SWITCH.test(value) || (SETTING.test(value) && SETTING_NAME.test(name));
}
