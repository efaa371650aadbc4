/** Opens the way out of a cell. Loaded while the cell is being built, and only for one that has hosts. */
import { openEgress, type Egress } from "../egress/egress.ts";
import { SallyportError } from "../errors.ts";
import type { Host, Network } from "../model.ts";
import type { Isolation } from "../sandbox/plan.ts";
import { entrance } from "../sandbox/enter.ts";

/** @param pid a process of the cell's, by the host's number. Throws `egress.start`, `cell.no-tool`. */
export async function openNetwork({ network, isolation }: { readonly network: Network | null; readonly isolation?: Isolation }, pid: number, host: Host): Promise<Egress> {
  if (network === null) throw new Error("a cell without hosts");
  const entered = entrance(pid, host);
  if (isolation === "gvisor" && entered.ip === null) {
    entered.close();
    throw new SallyportError("egress.start", "gVisor leaves the cell's loopback down: iproute2 is needed");
  }
  return openEgress(network, entered).finally(() => entered.close());
}
