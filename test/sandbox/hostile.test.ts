/** A hostile program in the cell and, in the same run, outside of it: what fails here must have worked there. */
import { chmodSync, existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Running, gate, isRoot, processesWith, scratch, server } from "../helpers.ts";
import { CANARY, finished, scene } from "./scene.ts";

const asUser = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "--"];

/** What a host may not have in the first place, or what needs a mount that the control does not make. */
const ABSENT = ["read it by way of /proc/1/root", "remount a root writable", "open an AF_ALG socket", "open a vsock socket", "open a netlink audit socket", "set up io_uring"];

describe("a hostile program", () => {
  for (const who of isRoot ? ["root", "a user"] : ["a user"]) {
    it(`gets nothing in the cell of a gate started by ${who}`, async () => {
      const { home, settings, victim, connections, paths } = await scene();
      if (who === "a user" && isRoot) chmodSync(home, 0o777);
      const before = who === "a user" && isRoot ? asUser : [];
      const more = ["/planted", "/usr/planted", "/etc/planted", "/dev/planted", "/proc/planted", "/home/planted", "/root/planted", "/var/planted"].join(":");
      const running = gate(["perl", server("hostile.pl"), ...settings, "scratch=/tmp", `more_places=${more}`], { home, before, env: { SALLYPORT_CANARY: CANARY.split("=")[1] as string, EXTRA: "x" }, flags: ["--read", paths.root] });
      const tried = await finished(running);
      expect(tried.filter(({ succeeded }) => succeeded)).toEqual([]);
      expect(tried.length).toBeGreaterThan(100);
      // The same, seen from outside.
      expect(victim.exitCode).toBe(null);
      expect(existsSync(paths.signalled)).toBe(false);
      expect(existsSync(paths.rootPlanted)).toBe(false);
      expect(existsSync(paths.outsidePlanted)).toBe(false);
      expect(more.split(":").filter((place) => existsSync(place))).toEqual([]);
      expect(connections).toEqual([]);
    });
  }

  it.runIf(isRoot)("gets everything without the gate, in the same run", async () => {
    const { home, settings, connections, paths } = await scene();
    const running = new Running(["unshare", "--mount", "--uts", "--propagation", "private", "--", "perl", server("hostile.pl"), ...settings, `scratch=${home}`], { home, env: { SALLYPORT_CANARY: CANARY.split("=")[1] as string, EXTRA: "x" } });
    const tried = await finished(running);
    expect(tried.filter(({ attempt, succeeded }) => !succeeded && !ABSENT.includes(attempt))).toEqual([]);
    expect(existsSync(paths.signalled)).toBe(true);
    expect(existsSync(paths.rootPlanted)).toBe(true);
    expect(existsSync(paths.outsidePlanted)).toBe(true);
    expect(connections).toContain("tcp");
    expect(connections).toContain("unix");
  });

  it("connects to nothing outside, either", async () => {
    const { home, settings, paths } = await scene();
    // A documentation address: whatever the host's routes are, the cell has none, and must say so at once.
    const running = gate(["perl", server("hostile.pl"), ...settings, "scratch=/tmp", "outer=192.0.2.1:80"], { home, flags: ["--read", paths.root] });
    const outer = (await finished(running)).find(({ attempt }) => attempt === "connect to an outside address");
    expect(outer).toEqual({ attempt: "connect to an outside address", succeeded: false, detail: "Network is unreachable" });
  });
});

describe("a bomb", () => {
  const explode = async (kind: string): Promise<{ said: string[]; took: number; home: string }> => {
    const home = scratch();
    const from = Date.now();
    const running = gate(["perl", server("bomb.pl"), kind], { home });
    running.child.stdin.write("");
    await running.until(() => running.stdout.includes('"done"') || running.child.exitCode !== null, "the end of the bomb", 40_000).catch(() => {});
    running.child.stdin.end();
    await running.ended;
    return { said: running.messages.map((message) => JSON.stringify(message["params"])), took: Date.now() - from, home };
  };

  it("of processes stops at the limit, and all of them are gone afterwards", async () => {
    const { said } = await explode("fork");
    const made = Number(/"made":(\d+)/.exec(said.join())?.[1]);
    expect(made).toBeGreaterThan(100);
    expect(made).toBeLessThanOrEqual(512);
    expect(processesWith("bomb.pl")).toEqual([]);
  });

  it("of memory is ended or refused at the limit", async () => {
    const { said } = await explode("memory");
    const held = Math.max(...said.map((line) => Number(/"held":(\d+)/.exec(line)?.[1] ?? 0)));
    expect(held).toBeGreaterThan(512);
    expect(held).toBeLessThan(2048 + 64);
  });

  it("of files stops at the size of the scratch memory", async () => {
    const { said } = await explode("disk");
    expect(Number(/"written":(\d+)/.exec(said.join())?.[1])).toBeLessThanOrEqual(256);
  });

  it("of descriptors stops at the limit", async () => {
    const { said } = await explode("files");
    expect(Number(/"opened":(\d+)/.exec(said.join())?.[1])).toBeLessThanOrEqual(4096);
  });
});
