import { existsSync } from "node:fs";
import { foundIn, survey } from "../clients/find.ts";
import { masked } from "../clients/secrets.ts";
import { backups, readRecord, records } from "../clients/records.ts";
import { unprotectFile } from "../clients/unprotect.ts";
import { type SallyportError, asSallyportError, escapeControls } from "../errors.ts";
import type { ClientFile } from "../clients/places.ts";
import { CHOICE_FLAGS, chosen } from "./chosen.ts";
import { COMMON_FLAGS, painter, parseFlags, table, type Command } from "./command.ts";
import { changeOf } from "./protect-screen.ts";

const HELP = `sallyport unprotect [OPTION…]

Takes the gate out of the clients' files again. A file that nobody has edited since gets back the very bytes that were
there; in one that was edited, exactly those edits stay. What protect wrote into the manifest goes with it, unless it was
changed by hand.

  --client NAME   only this client; repeatable
  --server NAME   only this server; repeatable
  --scope NAME    only files of this scope; repeatable
  --dry-run       show the change, write nothing
  --backups       list the copies that were kept of each file
  --json          one document

Exit code: 0 done, 1 something is still protected.

Example: sallyport unprotect --client cursor
`;

const FLAGS = { ...COMMON_FLAGS, ...CHOICE_FLAGS, "dry-run": { type: "boolean" }, backups: { type: "boolean" } } as const;

interface Row {
  readonly client: string;
  readonly file: string;
  readonly server: string;
  readonly done: boolean;
  readonly detail: string;
}

export const command: Command = async (args, host) => {
  const { values, positionals } = parseFlags(args, FLAGS, Infinity);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  const asked = chosen(values, positionals);
  if (values.backups === true) {
    const all = backups(host);
    host.stdout.write(values.json === true ? `${JSON.stringify(all, null, 2)}\n` : `${table(all.map(({ of, file }) => [of, file])) || "no file was changed yet"}\n`);
    return 0;
  }
  const paint = painter(host, values["no-color"]);
  const { found, broken } = survey(asked, host);
  const guarded = found.filter(({ state }) => state === "protected" || state === "other");
  const files = new Map<string, { file: ClientFile; names: string[] }[]>();
  for (const { file, name } of guarded) {
    const inFile = files.get(file.path) ?? [];
    const known = inFile.find((one) => one.file.place === file.place);
    if (known === undefined) files.set(file.path, [...inFile, { file, names: [name] }]);
    else known.names.push(name);
  }
  const rows: Row[] = broken.filter(({ file }) => readRecord(file.path, host) !== null).map(({ file, error }) => ({ client: file.client.id, file: file.path, server: "all of them", done: false, detail: `${error.message} (${error.code}); ${error.hint}` }));
  for (const { file, names } of [...files.values()].flat()) {
    const row = (server: string, error: SallyportError | null): Row => ({ client: file.client.id, file: file.path, server, done: error === null, detail: error === null ? file.client.reload : `${error.message} (${error.code}); ${error.hint}` });
    try {
      const { undone, before, after } = await unprotectFile(file, names, values["dry-run"] === true, host);
      rows.push(...undone.map(({ name, error, left }) => ({ ...row(name, error), ...(left === undefined ? {} : { detail: `${file.client.reload}; left in the manifest: ${left}` }) })));
      if (values["dry-run"] === true && values.json !== true) host.stdout.write(`${escapeControls(file.path)}\n${changeOf(before, after, paint, (line) => foundIn(file, after, host).reduce((now, { server }) => (server === null ? now : masked(now, server)), line)).map((line) => `  ${line}\n`).join("")}`);
    } catch (error) {
      rows.push(...names.map((name) => row(name, asSallyportError(error))));
    }
  }
  if (values.json === true) host.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else host.stdout.write(`${table(rows.map(({ done, server, client, detail }) => [done ? (values["dry-run"] === true ? "would be open" : "open") : "still protected", server, client, done ? `then: ${detail}` : detail])) || "no client has a protected server"}\n`);
  // Files of projects are found from their own directories only.
  const elsewhere = asked.clients.length + asked.servers.length + asked.scopes.length > 0 ? [] : records(host).map(({ path }) => path).filter((path) => existsSync(path) && !files.has(path));
  for (const path of elsewhere) host.stderr.write(`sallyport: also protected: ${escapeControls(path)}; go to its project's directory, and run the same there\n`);
  return rows.every(({ done }) => done) && elsewhere.length === 0 ? 0 : 1;
};
