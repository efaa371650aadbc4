/** The flags that `run` and `explain` share: they describe one and the same cell. */
import { SallyportError } from "../errors.ts";
import type { ServerOptions } from "../gate/prepare.ts";
import { parseHost } from "../host.ts";
import { ASKING } from "../manifest/asking.ts";
import { BACKENDS } from "../sandbox/plan.ts";

export const CELL_FLAGS = {
  read: { type: "string", multiple: true },
  write: { type: "string", multiple: true },
  env: { type: "string", multiple: true },
  host: { type: "string", multiple: true },
  address: { type: "string", multiple: true },
  isolation: { type: "string" },
  reason: { type: "string" },
  consent: { type: "string" },
  update: { type: "boolean" },
  server: { type: "string" },
  manifest: { type: "string" },
} as const;

export const CELL_HELP = `  --server NAME        a server of the manifest, which then says what it may read, write and be asked
  --manifest FILE      that manifest (default: ./sallyport.yaml, then sallyport.yaml in the configuration directory)
  --read PATH          show a directory or file to the server, read-only; repeatable.
                       Directories that the server's own arguments name are shown read-only as they are
  --write DIR          a directory that the server may write; repeatable
  --env NAME[=VALUE]   pass a variable on to the server; repeatable
  --host NAME:PORT     a host that the server may reach; repeatable. Nothing else of any network exists for it
  --address RANGE      a private address or range that those hosts may resolve to; repeatable
  --update             fetch the package again instead of the version pinned at first use
  --isolation NAME     bubblewrap, gvisor, podman, docker; auto (default) is the first of these that works
                       here; none needs --reason "…" and is recorded
  --consent WHEN       when a person is asked about a call: reach (default: when the server can write, connect, or
                       use what it was lent), first (also when it cannot), always, never`;

const WANTED = ["auto", ...BACKENDS, "none"] as const;


interface Values {
  readonly read?: string[];
  readonly write?: string[];
  readonly env?: string[];
  readonly host?: string[];
  readonly address?: string[];
  readonly isolation?: string;
  readonly reason?: string;
  readonly consent?: string;
  readonly update?: boolean;
  readonly server?: string;
  readonly manifest?: string;
}

/** Splits at the first `--`: what is behind it belongs to the server, and is never read as an option. */
export function splitCommand(args: readonly string[]): { own: readonly string[]; server: readonly string[] } {
  const at = args.indexOf("--");
  return at === -1 ? { own: args, server: [] } : { own: args.slice(0, at), server: args.slice(at + 1) };
}

/** Throws `usage.*`. */
export function cellOptions(values: Values, positionals: readonly string[], server: readonly string[], lent: Readonly<Record<string, string>> = {}): ServerOptions {
  if (positionals.length > 0) throw new SallyportError("usage.no-command", `${positionals.join(" ")} stands before the dashes`);
  if (values.server === undefined && values.manifest !== undefined) throw new SallyportError("usage.option", "--manifest needs --server NAME beside it");
  if (values.server !== undefined) refuseBesideManifest(values);
  else if (server.length === 0) throw new SallyportError("usage.no-command");
  const isolation = WANTED.find((one) => one === (values.isolation ?? "auto"));
  if (isolation === undefined) throw new SallyportError("usage.option", `--isolation ${values.isolation}: one of ${WANTED.join(", ")}`);
  const consent = ASKING.find((one) => one === (values.consent ?? "reach"));
  if (consent === undefined) throw new SallyportError("usage.option", `--consent ${values.consent}: one of ${ASKING.join(", ")}`);
  const reason = values.reason?.trim() ?? "";
  if (isolation === "none" && reason === "") throw new SallyportError("usage.reason");
  return { command: server, isolation, reason: reason === "" ? null : reason, read: values.read ?? [], write: values.write ?? [], env: values.env ?? [], hosts: (values.host ?? []).map(checkedHost), addresses: values.address ?? [], update: values.update === true, values: lent, consent, server: values.server ?? null, manifest: values.manifest ?? null };
}

function checkedHost(text: string): string {
  if (parseHost(text) === null) throw new SallyportError("usage.option", `--host ${text}: NAME:PORT, such as api.example.com:443`);
  return text;
}

/** What the manifest requires is not undercut from the command line. */
function refuseBesideManifest(values: Values): void {
  const given = (["read", "write", "env", "host", "address", "isolation", "reason", "consent"] as const).find((name) => values[name] !== undefined);
  if (given !== undefined) throw new SallyportError("usage.option", `--${given} beside --server: the manifest says that`);
}
