import { SCOPES } from "../clients/client.ts";
import type { Allowed } from "../clients/examine.ts";
import { survey, type Found, type Survey } from "../clients/find.ts";
import { CLIENTS } from "../clients/table.ts";
import { SallyportError } from "../errors.ts";
import { makeDirectories } from "../gate/open-journal.ts";
import type { Host } from "../model.ts";
import { STORES } from "../secrets/store.ts";
import { closeInherited } from "../sandbox/inherited.ts";
import { CHOICE_FLAGS, chosen } from "./chosen.ts";
import { COMMON_FLAGS, painter, parseFlags, table, type Command, type Paint } from "./command.ts";
import { protect } from "./protect-run.ts";
import type { Result } from "./protect-screen.ts";
import { watchClients } from "./protect-watch.ts";

const HELP = `sallyport protect [OPTION…]

Puts the gate in front of the servers that stand in the files of MCP clients. Starts each of them once in a closed cell,
shows what it is, what it offers and seems to need, and the change to the file; written only on confirmation, with a backup.
Comments, order and everything else in the file stay. sallyport unprotect undoes it.

  --client NAME        only this client; repeatable. ${CLIENTS.map(({ id }) => id).join(", ").replaceAll(/(.{1,90})(?:, |$)/g, "$1,\n                       ").trim().replace(/,$/, "")}
  --server NAME        only this server; repeatable
  --scope NAME         only files of this scope; repeatable: ${SCOPES.join(", ")}
  --read PATH, --write DIR, --host NAME:PORT, --address RANGE
                       what the server gets beyond what its command line names; together with one --server
  --secrets STORE      move secrets out of the clients' files: file (encrypted with age) or keyring (the system's)
  --dry-run            show everything, change no file of a client's and no manifest
  --yes                write without asking; what a finding holds back stays hidden until it is approved
  --check              only say which servers are not protected
  --watch              go on, and tell when a file gains an unprotected server
  --json               one document

Exit code: 0 everything that can be is protected, 1 something is not.

Example: sallyport protect --client claude-code
`;

const FLAGS = {
  ...COMMON_FLAGS,
  ...CHOICE_FLAGS,
  read: { type: "string", multiple: true },
  write: { type: "string", multiple: true },
  host: { type: "string", multiple: true },
  address: { type: "string", multiple: true },
  secrets: { type: "string" },
  "dry-run": { type: "boolean" },
  yes: { type: "boolean" },
  check: { type: "boolean" },
  watch: { type: "boolean" },
} as const;

export const command: Command = async (args, host) => {
  const { values, positionals } = parseFlags(args, FLAGS, Infinity);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  const asked = chosen(values, positionals);
  const allowed: Allowed = { read: values.read ?? [], write: values.write ?? [], hosts: values.host ?? [], addresses: values.address ?? [] };
  if (Object.values(allowed).some(({ length }) => length > 0) && values.server?.length !== 1) throw new SallyportError("usage.option", "--read, --write, --host and --address are of one server: name it with --server");
  const store = STORES.find((one) => one === values.secrets) ?? null;
  if (values.secrets !== undefined && store === null) throw new SallyportError("usage.option", `--secrets ${values.secrets}: one of ${STORES.join(", ")}`);
  const seen = survey(asked, host);
  const paint = painter(host, values["no-color"]);
  if (values.watch === true) return watchClients(asked, host);
  if (values.check === true) return check(seen, values.json === true, paint, host);
  if (values.yes !== true && values["dry-run"] !== true && !host.stdin.isTTY) throw new SallyportError("usage.nobody", "--dry-run shows what it would do");
  closeInherited();
  makeDirectories(host);
  const results = await protect(seen, { allowed, yes: values.yes === true, dry: values["dry-run"] === true, quiet: values.json === true, store, paint }, host);
  if (values.json === true) host.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  else {
    host.stdout.write(`${summary(results, seen, paint)}\n`);
    if (results.some(({ state }) => state === "protected")) host.stderr.write("sallyport: what each may do stands in sallyport.yaml, named above; sallyport unprotect gives the files back\n");
  }
  return results.some(({ state }) => state === "failed" || state === "left") ? 1 : 0;
};

function check({ found, broken }: Survey, asJson: boolean, paint: Paint, host: Host): number {
  const rows = found.map(({ file, name, state, detail }) => ({ client: file.client.id, scope: file.scope, file: file.path, server: name, state, detail }));
  const open = rows.filter(({ state }) => state === "open" || state === "other" || state === "unreadable").length + broken.length;
  if (asJson) host.stdout.write(`${JSON.stringify({ ok: open === 0, servers: rows, broken: broken.map(({ file, error }) => ({ client: file.client.id, file: file.path, code: error.code, message: error.message })) }, null, 2)}\n`);
  else {
    const colour = { open: "red", other: "red", unreadable: "red", protected: "green", remote: "dim" } as const;
    const lines = table(rows.map(({ state, server, client, scope, file, detail }) => [state === "open" || state === "other" ? "NOT PROTECTED" : state, server, `${client}, ${scope}`, state === "other" || state === "unreadable" ? `${file}: ${detail}` : file]), (cell, column, row) => (column === 0 ? paint(colour[(rows[row] as { state: Found["state"] }).state], cell) : cell));
    host.stdout.write(`${lines}${rows.length === 0 && broken.length === 0 ? "no client of this machine has a server" : ""}\n${broken.map(({ error }) => `${paint("red", "cannot be read")}  ${error.detail}\n`).join("")}`);
    if (open > 0) host.stderr.write(`sallyport: ${open} not protected; next step: ${open > broken.length ? "sallyport protect" : "mend the files that cannot be read"}\n`);
  }
  return open === 0 ? 0 : 1;
}

function summary(results: readonly Result[], { files }: Survey, paint: Paint): string {
  if (results.length === 0) return files.length === 0 ? "no file of a client that is known here; sallyport protect --help lists them" : "the clients' files hold no servers";
  const colour = { protected: "green", "already protected": "green", "would be protected": "yellow", remote: "dim", left: "yellow", failed: "red" } as const;
  const rows = results.map(({ state, server, client, scope, detail, next, code }) => [state === "failed" ? "not protected" : state, server, `${client}, ${scope}`, state === "failed" ? `${detail} (${code}); ${next}` : state === "protected" ? `then: ${next}` : state === "remote" ? next : ""]);
  return table(rows, (cell, column, row) => (column === 0 ? paint(colour[(results[row] as Result).state], cell) : cell));
}

