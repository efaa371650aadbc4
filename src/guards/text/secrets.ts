/** Known secrets by their form; likely ones by name and randomness. Found, they are masked and never repeated (CWE-200, CWE-532). */
import { hiddenCharacters } from "./hidden.ts";

interface Secret {
  readonly id: string;
  readonly test: RegExp;
}

export const KNOWN: readonly Secret[] = [
  { id: "aws-access-key", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/g },
  { id: "github-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))gh[pousr]_[A-Za-z0-9]{36,255}\b|(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))github_pat_[A-Za-z0-9_]{60,255}\b/g },
  { id: "gitlab-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))gl(?:pat|ptt|rt|dt|ft|soat|imt)-[A-Za-z0-9_-]{20,64}\b/g },
  { id: "slack-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))xox[abeoprs]-[A-Za-z0-9-]{10,250}\b|(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))xapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{32,}\b/g },
  { id: "slack-webhook", test: /https:\/\/hooks\.slack\.com\/services\/T[A-Z0-9]{6,}\/B[A-Z0-9]{6,}\/[A-Za-z0-9]{20,}/g },
  { id: "openai-key", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}\b|(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))sk-[A-Za-z0-9]{48}\b/g },
  { id: "anthropic-key", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))sk-ant-(?:api|admin|oat)\d{2}-[A-Za-z0-9_-]{80,}\b/g },
  { id: "stripe-key", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))[sr]k_(?:live|test)_[A-Za-z0-9]{16,247}\b|(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))whsec_[A-Za-z0-9+/=]{32,}/g },
  { id: "google-key", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))AIza[A-Za-z0-9_-]{35}\b/g },
  { id: "google-oauth", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))ya29\.[A-Za-z0-9_-]{30,}|(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))GOCSPX-[A-Za-z0-9_-]{28}\b/g },
  { id: "azure-storage-key", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))AccountKey=[A-Za-z0-9+/]{86}==/g },
  { id: "npm-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))npm_[A-Za-z0-9]{36}\b/g },
  { id: "pypi-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}/g },
  { id: "hugging-face-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))hf_[A-Za-z0-9]{34,}\b/g },
  { id: "sendgrid-key", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b/g },
  { id: "twilio-key", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))SK[0-9a-f]{32}\b/g },
  { id: "digitalocean-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))do[opr]_v1_[a-f0-9]{64}\b/g },
  { id: "shopify-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))shp(?:at|ca|pa|ss)_[a-f0-9]{32}\b/g },
  { id: "telegram-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))\d{8,10}:AA[A-Za-z0-9_-]{33}\b/g },
  { id: "discord-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}\b/g },
  { id: "vault-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))hv[sbr]\.[A-Za-z0-9_-]{24,}\b/g },
  { id: "linear-key", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))lin_api_[A-Za-z0-9]{40}\b/g },
  { id: "notion-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))(?:secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,})\b/g },
  { id: "age-key", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}\b/g },
  // With a key behind it, whatever stands before its lines: texts speak of the header, too.
  { id: "private-key", test: /-----BEGIN(?: |%20|\+)(?:[A-Z0-9]+(?: |%20|\+))*PRIVATE(?: |%20|\+)KEY(?:(?: |%20|\+)BLOCK)?-----(?=(?:(?!-----(?:BEGIN|END))[^]){0,600}?[A-Za-z0-9+/]{40})[^]*?(?:-----END(?: |%20|\+)(?:[A-Z0-9]+(?: |%20|\+))*PRIVATE(?: |%20|\+)KEY(?:(?: |%20|\+)BLOCK)?-----|$)/g },
  { id: "private-key", test: /---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----(?=[^]{0,600}?[A-Za-z0-9+/]{40})[^]*?(?:---- END SSH2 ENCRYPTED PRIVATE KEY ----|$)|PuTTY-User-Key-File-\d: [^]{0,4000}?Private-Lines: \d+(?=[^]{0,200}?[A-Za-z0-9+/]{40})[^]*?(?:Private-MAC: [0-9a-f]+|$)/g },
  { id: "json-web-token", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}\b/g },
  { id: "url-password", test: /(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/?#@"'<>]{1,80}:(?!\/\/)(?!\*+@|x+@|<|\{|\$|password@|pass@|secret@)[^\s/?#@"'<>]{3,120}@[\w.-]+/gi },
];
/** A name that says secret, and a value that looks like one. */
const LIKELY = /\b[\w.-]{0,40}?(?:secret|passw(?:or)?d|passwd|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|private[_-]?key|client[_-]?secret|token)["']?\s*(?:=|:|=>)\s*["']?([A-Za-z0-9+/_=.~!@#%^&*-]{16,200})/gi;
const PLACEHOLDER = /^(?:x+|\*+|\.+|your|example|changeme|placeholder|dummy|redacted|<|\$\{|\{\{|process\.env|os\.environ|env\.|null|undefined|true|false|test)|example|placeholder|(.)\1{7,}/i;

export interface FoundSecret {
  readonly id: string;
  readonly range: readonly [start: number, end: number];
}

/** One look for the pieces that every form starts with; most texts end here. */
const PREFILTER = /AKIA|ASIA|ABIA|ACCA|gh[pousr]_|github_pat_|gl(?:pat|ptt|rt|dt|ft|soat|imt)-|xox|xapp-|hooks\.slack|sk-|[sr]k_(?:live|test)|whsec_|AIza|ya29\.|GOCSPX|AccountKey=|npm_|pypi-|hf_|SG\.|SK[0-9a-f]{32}|do[opr]_v1_|shp(?:at|ca|pa|ss)_|:AA|[MNO][\w-]{23,27}\.|hv[sbr]\.|lin_api_|secret_|ntn_|AGE-SECRET|PRIVATE(?: |%20|\+)KEY|PuTTY-User|eyJ|:\/\/[^\s/@]{1,80}:[^\s/@]+@|secret|passw|api[_-]?key|access[_-]?key|token|private[_-]?key/i;

export function mayHoldSecrets(text: string): boolean {
  return PREFILTER.test(text);
}

export function findSecrets(text: string): FoundSecret[] {
  if (!mayHoldSecrets(text)) return [];
  const found: FoundSecret[] = [];
  for (const { id, test } of KNOWN) for (const match of text.matchAll(test)) found.push({ id, range: [match.index, match.index + match[0].length] });
  for (const match of text.matchAll(LIKELY)) {
    const value = match[1] as string;
    const start = match.index + match[0].length - value.length;
    if (PLACEHOLDER.test(value) || entropy(value) < 3.5 || !/\d/.test(value) || !/[A-Za-z]/.test(value) || found.some(({ range }) => range[0] <= start && start < range[1])) continue;
    found.push({ id: "likely", range: [start, start + value.length] });
  }
  return found;
}

/** Also those that invisible characters or terminal control hold apart, which would stand there whole once these are taken out. */
export function secretsIn(text: string): FoundSecret[] {
  const hidden = hiddenCharacters(text);
  const plain = findSecrets(text);
  if (hidden.length === 0) return plain;
  const kept: number[] = [];
  let shown = "";
  let from = 0;
  for (const [start, end] of [...hidden.map(({ range }) => range), [text.length, text.length] as const].sort(([a], [b]) => a - b)) {
    for (let at = from; at < start; at += 1) kept.push(at);
    shown += text.slice(from, Math.max(from, start));
    from = Math.max(from, end);
  }
  return [...plain, ...findSecrets(shown).map(({ id, range }) => ({ id, range: [kept[range[0]] as number, (kept[range[1] - 1] as number) + 1] as const }))];
}

/** Shannon's, in bits a character. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0);
}
