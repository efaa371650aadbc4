/** Images of their own, with everything in them that an image can say to get more than a cell gives. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAIN, gate, isRoot, records, sallyport, scratch, server } from "../helpers.ts";
import { BACKENDS } from "./engines.ts";

const ENGINES = BACKENDS.filter((backend) => backend === "docker" || backend === "podman");
const NAME = "localhost/sallyport-test-image:1";

/** Built without network on top of the image that Sallyport makes for Node; `bare` has no shell. */
function build(engine: string, home: string): void {
  const explained = execFileSync(process.execPath, [MAIN, "explain", "--json", "--isolation", engine, "--", "node", server("caller.mjs")], { env: { ...process.env, SALLYPORT_HOME: join(home, "sallyport") }, stdio: ["ignore", "pipe", "ignore"], encoding: "utf8" });
  const base = (JSON.parse(explained) as { plan: { image: { name: string } } }).plan.image.name;
  const folder = join(home, "image");
  mkdirSync(folder, { recursive: true });
  const container = execFileSync(engine, ["create", "--network", "none", "--entrypoint", "/bin/sh", base], { encoding: "utf8" }).trim();
  execFileSync("sh", ["-c", `${engine} export ${container} | tar -x -C ${folder} && ${engine} rm -f ${container}`], { stdio: "ignore" });
  execFileSync("cp", [server("caller.mjs"), join(folder, "caller.mjs")]);
  const settings = ["ENTRYPOINT [\"/usr/bin/node\", \"/caller.mjs\"]", "ENV FROM_IMAGE=yes PATH=/usr/bin:/bin LD_PRELOAD=/nowhere.so CONTAINER_HOST=tcp://127.0.0.1:9", "VOLUME /data/", "USER 1000:42", "WORKDIR /"].flatMap((line) => ["--change", line]);
  writeFileSync(join(folder, "etc/marker"), "the image\n");
  execFileSync("sh", ["-c", `tar -c -C ${folder} . | ${engine} import ${settings.map((word) => `'${word}'`).join(" ")} - ${NAME}`], { stdio: "ignore" });
  execFileSync("rm", ["-f", join(folder, "usr/bin/sh"), join(folder, "usr/bin/dash")]);
  execFileSync("sh", ["-c", `tar -c -C ${folder} . | ${engine} import ${settings.map((word) => `'${word}'`).join(" ")} - ${NAME.replace(":1", "-bare:1")}`], { stdio: "ignore" });
}

describe.runIf(isRoot).each(ENGINES)("an image of %s's", (engine) => {
  let home: string;
  beforeAll(() => {
    home = execFileSync("mktemp", ["-d"], { encoding: "utf8" }).trim();
    build(engine, home);
  }, 120_000);
  afterAll(() => {
    for (const name of [NAME, NAME.replace(":1", "-bare:1")]) execFileSync(engine, ["rmi", "--force", name], { stdio: "ignore" });
    execFileSync("rm", ["-rf", home]);
  });

  it.each([["with a shell", NAME], ["without one", NAME.replace(":1", "-bare:1")]])("runs %s as a cell does, whatever it says of itself", async (_what, image) => {
    const own = scratch();
    const running = gate([engine, "run", "-i", "--rm", "-e", "SAID=1", image], { home: own, env: { TOKEN: "t" }, flags: ["--env", "TOKEN", "--consent", "never"] });
    running.send({ id: 1, method: "try", params: { how: "run", argv: ["/usr/bin/node", "-e", 'const fs = require("fs"); const tried = (file) => { try { fs.writeFileSync(file, "x"); return true; } catch { return false; } }; console.log(JSON.stringify({ uid: process.getuid(), gid: process.getgid(), env: Object.keys(process.env).sort(), written: ["/data/x", "/tmp/x", "/etc/x", "/x", "/caller.mjs"].filter(tried), marker: fs.readFileSync("/etc/marker", "utf8") }))'] } });
    const { result } = (await running.answerTo(1)) as { result: { text: string } };
    const seen = JSON.parse(result.text) as { uid: number; env: string[]; written: string[]; marker: string };
    expect(seen).toMatchObject({ uid: 1000, gid: 65534, written: ["/data/x", "/tmp/x"], marker: "the image\n" });
    expect(seen.env).toEqual(expect.arrayContaining(["FROM_IMAGE", "SAID", "TOKEN"]));
    running.child.stdin.end();
    await running.ended;
    const [begin] = records(own).map(({ message }) => message);
    expect(begin).toMatchObject({ isolation: engine, identity: { kind: "image", name: image, integrity: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) } });
    // A volume would be a directory of the engine's on the disk, and stay.
    expect(execFileSync(engine, ["volume", "ls", "--quiet"], { encoding: "utf8" })).toBe("");
  }, 60_000);

  it("is not another one because its name has moved", async () => {
    const own = scratch();
    const plan = async (): Promise<{ image: { id: string } }> => (JSON.parse((await sallyport(["explain", "--json", "--", engine, "run", "-i", NAME], { home: own })).stdout) as { plan: { image: { id: string } } }).plan;
    const before = await plan();
    expect(before.image.id).toMatch(/^sha256:/);
    const { stderr, code } = await sallyport(["explain", "--", engine, "run", "-i", "--privileged", NAME], { home: own });
    expect([code, stderr]).toEqual([2, expect.stringContaining("launch.container-option")]);
    const missing = await sallyport(["explain", "--", engine, "run", "-i", "localhost:1/no/such:1"], { home: own });
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("cell.image")]);
  }, 120_000);
});
