/**
 * Questions are posted to an address of the company's (chat, pager, form), signed; answers come back by links, one for each
 * person and answer. A link opens a page that asks once more: who only looks at it (previews, scanners) answers nothing.
 */
import { createHmac, hash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SallyportError } from "../../errors.ts";
import type { Channel, Reply } from "../desk.ts";
import { renderQuestion, type Question } from "../question.ts";

export interface WebhookOptions {
  readonly url: string;
  /** File, mode 0600. */
  readonly secret: string;
  /** `ADDRESS:PORT`; port 0: any free one. */
  readonly listen: string;
  /** What links start with; null: the address listened on. */
  readonly base: string | null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What could not be posted. */
  readonly failed: (question: string, what: string) => void;
}

interface Open {
  readonly question: Question;
  readonly reply: Reply;
}

const TIMEOUT = 10_000;

export function webhook(options: WebhookOptions): Channel {
  const open = new Map<string, Open>();
  // Known to nobody but this process and who gets the links.
  const key = randomBytes(32);
  let listening: Promise<string> | null = null;
  const sign = (id: string, choice: string, user: string): Buffer => createHmac("sha256", key).update(JSON.stringify([id, choice, user])).digest();
  return {
    name: "webhook",
    ask: (question, reply) => {
      open.set(question.id, { question, reply });
      listening ??= listen(options, open, sign);
      void listening
        .then((base) => post(question, base, options, sign))
        .catch((error: unknown) => options.failed(question.id, (error as Error).message));
      return () => void open.delete(question.id);
    },
  };
}

type Sign = (id: string, choice: string, user: string) => Buffer;

/** `sallyport-signature: t=SECONDS,v1=HEX`, over `SECONDS.BODY`: who receives it can tell that it is new, and from here. */
async function post(question: Question, base: string, { url, secret, now }: WebhookOptions, sign: Sign): Promise<void> {
  const answers = question.approvers.flatMap((user) => question.choices.map(({ key, text }) => ({ user, choice: key, text, url: `${base}/${question.id}/${encodeURIComponent(key)}/${encodeURIComponent(user)}/${sign(question.id, key, user).toString("base64url")}` })));
  const { id, until, reach, why, findings } = question;
  const body = JSON.stringify({ version: 1, question: { id, until, text: renderQuestion(question, { whole: true }), reach, why, findings, quorum: question.quorum }, answers });
  const seconds = Math.floor(now() / 1000);
  const signature = createHmac("sha256", secretOf(secret)).update(`${seconds}.${body}`).digest("hex");
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", "sallyport-signature": `t=${seconds},v1=${signature}` }, body, redirect: "error", signal: AbortSignal.timeout(TIMEOUT) });
  await response.body?.cancel();
  if (!response.ok) throw new SallyportError("consent.webhook", `it answers ${response.status}`);
}

function secretOf(file: string): string {
  if ((statSync(file).mode & 0o077) !== 0) throw new SallyportError("consent.webhook", `others may read ${file}: chmod 600`);
  return readFileSync(file, "utf8").trim();
}

/** Resolves with what links start with. */
function listen({ listen: at, base }: WebhookOptions, open: ReadonlyMap<string, Open>, sign: Sign): Promise<string> {
  const [, host = "127.0.0.1", port = "0"] = /^(?:\[?(.*?)\]?:)?(\d+)$/.exec(at) ?? [];
  const server: Server = createServer((request, response) => answer(request, response, open, sign));
  server.requestTimeout = TIMEOUT;
  server.maxConnections = 64;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(port), host, () => {
      server.unref();
      const { address, port: its } = server.address() as AddressInfo;
      resolve((base ?? `http://${address.includes(":") ? `[${address}]` : address}:${its}`).replace(/\/$/, ""));
    });
  });
}

function answer(request: IncomingMessage, response: ServerResponse, open: ReadonlyMap<string, Open>, sign: Sign): void {
  const [token = "", user = "", choice = "", id = ""] = (request.url ?? "").split(/[?#]/)[0]?.split("/").toReversed().map(decoded) ?? [];
  const given = Buffer.from(token, "base64url");
  const right = sign(id, choice, user);
  const known = open.get(id);
  const chosen = known?.question.choices.find(({ key }) => key === choice);
  request.resume();
  if (given.length !== right.length || !timingSafeEqual(given, right)) return page(response, 404, "There is no such question.");
  if (known === undefined || chosen === undefined) return page(response, 410, "This has been answered, or is no longer asked.");
  if (request.method === "GET" || request.method === "HEAD") return page(response, 200, [...renderQuestion(known.question, { whole: true }), "", `Answer: ${chosen.text}, as ${user}`].join("\n"), chosen.text);
  if (request.method !== "POST") return page(response, 405, "GET or POST.");
  known.reply(choice, user, `link, from ${request.socket.remoteAddress ?? "?"}, token ${hash("sha256", token, "hex").slice(0, 12)}`);
  page(response, 200, `Answered: ${chosen.text}.`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function safe(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** No script, no style, nothing from elsewhere: what peers have written stands there as text. */
function page(response: ServerResponse, status: number, text: string, button?: string): void {
  const form = button === undefined ? "" : `<form method="post"><button>${safe(button)}</button></form>`;
  response.writeHead(status, { "content-type": "text/html; charset=utf-8", "content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'", "cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff", connection: "close" });
  response.end(`<!doctype html><meta charset="utf-8"><title>Sallyport</title><pre>${safe(text)}</pre>${form}\n`);
}
