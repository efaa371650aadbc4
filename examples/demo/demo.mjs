/** The main job, for real: an npm server behind the gate, an honest call, attacks, a question to a person, and a journal that proves it all. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { styleText } from "node:util";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const main = resolve(import.meta.dirname, "../../dist/main.js");
const filesystem = resolve(import.meta.dirname, "../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");
const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (style, text) => (colour ? styleText(style, text) : text);
const title = (text) => console.log(`\n${paint("bold", text)}`);
const line = (mark, text) => console.log(`  ${{ good: paint("green", "✓"), held: paint("green", "■"), note: paint("dim", "·"), bad: paint("red", "✗") }[mark]} ${text}`);

const folder = mkdtempSync(join(tmpdir(), "sallyport-demo-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
chmodSync(folder, 0o755);
const docs = join(folder, "docs");
mkdirSync(docs);
writeFileSync(join(docs, "hello.txt"), "Hello from a file that the server may read.\n");
const secret = join(folder, "secret.txt");
writeFileSync(secret, "This file lies beside the server's folder.\n");
const env = { PATH: process.env.PATH, HOME: folder, SALLYPORT_HOME: join(folder, "sallyport"), DEMO_API_KEY: "sk-demo-only-1234567890" };

/** Fails the demo when what it shows is not so. */
function expect(held, what) {
  if (held) return;
  line("bad", what);
  process.exit(1);
}

async function connect(command, args) {
  const client = new Client({ name: "demo", version: "1" });
  await client.connect(new StdioClientTransport({ command, args, env, stderr: "ignore" }));
  return client;
}

async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  return { refused: result.isError === true, text: result.content.map((part) => part.text ?? "").join("").trim() };
}

const sallyport = (...args) => spawnSync(process.execPath, [main, ...args], { env, encoding: "utf8" });

// Attacks that the server itself would stop prove nothing about the cell: links inside its folder lead out, and a
// server that is no careful one (a plain shell tool) runs in the same cell.
spawnSync("ln", ["-s", secret, join(docs, "link-to-secret")]);

title("1  A real server from npm, behind the gate");
console.log(paint("dim", `  sallyport run -- node …/server-filesystem ${docs}`));
const from = performance.now();
const client = await connect(process.execPath, [main, "run", "--", "node", filesystem, docs]);
line("good", `connected in ${Math.round(performance.now() - from)} ms to ${client.getServerVersion()?.name}`);
const honest = await call(client, "read_text_file", { path: join(docs, "hello.txt") });
expect(!honest.refused, "the honest call was refused");
line("good", `an honest call passes: "${honest.text}"`);

title("2  Attempts that come to nothing");
for (const path of [secret, join(docs, "link-to-secret"), "/proc/1/environ"]) {
  const { refused, text } = await call(client, "read_text_file", { path });
  expect(refused && !text.includes("beside the server"), `${path} was read`);
  line("held", `read ${path.replace(folder, "…")}: ${paint("dim", text.slice(0, 90).replaceAll(folder, "…"))}`);
}
await client.close();

const shell = await connect(process.execPath, [main, "run", "--", "node", resolve(import.meta.dirname, "careless-server.mjs")]);
for (const [command, leak] of [[`cat ${secret}`, "beside the server"], ["cat /proc/*/environ", "sk-demo-only"], ["id -u; cat /etc/shadow; ls /root /home", "root:"], ["echo x > /usr/planted && echo written", "written"], ["curl -sS -m 2 http://127.0.0.1/ || wget -T 2 http://127.0.0.1/", "<"]]) {
  const { text } = await call(shell, "shell", { command });
  expect(!text.includes(leak), `${command} got through: ${text}`);
  line("held", `a server that runs any command: ${command.replace(folder, "…")} ${paint("dim", `→ ${text.split("\n").at(-1).slice(0, 70)}`)}`);
}
await shell.close();

title("3  A call that can write waits for a person");
const notes = join(folder, "notes");
mkdirSync(notes);
chmodSync(notes, 0o777);
let [asked, answer] = ["", ""];
const writer = new Client({ name: "demo", version: "1" }, { capabilities: { elicitation: {} } });
writer.setRequestHandler("elicitation/create", async ({ params }) => {
  asked = params.message;
  return { action: "accept", content: { decision: answer } };
});
await writer.connect(new StdioClientTransport({ command: process.execPath, args: [main, "run", "--write", notes, "--", "node", filesystem, notes], env, stderr: "ignore" }));
for (answer of ["Deny", "Allow once"]) {
  const { refused } = await call(writer, "write_file", { path: join(notes, "note.txt"), content: "written" });
  const written = existsSync(join(notes, "note.txt"));
  expect(refused === (answer === "Deny") && written === (answer !== "Deny"), `${answer}, and the file is ${written ? "there" : "not there"}`);
  if (answer === "Deny") for (const text of asked.split("\n").slice(1)) line("note", paint("dim", text.replaceAll(folder, "…")));
  line(written ? "good" : "held", `the person says "${answer}": the file is ${written ? "written" : "not written"}`);
}
await writer.close();

title("4  What the kernel says of the cell (read from outside, before the server ran)");
const journal = join(folder, "sallyport/state/journal");
const records = readdirSync(join(journal, "sessions")).sort().map((name) => readFileSync(join(journal, "sessions", name), "utf8").split("\n").filter((text) => text.startsWith('{"seq"')).map((text) => JSON.parse(text)));
const attestation = records[0][1].message;
expect(attestation.event === "attestation" && attestation.broken.length === 0 && !attestation.uids.includes(0), "the attestation is not what it should be");
line("good", `uid ${attestation.uids[0]} on this machine, capabilities ${attestation.capabilities.Eff}, no new privileges: ${attestation.noNewPrivileges}, system call filters: ${attestation.seccomp.filters}`);
line("good", `namespaces of its own: ${Object.keys(attestation.namespaces).join(" ")}`);
line("good", `writable: ${attestation.mounts.filter(({ writable, type }) => writable && !["proc", "devtmpfs"].includes(type)).map(({ at }) => at).join(" ")}; variables: ${attestation.environment.join(" ")}`);
for (const missing of attestation.notEnforced) line("note", `not enforced here: ${missing}`);

title("5  The journal");
line("note", `${records.flat().length} records in ${records.length} sessions: every line of stdin, stdout and stderr`);
const good = sallyport("journal", "verify", "--all");
expect(good.status === 0, good.stdout);
for (const text of good.stdout.trim().split("\n").slice(0, -1)) line("good", text);

title("6  One byte changed");
const file = join(journal, "sessions", readdirSync(join(journal, "sessions")).sort()[0]);
const bytes = readFileSync(file);
const at = bytes.indexOf("Hello from a file");
bytes[at] = "J".charCodeAt(0);
writeFileSync(file, bytes);
const wrong = sallyport("journal", "verify", "--all");
expect(wrong.status === 1 && wrong.stdout.includes("WRONG"), "the change was not found");
line("note", `byte ${at}: Hello → Jello`);
line("held", paint("red", wrong.stdout.split("\n").find((text) => text.includes("WRONG"))));
console.log(`\n${paint("green", "Everything held.")} Put the same in front of a server of yours: sallyport run -- npx -y PACKAGE`);
