/** Opens the way out of a cell. Loaded while the cell is being built, and only for one that has hosts. */
import { openEgress, type Egress } from "../egress/egress.ts";
import type { Host, Network } from "../model.ts";
import { entrance } from "../sandbox/enter.ts";

/** @param pid a process of the cell's, by the host's number. Throws `egress.start`, `cell.no-tool`. */
export async function openNetwork({ network }: { readonly network: Network | null }, pid: number, host: Host): Promise<Egress> {
  if (network === null) throw new Error("a cell without hosts");
  const entered = entrance(pid, host);
  return openEgress(network, entered).finally(() => entered.close());
}
