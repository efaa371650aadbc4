/** The session's journal, and the directories that it needs: both before the server runs. */
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SallyportError, asSallyportError } from "../errors.ts";
import { appendToChain } from "../journal/chain.ts";
import { openSigner, type Signer } from "../journal/key.ts";
import { MANIFEST_DIGITS, TimeFormat } from "../journal/record.ts";
import { Segment, type Durability } from "../journal/segment.ts";
import type { Host } from "../model.ts";
import { isWithin } from "../paths.ts";
import { planDigest } from "../sandbox/plan.ts";
import type { Prepared } from "./prepare.ts";

const KERNEL_OWN = ["/proc", "/sys"];

/** Before the plan: a directory of ours that a server must not see has to be there to be hidden. */
export function makeDirectories(host: Host): void {
  const directories = Object.values(host.dirs) as string[];
  // Making directories recursively there never ends.
  const closed = directories.find((directory) => KERNEL_OWN.some((own) => isWithin(directory, own)));
  if (closed !== undefined) throw new SallyportError("journal.open", `${closed} is the kernel's own`);
  try {
    for (const directory of directories) mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw asSallyportError(error, "journal.open");
  }
}

export function newSession(host: Host): string {
  const time = new Date(host.now() / 1000).toISOString().replace(/[-:.]/g, "");
  return `${time}-${randomBytes(6).toString("hex")}`;
}

export interface Journal {
  readonly segment: Segment;
  /** Set by the session; a timer of the segment may find it broken at any time. */
  onFailure: (error: SallyportError) => void;
  end(facts: object): void;
  abandon(error: SallyportError): void;
}

/** The segment with its first record, and its line in the host's chain: both before the server runs. */
export async function openJournal(session: string, { plan, chosen, reason }: Prepared, options: { readonly durability: Durability }, host: Host): Promise<Journal> {
  const folder = join(host.dirs.state, "journal");
  const signer: Signer = openSigner(host.dirs.state, host.uid);
  const time = (): string => new TimeFormat().format(host.now());
  const journal: Journal = {
    segment: new Segment({ folder, session, manifest: chosen.digest.slice(0, MANIFEST_DIGITS), signer, now: host.now, durability: options.durability, onFailure: (error) => journal.onFailure(error) }),
    onFailure: () => {},
    end: (facts) => {
      journal.segment.state("session.end", facts);
      const { records, root } = journal.segment.close();
      appendToChain(folder, { event: "end", time: time(), session, records, root }, signer);
    },
    abandon: (error) => journal.end({ cause: "failure", code: error.code, detail: error.detail }),
  };
  journal.segment.state("session.begin", {
    sallyport: host.version,
    pid: host.pid,
    command: plan.command,
    plan: planDigest(plan),
    manifest: chosen.digest,
    from: chosen.file ?? "default profile",
    isolation: plan.isolation,
    reason,
    image: plan.image?.id,
    network: plan.network ?? undefined,
    identity: plan.identity,
    read: plan.mounts.filter((mount) => mount.kind === "read").map((mount) => mount.at),
    write: plan.mounts.filter((mount) => mount.kind === "write").map((mount) => mount.at),
    key: signer.vkey,
  });
  journal.segment.checkpoint();
  appendToChain(folder, { event: "begin", time: time(), session, key: signer.id }, signer);
  return journal;
}
