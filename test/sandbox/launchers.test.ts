/** Command lines as clients' files have them: what is taken over, and what would run something else than it says. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { SallyportError } from "../../src/errors.ts";
import { parseRunner, type RunnerName } from "../../src/sandbox/packages/commands.ts";
import { parseContainer } from "../../src/sandbox/packages/docker.ts";
import { gate, records, sallyport, scratch } from "../helpers.ts";

function code(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof SallyportError ? error.code : String(error);
  }
  return "taken";
}

describe("a package runner", () => {
  it.each([
    ["npx", "-y @scope/server@1.2.3 --port 1", { name: "@scope/server", range: "1.2.3", program: null }, "--port 1"],
    ["npx", "server", { name: "server", range: "", program: null }, ""],
    ["npx", "--yes -- server -y", { name: "server", range: "", program: null }, "-y"],
    ["npm", "exec --yes server@latest -- --flag", { name: "server", range: "latest", program: null }, "--flag"],
    ["npm", "x -y -- server --flag", { name: "server", range: "", program: null }, "--flag"],
    ["pnpm", "dlx server a b", { name: "server", range: "", program: null }, "a b"],
    ["yarn", "dlx -q server", { name: "server", range: "", program: null }, ""],
    ["bunx", "--bun server@^2", { name: "server", range: "^2", program: null }, ""],
    ["uvx", "mcp-server-git --repository .", { name: "mcp-server-git", range: "", program: null }, "--repository ."],
    ["uvx", "mcp-server-git==1.0", { name: "mcp-server-git", range: "==1.0", program: null }, ""],
    ["uvx", "mcp-server-git@latest", { name: "mcp-server-git", range: "", program: null }, ""],
    ["uvx", "mcp[cli]>=1.0,<2", { name: "mcp[cli]", range: ">=1.0,<2", program: null }, ""],
    ["uv", "tool run server x", { name: "server", range: "", program: null }, "x"],
    ["pipx", "run server", { name: "server", range: "", program: null }, ""],
  ] as const)("%s %s", (runner, line, wanted, rest) => {
    expect(parseRunner(runner, line.split(" "), false)).toEqual({ wanted, rest: rest === "" ? [] : rest.split(" ") });
  });

  it.each<[RunnerName, string, string]>([
    ["npx", "-c id", "launch.runner-option"],
    ["npx", "--call=id", "launch.runner-option"],
    ["npx", "-p server other", "launch.code"],
    ["npx", "--package=server -y other", "launch.code"],
    ["npx", "--node-options=--import=x server", "launch.runner-option"],
    ["npx", "git+https://example.invalid/x.git", "launch.package"],
    ["npx", "github:x/y", "launch.package"],
    ["npx", "./local", "launch.package"],
    ["npx", "https://example.invalid/x.tgz", "launch.package"],
    ["npx", "x@npm:y@1", "launch.package"],
    ["npx", "x@file:../y", "launch.package"],
    ["npx", "", "launch.package"],
    ["npm", "run build", "launch.runner-option"],
    ["npm", "exec -c id", "launch.runner-option"],
    ["pnpm", "exec id", "launch.runner-option"],
    ["yarn", "node -e 1", "launch.runner-option"],
    ["uvx", "--from x y", "launch.code"],
    ["uvx", "--with x y", "launch.runner-option"],
    ["uvx", "--python 3.9 y", "launch.runner-option"],
    ["uvx", "--index-url=http://example.invalid x", "launch.runner-option"],
    ["uvx", "git+https://example.invalid/x", "launch.package"],
    ["uvx", "x@https://example.invalid/x.whl", "launch.package"],
    ["pipx", "run --spec x y", "launch.code"],
    ["pipx", "run https://example.invalid/x.py", "launch.package"],
    ["uv", "pip install x", "launch.runner-option"],
  ])("%s %s is refused", (runner, line, refused) => {
    expect(code(() => parseRunner(runner, line.split(" "), false))).toBe(refused);
  });

  it("may name a program apart from its package where a manifest says so", () => {
    expect(parseRunner("npx", ["-y", "--package=@a/b@1", "program", "x"], true)).toEqual({ wanted: { name: "@a/b", range: "1", program: "program" }, rest: ["x"] });
    expect(parseRunner("uvx", ["--from", "a[b]==1", "program"], true)).toEqual({ wanted: { name: "a[b]", range: "==1", program: "program" }, rest: [] });
  });
});

describe("a container's command line", () => {
  it.each([
    ["run -i --rm mcp/time", { image: "mcp/time", args: [], environment: {}, user: null }],
    ["run --interactive --rm --name x --pull=always ghcr.io/o/server:1.2 stdio --flag", { image: "ghcr.io/o/server:1.2", args: ["stdio", "--flag"], environment: {}, user: null }],
    ["run -i --rm --init --network none -e LOG=debug -eMODE=x --env=A=b mcp/x --privileged", { image: "mcp/x", args: ["--privileged"], environment: { LOG: "debug", MODE: "x", A: "b" }, user: null }],
    ["run --user 1000:1000 -i x@sha256:0000000000000000000000000000000000000000000000000000000000000000", { image: "x@sha256:0000000000000000000000000000000000000000000000000000000000000000", args: [], environment: {}, user: { uid: 1000, gid: 65534 } }],
    ["container run -i -e MONKEY=x mcp/x", { image: "mcp/x", args: [], environment: { MONKEY: "x" }, user: null }],
  ])("%s", (line, taken) => {
    expect(parseContainer(line.split(" "))).toEqual(taken);
  });

  it.each([
    "run --privileged x", "run --privileged=true x", "run -v /:/host x", "run -v/:/host x", "run --volume=/:/host x", "run --mount type=bind,source=/,target=/h x", "run --volumes-from y x",
    "run --pid host x", "run --pid=host x", "run --network host x", "run --network=none --network=host x", "run --net=container:y x", "run --ipc=host x", "run --uts host x", "run --userns=host x", "run --cgroupns=host x",
    "run --cap-add ALL x", "run --cap-add=SYS_ADMIN x", "run --security-opt seccomp=unconfined x", "run --security-opt=apparmor=unconfined x", "run --device /dev/kvm x", "run --gpus all x", "run --runtime=runc x", "run --sysctl a=b x",
    "run --entrypoint sh x", "run --entrypoint=sh x", "run -e TOKEN x", "run -e API_KEY=abc x", "run -e APIKEY=abc x", "run -e DATABASE_URL=postgres://u:pw@h/db x", "run --env-file /etc/passwd x", "run -p 80:80 x", "run -P x", "run -t x", "run -it x", "run -ti x", "run -di x", "run --detach x",
    "run -u root x", "run -u 0 x", "run -u 0:5 x", "run -u 5:0 x", "run --group-add 0 x", "run --add-host a:1 x", "run --dns 1.1.1.1 x", "run --workdir /x y", "run --tmpfs /x y", "run --unknown x", "run --storage-opt size=1 x",
    "run --cidfile /tmp/x y", "run --log-driver", "exec x y", "compose up", "--host tcp://x run y", "-H tcp://x run y",
  ])("%s is refused", (line) => {
    expect(code(() => parseContainer(line.split(" ")))).toBe("launch.container-option");
  });

  it.each(["run", "run -i", "run -i --rm -- x", "run ../x", "run x;y", "run -i $(id)"])("%s names no image", (line) => {
    expect(code(() => parseContainer(line.split(" ")))).not.toBe("taken");
  });
});

describe("code in the command line", () => {
  it.each([
    "node -e 1", "node --eval=1", "node -p 1", "node -pe 1", "node --print 1", "node -", "python3 -c 1", "python3 -Ic 1", "python3 -uc1", "python3 -", "sh -c id", "bash -lc id", "bash -ec id", "sh -s", "perl -e 1", "perl -wE 1", "ruby -e 1", "php -r 1", "bun -e 1", "deno eval 1",
    "node --import data:text/javascript,1 x.js", "node --import=data:text/javascript,1 x.js", "node --require=./y.js x.js", "node -r ./y.js x.js", "bash --rcfile x y", "env node -e 1", "env -S node -e 1", "busybox sh -c id", "nice node -e 1", "timeout 5 sh -c id",
    "node --env-file x.js -e 1", "node --openssl-config x.js -e 1", "node --import=DATA:text/javascript,1 x.js", "node --experimental_loader=data:x x.js", "python3 -Rc1", "python3 -Pc1", "python3 --check-hash-based-pycs x.py -c 1", "python3 -m timeit 1", "python3 -mpdb -c 1", "python3 -i x.py",
    "perl -0e1", "perl -MPOSIX;print(1) x.pl", "perl -d x.pl", "bash -Ec x", "php -recho(1);", "find / -exec id {} +", "git -c alias.x=!id x", "awk BEGIN{system(\"id\")}", "flock / id", "setpriv id", "prlimit id", "/lib64/ld-linux-x86-64.so.2 /bin/sh -c id",
  ])("%s is refused", async (line) => {
    const { code: exit, stderr } = await sallyport(["explain", "--isolation", "bubblewrap", "--", ...line.split(" ")], { home: scratch() });
    expect([exit, stderr]).toEqual([2, expect.stringMatching(/launch\.(?:code|not-found|file)/)]);
  });
});

describe("variables that load code", () => {
  it.each(["NODE_OPTIONS=--import=x", "node_options=x", "LD_PRELOAD=/x", "PYTHONSTARTUP", "BASH_ENV=/x", "PERL5OPT=-Mx", "npm_config_node_options=x"])("%s is refused on the command line", async (variable) => {
    const { code: exit, stderr } = await sallyport(["explain", "--env", variable, "--", "true"], { home: scratch() });
    expect([exit, stderr]).toEqual([2, expect.stringContaining("cell.variable")]);
  });
});

describe("a script with options", () => {
  it.each(["node --no-warnings --enable-source-maps --max-old-space-size=512 $F x", "node --import=tsx $F", "python3 -u -W ignore $F -c x", "python3 -IB $F", "sh -eu $F -c x", "bash --noprofile -x $F", "perl -w -MFile::Spec $F -e x"])("%s", async (line) => {
    const home = scratch();
    const file = join(home, "server.js");
    writeFileSync(file, "");
    const { code: exit, stdout, stderr } = await sallyport(["explain", "--isolation", "bubblewrap", "--", ...line.replace("$F", file).split(" ")], { home });
    expect([exit, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(file);
  });
});

describe("an option that could take the script's name for its value", () => {
  it.each(["node --openssl-config $F -e 1", "node --icu-data-dir $F -e 1", "python3 --unknown $F -c 1", "deno run --unknown $F data:x", "bun --unknown $F x"])("%s is refused", async (line) => {
    const home = scratch();
    const file = join(home, "server.js");
    writeFileSync(file, "");
    const bin = join(home, "bin");
    mkdirSync(bin);
    for (const name of ["deno", "bun"]) writeFileSync(join(bin, name), "", { mode: 0o755 });
    const { code: exit, stderr } = await sallyport(["explain", "--isolation", "bubblewrap", "--", ...line.replace("$F", file).split(" ")], { home, env: { PATH: `${process.env["PATH"]}:${bin}` } });
    expect([exit, stderr]).toEqual([2, expect.stringContaining("launch.code")]);
  });
});

describe("what a package or an image says", () => {
  it("shows none of the caller's directories", async () => {
    const home = scratch();
    const data = join(home, "data");
    mkdirSync(data);
    const file = join(home, "server.js");
    writeFileSync(file, `#!/usr/bin/env -S node --title=${data}\n`, { mode: 0o755 });
    const plan = async (...args: string[]): Promise<string[]> => (JSON.parse((await sallyport(["explain", "--json", "--isolation", "bubblewrap", "--", file, ...args], { home })).stdout) as { plan: { given: { read: string[] } } }).plan.given.read;
    expect(await plan()).toEqual([]);
    expect(await plan(data)).toEqual([data]);
  });
});

describe("what lies in a directory that others may write", () => {
  it("is never run outside the cell: a version manager beside a script's interpreter, a module of the package manager's name", async () => {
    const home = scratch();
    const marker = join(home, "ran");
    const shims = join(home, ".pyenv/shims");
    mkdirSync(shims, { recursive: true });
    mkdirSync(join(home, ".pyenv/bin"));
    const plant = (file: string): void => writeFileSync(file, `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
    plant(join(shims, "node"));
    plant(join(home, ".pyenv/bin/pyenv"));
    const script = join(home, "server.js");
    writeFileSync(script, `#!${join(shims, "node")}\n`, { mode: 0o755 });
    await sallyport(["explain", "--isolation", "bubblewrap", "--", script], { home });
    writeFileSync(join(home, "pip.py"), `open(${JSON.stringify(marker)}, "w")\n`);
    await sallyport(["explain", "--isolation", "bubblewrap", "--", "uvx", "no-such-package-of-ours"], { home, cwd: home, env: { PIP_INDEX_URL: "http://127.0.0.1:9/simple", PIP_RETRIES: "0" } });
    expect(existsSync(marker)).toBe(false);
  }, 60_000);
});

describe("a bundle", () => {
  const bundle = (home: string, manifest: object, files: Record<string, string> = {}): string => {
    const file = join(home, "it.mcpb");
    writeFileSync(file, zipSync(Object.fromEntries(Object.entries({ "manifest.json": JSON.stringify(manifest), ...files }).map(([name, text]) => [name, Buffer.from(text)]))));
    return file;
  };
  const manifest = { name: "it", version: "1.0.0", server: { type: "node", entry_point: "server/index.mjs", mcp_config: { command: "node", args: ["${__dirname}/server/index.mjs", "${user_config.folders}", "--level=${user_config.level}"], env: { LEVEL: "${user_config.level}" } } }, user_config: { folders: { type: "directory", multiple: true, required: true, title: "Folders" }, level: { type: "string", default: "low" } } };
  const index = 'import { createInterface } from "node:readline"; createInterface({ input: process.stdin }).on("line", (line) => { const { id } = JSON.parse(line); console.log(JSON.stringify({ jsonrpc: "2.0", id, result: { text: JSON.stringify([process.argv.slice(2), process.env.LEVEL]) } })); });';

  it("runs as its manifest says, with what its settings are given, from the cache", async () => {
    const home = scratch();
    const [a, b] = [join(home, "a"), join(home, "b")];
    mkdirSync(a);
    mkdirSync(b);
    const file = bundle(home, manifest, { "server/index.mjs": index });
    for (let count = 0; count < 2; count += 1) {
      const running = gate([file, `folders=${a}`, `folders=${b}`], { home, flags: ["--isolation", "bubblewrap"] });
      running.send({ id: 1, method: "x" });
      expect(((await running.answerTo(1)) as { result: { text: string } }).result.text).toBe(JSON.stringify([[a, b, "--level=low"], "low"]));
      running.child.stdin.end();
      await running.ended;
      expect(records(home)[0]?.message).toMatchObject({ identity: { kind: "bundle", name: "it", version: "1.0.0", integrity: expect.stringMatching(/^sha256-/) }, read: expect.arrayContaining([a, b]) });
    }
  });

  it.each<[string, object, Record<string, string>, string[], RegExp]>([
    ["a setting is missing", manifest, { "server/index.mjs": index }, [], /it needs folders/],
    ["a setting is not known", manifest, { "server/index.mjs": index }, ["x=1"], /it takes folders=/],
    ["a name leads out of it", manifest, { "../evil": "x", "server/index.mjs": index }, ["folders=/tmp"], /leads out/],
    ["a name is absolute", manifest, { "/etc/evil": "x", "server/index.mjs": index }, ["folders=/tmp"], /leads out/],
    ["it names no command", { name: "it", server: {} }, {}, [], /no command/],
    ["its command carries code", { name: "it", server: { mcp_config: { command: "sh", args: ["-c", "id"] } } }, {}, [], /launch\.code/],
  ])("is refused where %s", async (_what, value, files, words, said) => {
    const home = scratch();
    const { code: exit, stderr } = await sallyport(["explain", "--isolation", "bubblewrap", "--", bundle(home, value, files), ...words], { home });
    expect([exit, stderr]).toEqual([2, expect.stringMatching(said)]);
    expect(existsSync(join(home, "sallyport/cache/evil"))).toBe(false);
  });

  it("is refused where it is no archive", async () => {
    const home = scratch();
    writeFileSync(join(home, "it.mcpb"), "not a zip");
    expect((await sallyport(["explain", "--", join(home, "it.mcpb")], { home })).code).toBe(2);
  });
});
