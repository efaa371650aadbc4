/** Puts consent together; loaded only where a question may come up. */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { Desk, type Channel } from "../consent/desk.ts";
import { otherUser, serveQuestions } from "../consent/channels/other-user.ts";
import { desktop } from "../consent/channels/desktop.ts";
import { webhook } from "../consent/channels/webhook.ts";
import { Store } from "../consent/store.ts";
import { SallyportError, type Code } from "../errors.ts";
import { openSigner } from "../journal/key.ts";
import type { Host } from "../model.ts";
import { Consent } from "./consent.ts";
import { Elicitor, type Wire } from "./elicit.ts";
import { worldOf } from "./judging.ts";
import type { Authority } from "./authorize.ts";
import type { Prepared } from "./prepare.ts";
import { userOf } from "./user.ts";

/** Answers the gates of other users, at this user's terminals, until it is ended. Throws `consent.authority`. */
export async function answerOthers(path: string, host: Host, say: (line: string) => void): Promise<void> {
  try {
    await serveQuestions(path, openStore(host), userOf(host), host.pid, () => host.now() / 1000, say);
    chmodSync(path, 0o666);
  } catch (error) {
    throw new SallyportError("consent.authority", (error as Error).message, { cause: error });
  }
}

/** Where questions, answers and grants of this user lie. Throws `journal.key`, `consent.store`. */
export function openStore(host: Host): Store {
  return new Store(join(host.dirs.state, "consent"), openSigner(host.dirs.state, host.uid));
}

export interface Around {
  readonly prepared: Prepared;
  readonly session: string;
  readonly authority: Authority;
  readonly wire: Omit<Wire, "reply" | "now">;
  readonly tell: (event: string, facts: object) => void;
  readonly say: (line: string) => void;
  /** What is refused with, instead of asking; missing: as the authority says. */
  readonly nobody?: Code;
}

export function openConsent({ wire, authority, ...around }: Around, host: Host): { consent: Consent; elicitor: Elicitor } {
  const store = openStore(host);
  const user = userOf(host);
  const now = (): number => host.now() / 1000;
  const desk = new Desk(store, now, around.tell);
  const { approver } = around.prepared.chosen.compiled.consent;
  const elicitor = new Elicitor({ ...wire, now, reply: (question, choice, trace) => desk.reply(question, choice, "elicitation", user, trace) });
  authority.client = () => elicitor.client;
  const hook = around.prepared.chosen.compiled.consent.webhook;
  const failed = (question: string, what: string): void => around.tell("consent.channel", { question, channel: "webhook", error: what });
  const channels: Channel[] = [desktop(host.env), hook === null ? null : webhook({ ...hook, now, failed })].filter((channel) => channel !== null);
  return { consent: new Consent({ ...around, policies: authority.policies, ci: authority.ci, nobody: around.nobody ?? (authority.ci ? "consent.nobody" : null), user, store, desk: approver === null ? desk : otherUser(approver, host.uid, around.tell), remote: approver !== null, elicitor, channels, world: worldOf(around.prepared, host), host }), elicitor };
}
