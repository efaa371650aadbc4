/** Which job in CI this is: an OIDC token of the runner's, verified (OpenID Connect Core 3.1.3.7; RFC 7519, RFC 8725). */
import { createRemoteJWKSet, decodeJwt, errors, jwtVerify, type JWTPayload } from "jose";
import { SallyportError } from "../errors.ts";
import type { CiRules } from "../manifest/people.ts";
import type { Host } from "../model.ts";
import type { Workload } from "../policy/request.ts";

/** Asymmetric ones only: a key that everybody may read must not be one to sign with. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"];
const TIMEOUT = 10_000;
/** Seconds by which clocks may differ. */
const TOLERANCE = 30;

/** The names that issuers give the same things; the manifest's own come first. */
const CLAIMS: Readonly<Record<Exclude<keyof Workload, "issuer" | "subject">, readonly string[]>> = {
  repository: ["repository", "project_path", "pipeline_slug", "oidc.circleci.com/vcs-origin"],
  ref: ["ref", "ref_path", "build_branch", "oidc.circleci.com/vcs-ref"],
  workflow: ["job_workflow_ref", "workflow", "ci_config_ref_uri", "step_key"],
  environment: ["environment"],
  actor: ["actor", "user_login", "build_creator"],
};

/** Throws `ci.rules`, `ci.token`, `ci.identity`, `ci.issuer`. */
export async function workloadOf(rules: CiRules | null, host: Host): Promise<Workload> {
  if (rules === null) throw new SallyportError("ci.rules");
  const token = await tokenOf(rules, host);
  const claims = await verified(token, rules, host);
  for (const [claim, values] of Object.entries(rules.require)) {
    const found = claims[claim];
    if (typeof found !== "string" || !values.includes(found)) throw new SallyportError("ci.identity", `${claim} is ${JSON.stringify(found)}, not ${values.join(" or ")}`);
  }
  const attribute = (name: keyof typeof CLAIMS): string | null => {
    const own = rules.claims[name];
    const found = (own === undefined ? CLAIMS[name] : [own]).map((claim) => claims[claim]).find((value) => typeof value === "string");
    return typeof found === "string" ? found : null;
  };
  return { issuer: claims.iss as string, subject: claims.sub as string, repository: attribute("repository"), ref: attribute("ref"), workflow: attribute("workflow"), environment: attribute("environment"), actor: attribute("actor") };
}

const VARIABLES = ["SALLYPORT_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2"];

async function tokenOf({ audience }: CiRules, { env }: Host): Promise<string> {
  const given = VARIABLES.map((name) => env[name]).find((value) => value !== undefined && value !== "");
  if (given !== undefined) return given;
  const [url, bearer] = [env["ACTIONS_ID_TOKEN_REQUEST_URL"], env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]];
  if (url === undefined || bearer === undefined) throw new SallyportError("ci.token");
  try {
    const asked = new URL(url);
    asked.searchParams.set("audience", audience);
    const { value } = (await json(asked, { authorization: `Bearer ${bearer}` })) as { value?: unknown };
    if (typeof value !== "string") throw new Error("the runner gives no token");
    return value;
  } catch (error) {
    throw new SallyportError("ci.token", (error as Error).message, { cause: error });
  }
}

async function verified(token: string, rules: CiRules, host: Host): Promise<JWTPayload> {
  const issuer = issuerOf(token, rules);
  const keys = createRemoteJWKSet(await keysOf(issuer), { timeoutDuration: TIMEOUT, cooldownDuration: 0 });
  try {
    const { payload } = await jwtVerify(token, keys, { issuer, audience: rules.audience, algorithms: ALGORITHMS, requiredClaims: ["exp", "iat", "sub"], clockTolerance: TOLERANCE, currentDate: new Date(host.now() / 1000) });
    return payload;
  } catch (error) {
    const unreachable = error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError);
    throw new SallyportError(unreachable ? "ci.issuer" : "ci.identity", (error as Error).message, { cause: error });
  }
}

/** Read before anything is proved, and only to choose among those that the manifest names. */
function issuerOf(token: string, { issuers }: CiRules): string {
  let said: unknown;
  try {
    said = decodeJwt(token).iss;
  } catch (error) {
    throw new SallyportError("ci.identity", `it is no token: ${(error as Error).message}`, { cause: error });
  }
  const issuer = issuers.find((one) => one === said);
  if (issuer === undefined) throw new SallyportError("ci.identity", `its issuer is ${JSON.stringify(said)}`);
  return issuer;
}

/** OpenID Connect Discovery 1.0, section 4: the document must speak of the issuer that was asked. */
async function keysOf(issuer: string): Promise<URL> {
  try {
    const { issuer: its, jwks_uri: keys } = (await json(secure(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`), {})) as { issuer?: unknown; jwks_uri?: unknown };
    if (its !== issuer) throw new Error(`its discovery document is of ${JSON.stringify(its)}`);
    return secure(String(keys));
  } catch (error) {
    throw new SallyportError("ci.issuer", (error as Error).message, { cause: error });
  }
}

function secure(text: string): URL {
  const url = new URL(text);
  if (url.protocol === "https:" || (url.protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname))) return url;
  throw new Error(`${text} is not https`);
}

async function json(url: URL, headers: Readonly<Record<string, string>>): Promise<unknown> {
  const response = await fetch(url, { headers: { accept: "application/json", ...headers }, redirect: "error", signal: AbortSignal.timeout(TIMEOUT) });
  if (!response.ok) throw new Error(`${url.host} answers ${response.status}`);
  return response.json();
}
