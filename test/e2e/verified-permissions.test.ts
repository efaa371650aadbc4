/** Amazon Verified Permissions by its official client, against a stand-in that speaks its wire format. */
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ROOT, Running } from "../helpers.ts";
import { TOOLS, makeHome, writeManifest } from "../consent/scene.ts";

/** The package as it is installed, with the client beside it. */
function installed(home: string, withClient: boolean): string {
  const folder = join(home, "node_modules/sallyport");
  mkdirSync(folder, { recursive: true });
  cpSync(join(ROOT, "dist"), join(folder, "dist"), { recursive: true });
  cpSync(join(ROOT, "package.json"), join(folder, "package.json"));
  if (withClient) symlinkSync(join(ROOT, "test/e2e/node_modules/@aws-sdk"), join(home, "node_modules/@aws-sdk"));
  return join(folder, "dist/main.js");
}

describe("Amazon Verified Permissions", () => {
  it.each([
    ["ALLOW", "noted a"],
    ["DENY", "policy.denied"],
    ["error", "policy.point"],
  ])("says %s", async (decision, expected) => {
    const asked: { target: string | undefined; authorization: string | undefined; body: Record<string, never> }[] = [];
    const service = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk: Buffer) => (text += chunk.toString())).on("end", () => {
        const body = JSON.parse(text) as Record<string, never>;
        asked.push({ target: request.headers["x-amz-target"] as string, authorization: request.headers.authorization, body });
        const start = (body as unknown as { action: { actionId: string } }).action.actionId === "startServer";
        if (!start && decision === "error") response.writeHead(500, { "content-type": "application/x-amz-json-1.0" }).end('{"__type":"InternalServerException","message":"no"}');
        else response.writeHead(200, { "content-type": "application/x-amz-json-1.0" }).end(JSON.stringify({ decision: start ? "ALLOW" : decision, determiningPolicies: [{ policyId: "p1" }], errors: [] }));
      });
    });
    await new Promise<void>((done) => service.listen(0, "127.0.0.1", done));
    onTestFinished(() => void service.close());
    const place = makeHome();
    const flags = writeManifest(place, `${TOOLS}    consent: { ask: never }\n`, `policies: { point: { kind: verified-permissions, store: STORE, region: eu-central-1, url: "http://127.0.0.1:${(service.address() as AddressInfo).port}" } }\n`);
    const running = new Running([process.execPath, installed(place.home, true), "run", ...flags], { home: place.home, env: { ...place.env, AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "x", NODE_OPTIONS: "--no-warnings" } });
    running.send({ id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } } });
    await running.answerTo(1);
    running.send({ method: "notifications/initialized" });
    running.send({ id: 2, method: "tools/call", params: { name: "note", arguments: { text: "a", path: join(place.notes, "x") } } });
    expect(JSON.stringify(await running.answerTo(2))).toContain(expected);
    expect(asked.at(-1)).toMatchObject({ target: "VerifiedPermissions.IsAuthorized", authorization: expect.stringContaining("AWS4-HMAC-SHA256") as unknown, body: { policyStoreId: "STORE", action: { actionType: "Action", actionId: "callTool" }, resource: { entityType: "Tool", entityId: "notes/note" } } });
    const { context, entities } = (asked.at(-1) as (typeof asked)[number]).body as unknown as { context: { contextMap: object }; entities: { entityList: { identifier: { entityType: string }; tags?: object }[] } };
    expect(context.contextMap).toMatchObject({ reach: { set: [{ string: "write" }] }, ci: { boolean: false }, arguments: { entityIdentifier: { entityType: "Arguments" } } });
    expect(entities.entityList.find(({ identifier }) => identifier.entityType === "Arguments")?.tags).toEqual({ "/text": { string: "a" }, "/path": { string: join(place.notes, "x") } });
    running.child.stdin.end();
    await running.ended;
    expect(place.noted()).toHaveLength(expected === "noted a" ? 1 : 0);
  });

  it("says what to install where its client is missing", async () => {
    const place = makeHome();
    const flags = writeManifest(place, TOOLS, "policies: { point: { kind: verified-permissions, store: STORE } }\n");
    const { stderr } = await new Running([process.execPath, installed(place.home, false), "run", ...flags], { home: place.home, env: place.env }).ended;
    expect(stderr).toContain("npm install @aws-sdk/client-verifiedpermissions");
  });
});
