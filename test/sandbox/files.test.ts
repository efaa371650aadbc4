/** What a cell shows of the caller's files, tried from inside with a shell. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { gate, isRoot, records, sallyport, scratch, sessionFiles } from "../helpers.ts";

/** Runs a script in a cell and returns what it wrote, out of the journal. */
async function inside(script: string, home: string, flags: string[] = [], cwd = home, more: string[] = []): Promise<string> {
  const file = join(scratch(), "script.sh");
  writeFileSync(file, `exec 2>&1; ${script}`);
  const running = gate(["sh", file, ...more], { home, flags, cwd });
  const { stderr } = await running.ended;
  if (sessionFiles(home).length === 0) throw new Error(stderr);
  return records(home).filter(({ stream }) => stream === "server").map(({ text = "" }) => text).join("\n");
}

function folder(...parts: string[]): string {
  const path = join(...parts);
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o777);
  return path;
}

describe("a directory", () => {
  it("named in the arguments is read-only, plain or as an option's value, and through a link", async () => {
    const home = scratch();
    const one = folder(home, "one dir");
    const two = folder(home, "zwei:ä\\'\"$x");
    const real = folder(home, "real");
    const link = join(home, "link");
    symlinkSync(real, link);
    for (const at of [one, two, real]) writeFileSync(join(at, "f"), `in ${at}`);
    const said = await inside('for d; do d=${d#--root=}; cat "$d/f"; echo; echo x > "$d/g"; done', home, [], home, [one, `--root=${two}`, link]);
    expect(said).toContain(`in ${one}`);
    expect(said).toContain(`in ${two}`);
    expect(said).toContain(`in ${real}`);
    expect(said.match(/Read-only file system/g)).toHaveLength(3);
  });

  it("inside another keeps its own right, whichever way round", async () => {
    const home = scratch();
    const outer = folder(home, "outer");
    const inner = folder(outer, "inner");
    const deepest = folder(inner, "deepest");
    const script = `for d in ${outer} ${inner} ${deepest}; do echo x > $d/new && echo "wrote $d"; done`;
    expect(await inside(script, home, ["--read", outer, "--write", inner])).toContain(`wrote ${inner}\nwrote ${deepest}`);
    const other = await inside(script, home, ["--write", outer, "--read", inner, "--write", deepest]);
    expect([other.includes(`wrote ${outer}\n`), other.includes(`wrote ${inner}\n`), other.includes(`wrote ${deepest}`)]).toEqual([true, false, true]);
  });

  it("that is /tmp itself is shown, and the scratch memory moves aside", async () => {
    const home = scratch();
    const mark = `new-${process.pid}`;
    const said = await inside(`ls -d ${home}; echo x > $TMPDIR/new && echo "scratch is $TMPDIR, home $HOME"; echo x > /tmp/${mark}`, home, ["--read", "/tmp"]);
    expect(said).toContain(home);
    expect(said).toContain("scratch is /var/tmp, home /var/tmp/home");
    expect(existsSync(`/tmp/${mark}`)).toBe(false);
  });

  it("with newlines in its name is taken as it is", async () => {
    const home = scratch();
    const odd = folder(home, "a\nb");
    writeFileSync(join(odd, "f"), "odd");
    expect(await inside('cat "$1/f"', home, [], home, [odd])).toBe("odd");
  });

  it("of the current directory is where the server starts, when it is shown", async () => {
    const home = scratch();
    const work = folder(home, "work");
    expect(await inside("pwd", home, ["--read", "."], work)).toBe(work);
    expect(await inside("pwd", home, [], work)).toBe("/tmp/home");
  });
});

describe("Sallyport's own directories", () => {
  it.each([
    ["for writing", "--write", (home: string) => home],
    ["through a link", "--read", (home: string) => `${home}-link`],
  ])("cannot be given %s with what lies around them", async (_, flag, path) => {
    const home = scratch();
    symlinkSync(home, `${home}-link`);
    onTestFinished(() => rmSync(`${home}-link`));
    const { code, stderr } = await gate(["true"], { home, flags: [flag, path(home)] }).ended;
    expect([code, stderr.includes("cell.path")]).toEqual([2, true]);
  });

  it("are hidden in a home that is given for reading, also under another name", async () => {
    const flag = "--read";
    const home = scratch();
    chmodSync(home, 0o777);
    await inside("true", home);
    const key = join(home, "sallyport/state/keys/journal.pem");
    const before = readFileSync(key, "utf8");
    if (isRoot) for (const at of ["", "state", "state/keys", "state/journal"]) chmodSync(join(home, "sallyport", at), 0o777);
    if (isRoot) chmodSync(key, 0o600);
    const said = await inside(`ls -la ${home}/sallyport/state; cat ${key}; echo x > ${home}/sallyport/state/x; rm -rf ${home}/sallyport/state ; mv ${home}/sallyport/state ${home}/moved; mkdir -p ${home}/sallyport/config && echo x > ${home}/sallyport/config/sallyport.yaml`, home, [flag, home]);
    expect(said).not.toContain("PRIVATE");
    expect(said).not.toContain("journal.pem\n-");
    expect(readFileSync(key, "utf8")).toBe(before);
    expect(existsSync(join(home, "moved"))).toBe(false);
    expect(existsSync(join(home, "sallyport/state/x"))).toBe(false);
    expect((await sallyport(["journal", "verify", "--all"], { home })).code).toBe(0);
  });
});

describe("a script", () => {
  it("runs with its package, the modules above it, and nothing else of the home", async () => {
    const home = scratch();
    const project = folder(home, "project/src");
    folder(home, "project/node_modules/dep");
    writeFileSync(join(home, "project/package.json"), '{"type":"module"}');
    writeFileSync(join(home, "project/node_modules/dep/index.js"), "module.exports = 'dep'");
    writeFileSync(join(home, "project/node_modules/dep/package.json"), "{}");
    writeFileSync(join(home, "private.txt"), "private");
    writeFileSync(join(project, "server.js"), `import dep from "dep"; import { existsSync } from "node:fs"; console.log(dep, existsSync("${home}/private.txt"))`);
    await gate(["node", "project/src/server"], { home }).ended;
    expect(records(home).find(({ stream }) => stream === "server")?.text).toBe("dep false");
  });

  it("that lies in the home itself brings only itself", async () => {
    const home = scratch();
    writeFileSync(join(home, "server.mjs"), `import { readdirSync } from "node:fs"; console.log(readdirSync("${home}").join())`);
    writeFileSync(join(home, "private.txt"), "private");
    await gate(["node", join(home, "server.mjs")], { home }).ended;
    expect(records(home).find(({ stream }) => stream === "server")?.text).toBe("server.mjs");
  });

  it("is found through its first line, with the interpreter outside /usr", async () => {
    const home = scratch();
    const prefix = folder(home, "versions/v1/bin");
    folder(home, "versions/v1/lib");
    writeFileSync(join(home, "versions/v1/lib/data"), "from the prefix");
    writeFileSync(join(prefix, "myinterp"), '#!/bin/sh\ncat "$(dirname "$0")/../lib/data"; echo; echo "$@"\n', { mode: 0o755 });
    writeFileSync(join(home, "server"), "#!/usr/bin/env -S myinterp --flag\n", { mode: 0o755 });
    await gate([join(home, "server"), "arg"], { home, env: { PATH: `${prefix}:${process.env["PATH"]}` } }).ended;
    const said = records(home).filter(({ stream }) => stream === "server").map(({ text }) => text);
    expect(said).toEqual(["from the prefix", `--flag ${join(home, "server")} arg`]);
  });
});

describe("a package", () => {
  it("is fetched once, pinned, and starts without network and without npm", { timeout: 120_000 }, async () => {
    const home = scratch();
    const start = (env: Record<string, string> = {}): Promise<{ code: number | null; stderr: string }> => gate(["npx", "-y", "semver@7.6.3", "1.2.3"], { home, env }).ended;
    const first = await start();
    expect(first.stderr).toContain("fetched semver 7.6.3");
    const second = await start({ npm_config_registry: "http://127.0.0.1:9/", NPM_CONFIG_OFFLINE: "true" });
    expect([second.code, second.stderr.includes("fetch")]).toEqual([0, false]);
    for (const file of sessionFiles(home)) {
      const [begin, , ...rest] = records(home, file);
      expect(begin?.message).toMatchObject({ identity: { kind: "npm", name: "semver", version: "7.6.3", integrity: expect.stringMatching(/^sha512-/) as string } });
      expect(rest.find(({ stream }) => stream === "server")?.text).toBe("1.2.3");
    }
    writeFileSync(join(home, ".npmrc"), "fetch-retries=0\n");
    const shelf = join(home, "sallyport/cache/npm/semver@7.6.3");
    expect(JSON.parse(readFileSync(join(shelf, "pin.json"), "utf8"))).toMatchObject({ version: "7.6.3", withoutScripts: [] });
    const third = await gate(["npx", "-y", "semver@7.6.3", "1.2.3"], { home, flags: ["--update"], env: { npm_config_registry: "http://127.0.0.1:9/" } }).ended;
    expect([third.code, third.stderr.includes("launch.fetch")]).toEqual([3, true]);
  });

  it("that does not exist is an error with npm's reason", { timeout: 120_000 }, async () => {
    const { code, stderr } = await gate(["npx", "-y", "semver@999.0.0"], { home: scratch() }).ended;
    expect(code).toBe(3);
    expect(stderr).toContain("launch.fetch");
    expect(stderr).toContain("sallyport: npm: ");
  });
});

describe("explain and doctor", () => {
  it("say what run does, and start nothing", async () => {
    const home = scratch();
    const docs = folder(home, "docs");
    const { code, stdout } = await sallyport(["explain", "--json", "--write", docs, "--", "node", join(import.meta.dirname, "../servers/echo.mjs")], { home });
    const { plan, digest } = JSON.parse(stdout) as { plan: { mounts: { kind: string; at: string }[] }; digest: string };
    expect(code).toBe(0);
    expect(plan.mounts.filter(({ kind }) => kind === "write").map(({ at }) => at)).toEqual([docs]);
    expect(existsSync(join(home, "sallyport/state/journal"))).toBe(false);
    const running = gate(["node", join(import.meta.dirname, "../servers/echo.mjs")], { home, flags: ["--write", docs] });
    running.child.stdin.end();
    await running.ended;
    expect(records(home)[0]?.message?.["plan"]).toBe(digest);
    const plain = await sallyport(["explain", "--", "true"], { home });
    expect(plain.stdout).toMatch(/network\s+none/);
  });

  it("finds this machine able, and says what it tried", async () => {
    const { code, stdout } = await sallyport(["doctor", "--json"], { home: scratch() });
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: { state: string; what: string }[] };
    expect([code, ok]).toEqual([0, true]);
    expect(checks.map(({ what }) => what)).toEqual(expect.arrayContaining(["network", "uid", "capabilities", "system calls", "namespaces", "files", "limits", "control groups"]));
  });
});
