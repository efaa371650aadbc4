/** Questions go out signed, and come back by links that hold once. */
import { createHmac } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../helpers.ts";
import { TOOLS, connect, events, makeHome, writeManifest, type Connected, type Home } from "./scene.ts";

interface Posted {
  readonly question: { readonly id: string; readonly text: string[]; readonly quorum: number };
  readonly answers: { readonly user: string; readonly choice: string; readonly url: string }[];
}

async function scene({ status = 200, mode = 0o600, consent = "" } = {}): Promise<{ place: Home; client: Connected; posted: Posted[]; raw: { body: string; signature: string }[] }> {
  const place = makeHome();
  const [posted, raw]: [Posted[], { body: string; signature: string }[]] = [[], []];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString())).on("end", () => {
      raw.push({ body, signature: String(request.headers["sallyport-signature"]) });
      posted.push(JSON.parse(body) as Posted);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((done) => receiver.listen(0, "127.0.0.1", done));
  onTestFinished(() => void receiver.close());
  writeFileSync(join(place.home, "secret"), "s3cret\n");
  chmodSync(join(place.home, "secret"), mode);
  const flags = writeManifest(place, `${TOOLS}    consent: { seconds: 20, webhook: { url: "http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook", secret: secret }${consent} }\n`);
  return { place, client: await connect(place, "handshake", { flags }), posted, raw };
}

const link = (posted: Posted[], choice: string, user?: string): string => posted.at(-1)?.answers.find((one) => one.choice === choice && (user === undefined || one.user === user))?.url ?? "";
const page = async (url: string, method = "GET"): Promise<{ status: number; text: string }> => fetch(url, { method }).then(async (response) => ({ status: response.status, text: await response.text() }));

describe("a webhook", () => {
  it("gets the question, signed; its link answers once, and only when it is pressed", async () => {
    const { place, client, posted, raw } = await scene();
    const call = client.call("note", { text: "<b>a</b>" });
    await eventually(() => posted.length === 1, "the question");
    const [, time, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(raw[0]?.signature ?? "") ?? [];
    expect(mac).toBe(createHmac("sha256", "s3cret").update(`${time}.${raw[0]?.body}`).digest("hex"));
    const shown = await page(link(posted, "once"));
    expect([shown.status, shown.text]).toEqual([200, expect.stringContaining("&#60;b&#62;a")]);
    expect(place.noted()).toEqual([]);
    expect(await page(link(posted, "once"), "POST")).toMatchObject({ status: 200 });
    expect((await call).text).toBe("noted <b>a</b>");
    for (const method of ["GET", "POST"]) expect((await page(link(posted, "always:any"), method)).status).toBe(410);
    await client.close();
    expect(JSON.stringify(events(place))).not.toContain(link(posted, "once").split("/").at(-1));
    expect(events(place).at(-1)).toMatchObject({ event: "consent.answered", votes: [{ channel: "webhook" }] });
  });

  it("answers nothing to a token of another making, of another answer, person or question", async () => {
    const { place, client, posted } = await scene();
    const first = client.call("note", { text: "a" });
    await eventually(() => posted.length === 1, "the question");
    const [deny, once] = [link(posted, "deny"), link(posted, "once")];
    const second = client.call("note", { text: "b" });
    await eventually(() => posted.length === 2, "the second question");
    const other = link(posted, "once");
    const forged = [once.replace(/[^/]+$/, "AAAA"), once.replace(/[^/]+$/, deny.split("/").at(-1) as string), once.replace(/[^/]+$/, other.split("/").at(-1) as string), once.replace(/\/[^/]+(\/[^/]+)$/, "/somebody$1"), once.replace("/once/", "/always%3Aany/"), `${once}x`, once.replace(/[^/]+$/, "")];
    for (const url of forged) expect((await page(url, "POST")).status, url).toBe(404);
    expect(place.noted()).toEqual([]);
    await page(deny, "POST");
    expect((await first).text).toContain("consent.denied");
    await client.close();
    await second.catch(() => {});
    expect(place.noted()).toEqual([]);
  });

  it("that cannot be reached, or whose secret others may read, leaves the other channels", async () => {
    for (const options of [{ status: 500 }, { mode: 0o644 }]) {
      const { place, client } = await scene(options);
      const call = client.call("note", { text: "a" }).catch(() => null);
      await eventually(() => events(place).some(({ event, channel }) => event === "consent.channel" && channel === "webhook"), "a record of it");
      await client.close();
      await call;
      expect(place.noted()).toEqual([]);
    }
  });

  it("counts the people that are named, each once", async () => {
    const { client, posted, place: home } = await scene({ consent: ", approvers: [ann, ben]" });
    const call = client.call("note", { text: "a" });
    await eventually(() => posted.length === 1, "the question");
    expect([...new Set(posted[0]?.answers.map(({ user }) => user))]).toEqual(["ann", "ben"]);
    await page(link(posted, "once", "ben"), "POST");
    expect((await call).text).toBe("noted a");
    expect(events(home).at(-1)).toMatchObject({ votes: [{ user: "ben", channel: "webhook" }] });
  });
});
