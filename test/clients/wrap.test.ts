/** The gate goes before any server of any client's file and out again: byte for byte, and with exactly a person's edits in between. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Client } from "../../src/clients/client.ts";
import { CLIENTS } from "../../src/clients/table.ts";
import { serversOf, type ClientServer } from "../../src/clients/servers.ts";
import { gateLength } from "../../src/clients/gate-words.ts";
import { whyNoGate } from "../../src/clients/no-gate.ts";
import type { Host } from "../../src/model.ts";
import { unwrap, wrap, type Wrapped } from "../../src/clients/wrap.ts";
import type { ClientFile } from "../../src/clients/places.ts";
import { models, written } from "./layouts.ts";

const OWN = "/opt/tools/main.js";
const GATE = ["/usr/bin/node", OWN, "run", "--server", "x y", "--manifest", "/home/ü/sallyport.yaml", "--"];
const fileOf = (client: Client): ClientFile => ({ client, place: client.places[0] as ClientFile["place"], scope: "user", path: "/f", project: null });

function protect(file: ClientFile, text: string): { text: string; wrapped: Wrapped[] } {
  const names = serversOf(file, text).servers.map(({ path }) => path.join("\0"));
  return names.reduce((now, name) => {
    const server = serversOf(file, now.text).servers.find(({ path }) => path.join("\0") === name);
    if (server === undefined) throw new Error(`${name} is gone`);
    const done = wrap(file, now.text, server, GATE);
    return { text: done.text, wrapped: [...now.wrapped, done.wrapped] };
  }, { text, wrapped: [] as Wrapped[] });
}

function unprotect(file: ClientFile, text: string, known: readonly Wrapped[]): string {
  const names = serversOf(file, text).servers.map(({ path }) => path.join("\0"));
  return names.reduce((now, name) => {
    const server = serversOf(file, now).servers.find(({ path }) => path.join("\0") === name);
    if (server === undefined) throw new Error(`${name} is gone`);
    return unwrap(file, now, server, known.find(({ path }) => path.join("\0") === name) ?? null, [OWN]) ?? now;
  }, text);
}

const HOST = { program: ["/usr/bin/node", OWN], cwd: "/p", dirs: { config: "/home/me/.config/sallyport" } } as unknown as Host;
const isProtected = (argv: readonly string[], env: Record<string, string> = {}, project: string | null = null): boolean => gateLength(argv, [OWN]) !== null && whyNoGate({ argv, env, names: [], cwd: null, beside: null, file: { ...fileOf(CLIENTS[0] as Client), project } } as unknown as ClientServer, HOST) === null;

describe("a gate before a server", () => {
  it.each([["sallyport", "run", "--", "x"], ["/usr/bin/node", OWN, "run", "--", "x"], ["node", OWN, "run", "--quiet", "--", "x"], ["sallyport", "run", "--isolation=podman", "--read=docs", "--", "x"]])("is one: %s %s %s", (...argv) => expect(isProtected(argv)).toBe(true));
  it.each([
    ["node", "evil.js", "sallyport", "run", "--", "x"], ["/tmp/sallyport", "run", "--", "x"], ["npx", "sallyport-evil", "run", "--", "x"], ["npx", "evil", "sallyport", "run"], ["node", "sallyport", "run", "--", "x"],
    ["sh", "-c", "sallyport run -- x"], ["sallyport", "explain", "--", "x"], ["npx", "--package=evil", "sallyport", "run", "--", "x"], ["env", "sallyport", "run", "--", "x"], ["./sallyport", "run", "--", "x"], ["SALLYPORT", "run", "--", "x"],
    ["/tmp/evil/node", OWN, "run", "--", "x"], ["./node", OWN, "run", "--", "x"], ["node", "/tmp/evil/dist/main.js", "run", "--", "x"], ["node", "--require", "evil.js", OWN, "run", "--", "x"], ["npm", "sallyport", "run", "--", "x"],
    ["npx", "-y", "sallyport@1.2.3", "run", "--", "x"], ["pnpm", "exec", "sallyport", "run", "--", "x"], ["bunx", "sallyport", "run", "--", "x"], ["npm", "exec", "--", "sallyport", "run", "--", "x"],
    ["sallyport", "run", "--isolation=none", "--", "evil"], ["sallyport", "run", "--quiet=x", "--", "x"], ["sallyport", "run", "--update", "--", "x"], ["sallyport", "run", "--durability", "disk", "--durability", "process", "--", "x"], ["sallyport", "run", "--server", "s", "--", "x"], ["sallyport", "run", "--read", "${HOME}", "--", "x"],
    ["sallyport", "run", "--isolation", "none", "--reason", "x", "--", "evil"], ["sallyport", "run", "--help", "--", "evil"], ["sallyport", "run", "evil", "--", "x"],
  ])("is none: %s %s %s", (...argv) => expect(isProtected(argv)).toBe(false));
  it("is not any program with a main.js", () => expect(gateLength(["node", "/srv/app/dist/main.js", "run", "--", "x"], [OWN])).toBeNull());
  it.each(["NODE_OPTIONS", "LD_PRELOAD", "npm_config_registry", "PATH"])("is none with %s set for it", (name) => expect(isProtected(["sallyport", "run", "--", "x"], { [name]: "x" })).toBe(false));
  it("has no manifest from elsewhere in a project", () => {
    expect(isProtected(["sallyport", "run", "--manifest", "/tmp/evil.yaml", "--", "x"], {}, "/p")).toBe(false);
    expect(isProtected(["sallyport", "run", "--", "x"], { SALLYPORT_HOME: "/p/evil" }, "/p")).toBe(false);
    expect(isProtected(["sallyport", "run", "--manifest", "/p/sallyport.yaml", "--", "x"], {}, "/p")).toBe(true);
  });
});

describe.each(CLIENTS.map((client) => [client.id, client] as const))("a file of %s", (_, client) => {
  const file = fileOf(client);

  it("comes back byte for byte, and with exactly the edits of a person", () => {
    fc.assert(fc.property(models.chain((servers) => fc.tuple(fc.constant(servers), written(client, servers), fc.array(fc.tuple(fc.nat(30), fc.constantFrom("", "changed", "more  and more", "ü\u{1F600}")), { maxLength: 4 }))), ([servers, { text, marks }, edits]) => {
      const before = serversOf(file, text);
      expect(before.servers.length).toBeGreaterThan(0);
      expect(before.servers.length).toBeLessThanOrEqual(servers.length);
      const { text: guarded, wrapped } = protect(file, text);
      for (const { argv } of serversOf(file, guarded).servers) expect(argv.slice(0, GATE.length)).toEqual(GATE);
      expect(serversOf(file, guarded).servers.map(({ argv }) => argv.slice(GATE.length))).toEqual(before.servers.map(({ argv }) => argv));
      expect(serversOf(file, guarded).servers.map(({ env }) => env)).toEqual(before.servers.map(({ env }) => env));
      const edit = (one: string): string => edits.reduce((now, [index, to]) => (marks.length === 0 ? now : now.replaceAll(marks[index % marks.length] as string, to)), one);
      expect(unprotect(file, edit(guarded), wrapped)).toBe(edit(text));
    }), { numRuns: 60 });
  });

  it("comes back in meaning where nothing is known but the file", () => {
    fc.assert(fc.property(models.chain((servers) => written(client, servers)), ({ text }) => {
      const back = unprotect(file, protect(file, text).text, []);
      expect(serversOf(file, back).servers.map(({ argv, env }) => ({ argv, env }))).toEqual(serversOf(file, text).servers.map(({ argv, env }) => ({ argv, env })));
    }), { numRuns: 20 });
  });
});
