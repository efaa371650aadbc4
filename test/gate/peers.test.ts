/** Real servers from npm and the official clients, both generations: through the gate they say what they say without it. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as TransportV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { describe, expect, it } from "vitest";
import { MAIN, ROOT, records, scratch } from "../helpers.ts";

interface Setting {
  readonly docs: string;
  readonly memory: string;
}

interface Peer {
  readonly args: (setting: Setting) => string[];
  readonly env: (setting: Setting) => Record<string, string>;
  readonly flags: (setting: Setting) => string[];
  readonly calls: (setting: Setting) => [name: string, args: Record<string, unknown>][];
}

const PEERS: Record<string, Peer> = {
  "server-filesystem": {
    args: ({ docs }) => [docs],
    env: () => ({}),
    flags: ({ docs }) => ["--write", docs, "--consent", "never"],
    calls: ({ docs }) => [
      ["list_directory", { path: docs }],
      ["read_text_file", { path: join(docs, "a.txt") }],
      ["read_media_file", { path: join(docs, "a.png") }],
      ["write_file", { path: join(docs, "b.txt"), content: "größe €\n\u2028" }],
      ["edit_file", { path: join(docs, "b.txt"), edits: [{ oldText: "größe", newText: "size" }] }],
      ["read_text_file", { path: join(docs, "b.txt") }],
      ["directory_tree", { path: docs }],
      ["read_text_file", { path: join(docs, "none.txt") }],
      ["search_files", { path: docs, pattern: "**/*.txt" }],
    ],
  },
  "server-everything": {
    args: () => [],
    env: () => ({}),
    flags: () => [],
    calls: () => [["echo", { message: "hello" }], ["get-sum", { a: 2, b: 40 }], ["get-tiny-image", {}], ["get-structured-content", { location: "Chicago" }], ["get-annotated-message", { messageType: "error", includeImage: true }]],
  },
  "server-memory": {
    args: () => [],
    env: ({ memory }) => ({ MEMORY_FILE_PATH: memory }),
    flags: ({ memory }) => ["--env", `MEMORY_FILE_PATH=${memory}`, "--write", join(memory, ".."), "--consent", "never"],
    calls: () => [
      ["create_entities", { entities: [{ name: "a", entityType: "t", observations: ["o1", "o2"] }] }],
      ["add_observations", { observations: [{ entityName: "a", contents: ["o3"] }] }],
      ["read_graph", {}],
      ["search_nodes", { query: "o3" }],
    ],
  },
  "server-sequential-thinking": {
    args: () => [],
    env: () => ({}),
    flags: () => [],
    calls: () => [["sequentialthinking", { thought: "one", nextThoughtNeeded: true, thoughtNumber: 1, totalThoughts: 2 }], ["sequentialthinking", { thought: "two", nextThoughtNeeded: false, thoughtNumber: 2, totalThoughts: 2 }]],
  },
};

type AnyClient = Pick<ClientV1, "close" | "getServerVersion" | "getServerCapabilities" | "getInstructions"> & Record<"listTools" | "listResources" | "listPrompts" | "ping", () => Promise<unknown>> & { callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<unknown> };

interface Command {
  readonly command: string;
  readonly args: string[];
  readonly env: Record<string, string>;
}

const CLIENTS: Record<string, (command: Command) => Promise<AnyClient>> = {
  "SDK v1": async (command) => {
    const client = new ClientV1({ name: "test", version: "1" });
    await client.connect(new TransportV1({ ...command, stderr: "ignore" }));
    return client;
  },
  "SDK v2": async (command) => {
    const client = new ClientV2({ name: "test", version: "1" });
    await client.connect(new TransportV2({ ...command, stderr: "ignore" }));
    return client;
  },
  "SDK v2, probing": async (command) => {
    const client = new ClientV2({ name: "test", version: "1" }, { versionNegotiation: { mode: "auto" } });
    await client.connect(new TransportV2({ ...command, stderr: "ignore" }));
    return client;
  },
};

/** Everything that the server says to a fixed list of questions; errors are answers too. */
async function interview(client: AnyClient, calls: ReturnType<Peer["calls"]>): Promise<unknown[]> {
  const ask = (question: () => Promise<unknown>): Promise<unknown> => question().catch((error: unknown) => ({ error: String(error), code: (error as { code?: unknown }).code }));
  const answers: unknown[] = [client.getServerVersion(), client.getServerCapabilities(), client.getInstructions()];
  for (const list of ["listTools", "listResources", "listPrompts"] as const) answers.push(await ask(() => client[list]()));
  for (const [name, args] of calls) answers.push(await ask(() => client.callTool({ name, arguments: args })));
  await client.close();
  return answers;
}

/** A new folder with the same contents and times, at the same path both ways. */
function setting(home: string, name: string): Setting {
  const docs = join(home, name);
  mkdirSync(join(docs, "sub"), { recursive: true });
  chmodSync(docs, 0o777);
  writeFileSync(join(docs, "a.txt"), "hello\n");
  writeFileSync(join(docs, "a.png"), Buffer.from("89504e470d0a1a0a", "hex"));
  const memory = join(home, `${name}-memory`);
  mkdirSync(memory);
  chmodSync(memory, 0o777);
  return { docs, memory: join(memory, "memory.json") };
}

describe.each(Object.keys(PEERS))("%s", (name) => {
  it.each(Object.keys(CLIENTS))("says the same to %s through the gate", async (kind) => {
    const peer = PEERS[name] as Peer;
    const connect = CLIENTS[kind] as (command: Command) => Promise<AnyClient>;
    const home = scratch();
    const file = join(ROOT, "node_modules/@modelcontextprotocol", name, "dist/index.js");
    const env = { PATH: process.env["PATH"] ?? "", HOME: home, SALLYPORT_HOME: join(home, "sallyport") };

    const direct = setting(home, "direct");
    const without = await interview(await connect({ command: process.execPath, args: [file, ...peer.args(direct)], env: { ...env, ...peer.env(direct) } }), peer.calls(direct));
    const gated = setting(home, "gated");
    const through = await interview(await connect({ command: process.execPath, args: [MAIN, "run", ...peer.flags(gated), "--", "node", file, ...peer.args(gated)], env }), peer.calls(gated));

    expect(JSON.parse(JSON.stringify(through).replaceAll(join(home, "gated"), "DOCS"))).toEqual(JSON.parse(JSON.stringify(without).replaceAll(join(home, "direct"), "DOCS")));
    expect(without.length).toBeGreaterThan(7);
    expect(records(home).filter(({ verdict }) => verdict === "deny")).toEqual([]);
  });
});
