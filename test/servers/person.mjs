/**
 * A person at a terminal of their own: `person.mjs RESULT WORDS COMMAND…` runs a command of Sallyport's at a new terminal, reads
 * what is shown, chooses the answer that starts with WORDS, and types the code. Started so that nothing of the client's
 * stands above it (`apart` in test/consent/scene.ts).
 */
import { spawn } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";

const [result, words, ...command] = process.argv.slice(2);
const quoted = command.map((word) => `'${word}'`).join(" ");
const child = spawn("script", ["-qfec", quoted, "/dev/null"], { env: { ...process.env, TERM: "dumb" } });
let [shown, fresh] = ["", ""];
child.stdout.on("data", (chunk) => {
  shown += chunk;
  fresh += chunk;
  const number = shown.split(/\r?\n/).map((line) => /^ *(\d+) {2}(.*)$/.exec(line)).find((match) => match?.[2].startsWith(words))?.[1];
  const code = /Type (\w+) to answer so: $/.exec(fresh)?.[1];
  if (fresh.endsWith("Answer: ")) [fresh] = ["", child.stdin.write(`${number ?? 0}\n`)];
  else if (code !== undefined) [fresh] = ["", child.stdin.write(`${words === "WRONG CODE" ? "xxxxx" : code}\n`)];
});
child.on("close", (code) => {
  writeFileSync(`${result}.new`, JSON.stringify({ code, shown }));
  renameSync(`${result}.new`, result);
});
