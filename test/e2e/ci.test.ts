/** Jobs in CI: who they are is what a real OpenID provider's token says, and nobody is asked. */
import { execFileSync } from "node:child_process";
import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { SignJWT, exportJWK, exportSPKI } from "jose";
import { Provider } from "oidc-provider";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TOOLS, connect, makeHome, sallyport, writeManifest, type Home } from "../consent/scene.ts";

const AUDIENCE = "https://sallyport.example/acme";
let server: Server;
let issuer: string;
let keys: { private: KeyObject; public: KeyObject; kid: string }[];
let provider: Provider;

function makeKey(kid: string): (typeof keys)[number] {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { private: privateKey, public: publicKey, kid };
}

/** A provider as a CI service runs one; its keys can be changed while it runs. */
async function startProvider(signing: (typeof keys)[number][]): Promise<Provider> {
  const jwks = await Promise.all(signing.map(async ({ private: key, kid }) => ({ ...(await exportJWK(key)), kid, alg: "ES256", use: "sig" })));
  return new Provider(issuer, {
    jwks: { keys: jwks },
    clients: [{ client_id: "repo:acme/app", client_secret: "s", grant_types: ["client_credentials"], redirect_uris: [], response_types: [], id_token_signed_response_alg: "ES256" }, { client_id: "repo:evil/app", client_secret: "s", grant_types: ["client_credentials"], redirect_uris: [], response_types: [], id_token_signed_response_alg: "ES256" }],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false }, resourceIndicators: { enabled: true, getResourceServerInfo: (_ctx, resource) => ({ scope: "", audience: resource, accessTokenTTL: 300, accessTokenFormat: "jwt", jwt: { sign: { alg: "ES256" } } }) } },
    extraTokenClaims: (_ctx, { clientId = "" }) => ({ sub: clientId, repository: clientId.slice("repo:".length), ref: "refs/heads/main", actor: "octocat" }),
  });
}

async function tokenOf(client = "repo:acme/app", audience = AUDIENCE): Promise<string> {
  const answer = await fetch(`${issuer}/token`, { method: "POST", headers: { authorization: `Basic ${Buffer.from(`${encodeURIComponent(client)}:s`).toString("base64")}`, "content-type": "application/x-www-form-urlencoded" }, body: new URLSearchParams({ grant_type: "client_credentials", resource: audience }) });
  const { access_token: token, ...rest } = (await answer.json()) as { access_token?: string };
  if (token === undefined) throw new Error(JSON.stringify(rest));
  return token;
}

beforeAll(async () => {
  server = createServer((request, response) => provider.callback()(request, response));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  keys = [makeKey("one")];
  provider = await startProvider(keys);
});
afterAll(() => server.close());

const CI = (): string => `ci:\n  issuers: ["${issuer}"]\n  audience: ${AUDIENCE}\n  require: { repository: [acme/app] }\n`;
const POLICY = '@id("main") permit(principal is Workload, action, resource) when { principal has repository && principal.repository == "acme/app" && principal has ref && principal.ref == "refs/heads/main" };';

function job(place: Home, { policy = POLICY, ci = CI(), more = "" } = {}): string[] {
  writeFileSync(join(place.home, "p.cedar"), policy);
  return [...writeManifest(place, `${TOOLS}${more}`, `policies: { files: [p.cedar] }\n${ci}`), "--ci"];
}

/** What a job's call comes to. */
async function call(token: string | null, flags: (place: Home) => string[], tool = "note"): Promise<{ text: string; noted: string[] }> {
  const place = makeHome();
  if (token !== null) place.env["SALLYPORT_OIDC_TOKEN"] = token;
  const args = flags(place);
  const started = await sallyport(place, "explain", ...args.filter((one) => one !== "--ci"));
  expect(started.stderr).not.toContain("manifest.");
  try {
    const client = await connect(place, "handshake", { flags: args });
    const { text } = await client.call(tool, { text: "a" });
    await client.close();
    return { text, noted: place.noted() };
  } catch {
    const { stderr } = await sallyport(place, "run", ...args);
    return { text: stderr, noted: place.noted() };
  }
}

/** A token of the test's own making; everything right but what is said otherwise. */
async function forged(claims: object, { key = (keys[0] as (typeof keys)[number]).private, alg = "ES256", kid = "one" }: { key?: KeyObject | Uint8Array; alg?: string; kid?: string } = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ iss: issuer, aud: AUDIENCE, sub: "repo:acme/app", repository: "acme/app", ref: "refs/heads/main", iat: now, exp: now + 300, ...claims }).setProtectedHeader({ alg, kid }).sign(key);
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a job", () => {
  it("with a good token does what policies permit to it, and nobody is asked", async () => {
    const { text, noted } = await call(await tokenOf(), job);
    expect([text, noted]).toEqual(["noted a", ['note {"text":"a"}']]);
  });

  it("does nothing else: what would be asked is refused", async () => {
    const start = 'permit(principal is Workload, action in [Action::"startServer", Action::"approveChange"], resource);';
    expect((await call(await tokenOf(), (place) => job(place, { policy: start }))).text).toContain("policy.denied");
    const asked = await call(await tokenOf(), (place) => job(place, { policy: `${start} @consent("ask") permit(principal, action == Action::"callTool", resource);` }));
    expect([asked.text, asked.noted]).toEqual([expect.stringContaining("consent.nobody"), []]);
    // Who permits it to everybody has not said that nobody need be asked.
    const everybody = await call(await tokenOf(), (place) => job(place, { policy: `${start} permit(principal, action == Action::"callTool", resource);` }));
    expect([everybody.text, everybody.noted]).toEqual([expect.stringContaining("consent.nobody"), []]);
  });

  it.each<[string, () => Promise<string | null>, string]>([
    ["no token", async () => null, "ci.token"],
    ["no token at all in it", async () => "x", "ci.identity"],
    ["another audience", () => tokenOf("repo:acme/app", "https://elsewhere.example"), "ci.identity"],
    ["another repository", () => tokenOf("repo:evil/app"), "ci.identity"],
    ["an expired one", () => forged({ iat: 1, exp: Math.floor(Date.now() / 1000) - 120 }), "ci.identity"],
    ["one that never expires", () => forged({ exp: undefined }), "ci.identity"],
    ["one of the future", () => forged({ nbf: Math.floor(Date.now() / 1000) + 600 }), "ci.identity"],
    ["no subject", () => forged({ sub: undefined }), "ci.identity"],
    ["another issuer", () => forged({ iss: "https://token.actions.githubusercontent.com" }), "ci.identity"],
    ["an issuer that looks alike", () => forged({ iss: `${issuer}/` }), "ci.identity"],
    ["an unknown key under a known name", () => forged({}, { key: makeKey("one").private }), "ci.identity"],
    ["an unknown key under its own name", () => forged({}, { key: makeKey("two").private, kid: "two" }), "ci.identity"],
    ["no algorithm", async () => `${part({ alg: "none" })}.${(await forged({})).split(".")[1]}.`, "ci.identity"],
    ["the public key as a secret", async () => {
      const signed = `${part({ alg: "HS256", kid: "one" })}.${(await forged({})).split(".")[1]}`;
      return `${signed}.${createHmac("sha256", await exportSPKI(keys[0]?.public as KeyObject)).update(signed).digest("base64url")}`;
    }, "ci.identity"],
    ["a key of its own in the header", async () => {
      const own = makeKey("own");
      return new SignJWT({ iss: issuer, aud: AUDIENCE, sub: "repo:acme/app", repository: "acme/app" }).setProtectedHeader({ alg: "ES256", jwk: (await exportJWK(own.public)) }).setIssuedAt().setExpirationTime("5m").sign(own.private);
    }, "ci.identity"],
    ["other claims under the same signature", async () => {
      const [head, , signature] = (await tokenOf("repo:evil/app")).split(".");
      return `${head}.${(await tokenOf()).split(".")[1]}.${signature}`;
    }, "ci.identity"],
  ])("with %s does nothing", async (_, token, code) => {
    const { text, noted } = await call(await token(), job);
    expect([text, noted]).toEqual([expect.stringContaining(code), []]);
  });

  it("whose issuer has changed its keys is known by the new ones, and by the old ones no longer", async () => {
    const old = await tokenOf();
    keys = [makeKey("three")];
    provider = await startProvider(keys);
    expect((await call(await tokenOf(), job)).text).toBe("noted a");
    expect((await call(old, job)).text).toContain("ci.identity");
  });

  it("is nobody where the issuer cannot be asked, or no issuer is named", async () => {
    const token = await tokenOf();
    expect((await call(token, (place) => job(place, { ci: CI().replace(issuer, "http://127.0.0.1:1") }))).text).toContain("ci.identity");
    const unreachable = new URL(issuer);
    unreachable.port = "1";
    const gone = await new SignJWT({ iss: unreachable.origin, aud: AUDIENCE, sub: "x" }).setProtectedHeader({ alg: "ES256", kid: "one" }).setIssuedAt().setExpirationTime("5m").sign(keys[0]?.private as KeyObject);
    expect((await call(gone, (place) => job(place, { ci: CI().replace(issuer, unreachable.origin) }))).text).toContain("ci.issuer");
    expect((await call(token, (place) => job(place, { ci: "" }))).text).toContain("ci.rules");
  });

  it("gets its token from the runner, as on GitHub", async () => {
    const runner = createServer((request, response) => void (async () => {
      const audience = new URL(request.url ?? "", "http://x").searchParams.get("audience");
      response.writeHead(request.headers.authorization === "Bearer r" ? 200 : 401, { "content-type": "application/json" }).end(JSON.stringify({ value: await tokenOf("repo:acme/app", audience ?? "") }));
    })());
    await new Promise<void>((done) => runner.listen(0, "127.0.0.1", done));
    const url = `http://127.0.0.1:${(runner.address() as AddressInfo).port}/?api-version=2`;
    const with_ = (bearer: string) => (place: Home): string[] => {
      Object.assign(place.env, { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer });
      return job(place);
    };
    expect((await call(null, with_("r"))).text).toBe("noted a");
    expect((await call(null, with_("wrong"))).text).toContain("ci.token");
    runner.close();
  });
});

describe("a lock in CI", () => {
  const start = '@id("start") permit(principal is Workload, action in [Action::"startServer", Action::"callTool"], resource);';
  /** A manifest whose lock a person has approved, and somebody has signed. */
  async function signed(place: Home, { by = "known", change = (text: string) => text, signers = "release@acme.example" } = {}): Promise<string[]> {
    for (const name of ["known", "stranger"]) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(place.home, name)]);
    writeFileSync(join(place.home, "allowed"), `${signers} namespaces="sallyport" ${readFileSync(join(place.home, "known.pub"), "utf8")}`);
    const flags = job(place, { policy: start, ci: `${CI()}  signers: allowed\n` });
    const lock = join(place.home, "sallyport.lock");
    // A person approves at home, where no policy of the job's stands in the way.
    const { code, stderr } = await sallyport(place, "lock", "--yes", ...writeManifest(place, TOOLS));
    expect([code, stderr]).toEqual([0, expect.anything()]);
    job(place, { policy: start, ci: `${CI()}  signers: allowed\n` });
    execFileSync("ssh-keygen", ["-q", "-Y", "sign", "-n", by === "namespace" ? "file" : "sallyport", "-f", join(place.home, by === "stranger" ? "stranger" : "known"), lock]);
    writeFileSync(lock, change(readFileSync(lock, "utf8")));
    return flags;
  }
  const run = async (options: Parameters<typeof signed>[1]): Promise<{ text: string; noted: string[] }> => {
    const place = makeHome();
    place.env["SALLYPORT_OIDC_TOKEN"] = await tokenOf();
    const flags = await signed(place, options);
    try {
      const client = await connect(place, "handshake", { flags });
      const { text } = await client.call("note", { text: "a" });
      await client.close();
      return { text, noted: place.noted() };
    } catch {
      return { text: (await sallyport(place, "run", ...flags)).stderr, noted: place.noted() };
    }
  };

  it("counts where somebody who may has signed it", async () => {
    expect(await run({})).toEqual({ text: "noted a", noted: ['note {"text":"a"}'] });
  });

  it.each([
    ["by a stranger", { by: "stranger" }],
    ["for another purpose", { by: "namespace" }],
    ["and was changed after that", { change: (text: string) => text.replace("note a note", "note a note, gladly") }],
    ["and has only grown a blank", { change: (text: string) => `${text} ` }],
  ])("does not count where it was signed %s", async (_, options) => {
    const { text, noted } = await run(options);
    expect([text, noted]).toEqual([expect.stringMatching(/ci\.lock|pin\.lock/), []]);
  });

  it("is not made at first sight: without one nothing starts", async () => {
    const { text } = await call(await tokenOf(), (place) => job(place, { policy: start }));
    expect(text).toContain("nothing is approved at all");
  });
});
