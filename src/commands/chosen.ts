/** Which servers of which clients a command is for: the same options wherever that is asked. */
import type { Asked } from "../clients/find.ts";
import { SallyportError } from "../errors.ts";

export const CHOICE_FLAGS = { client: { type: "string", multiple: true }, server: { type: "string", multiple: true }, scope: { type: "string", multiple: true } } as const;

interface Choice {
  readonly client?: string[] | undefined;
  readonly server?: string[] | undefined;
  readonly scope?: string[] | undefined;
}

/** Throws `usage.option`. */
export function chosen({ client, server, scope }: Choice, positionals: readonly string[]): Asked {
  if (positionals.length > 0) throw new SallyportError("usage.option", `${positionals.join(" ")}: servers are named by --server, clients by --client`);
  return { clients: client ?? [], servers: server ?? [], scopes: scope ?? [] };
}
