/** The way out of a cell, with real clients inside, a world of the test's own outside, and everything that tries to get further. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Running, gate, isRoot, records, sallyport, scratch, server, type JournalLine } from "../helpers.ts";
import { makeWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  if (isRoot) world = await makeWorld();
}, 30_000);
afterAll(() => world?.close());

interface Caller {
  readonly home: string;
  readonly running: Running;
  readonly attempt: (params: object) => Promise<string>;
  /** Ends the session, and gives what it recorded of the network. */
  readonly end: () => Promise<Record<string, unknown>[]>;
}

function caller(flags: readonly string[], { user = false, command = ["node", server("caller.mjs")] }: { user?: boolean; command?: readonly string[] } = {}): Caller {
  const home = scratch();
  const drop = user ? ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "--"] : [];
  // The gate of another user keeps its state there.
  if (user) chmodSync(home, 0o777);
  world.forget();
  const running = gate(command, { home, before: [...world.before, ...drop], flags: ["--read", world.ca, "--env", `NODE_EXTRA_CA_CERTS=${world.ca}`, "--env", `SSL_CERT_FILE=${world.ca}`, ...flags] });
  let id = 0;
  const attempt = async (params: object): Promise<string> => {
    const mine = ++id;
    running.send({ id: mine, method: "try", params });
    const answer = await running.answerTo(mine) as { result?: { text: string }; error?: { message: string } };
    return answer.result?.text ?? `refused: ${answer.error?.message}`;
  };
  const end = async (): Promise<Record<string, unknown>[]> => {
    running.child.stdin.end();
    await running.ended;
    return records(home).filter(({ stream }: JournalLine) => stream === "gate").map(({ message }) => message as Record<string, unknown>).filter((message) => /^(?:connection|name)\./.test(String(message["event"])));
  };
  return { home, running, attempt, end };
}

const API = ["--host", "api.example.com:80", "--host", "api.example.com:443", "--host", "api.example.com:5432", "--host", "api.example.com:8443", "--host", "api.example.com:8082"];

describe.runIf(isRoot)("an allowed host", () => {
  for (const user of [false, true]) {
    it(`is reached by clients that know nothing of it, from a gate started by ${user ? "a user" : "root"}`, async () => {
      const { attempt, end } = caller(API, { user });
      const expected: [object, RegExp][] = [
        [{ how: "lookup", name: "api.example.com" }, /"127\.77\.1\.0"/],
        [{ how: "fetch", url: "http://api.example.com/a" }, /^200 93\.184\.10\.10 GET/],
        [{ how: "fetch", url: "http://API.example.com:80/a", method: "POST", body: "x".repeat(100_000) }, /^200 93\.184\.10\.10 POST 100000/],
        [{ how: "fetch", url: "https://api.example.com/b" }, /^200 93\.184\.10\.10/],
        [{ how: "http", url: "http://api.example.com/c" }, /^200/],
        [{ how: "http", url: "https://api.example.com/c" }, /^200/],
        [{ how: "http2", url: "https://api.example.com:8443" }, /^200 93\.184\.10\.10/],
        [{ how: "http2", url: "http://api.example.com:8082" }, /^200 93\.184\.10\.10/],
        [{ how: "tcp", host: "api.example.com", port: 5432, send: "\u0000\u0001ping\n", until: "ping" }, /hello\n[^]*ping/],
        [{ how: "tcp", host: "api.example.com", port: 5432 }, /^hello\n/],
        [{ how: "tcp", host: "api.example.com", port: 80, send: WEBSOCKET, until: "word" }, /101 Switching[^]*word/],
        [{ how: "fetch", url: "http://api.example.com/redirect?to=%2Flanded" }, /^200/],
      ];
      for (const [params, pattern] of expected) expect(await attempt(params), JSON.stringify(params).slice(0, 200)).toMatch(pattern);
      const seen = await end();
      expect(seen.filter(({ event }) => event === "connection.refused")).toEqual([]);
      const whole = seen.filter(({ event }) => event === "connection.end");
      expect(whole.length).toBe(seen.filter(({ event }) => event === "connection.begin").length);
      for (const one of whole) expect(one).toMatchObject({ name: "api.example.com", address: "93.184.10.10", verdict: "allow", sent: expect.any(Number), received: expect.any(Number), milliseconds: expect.any(Number) });
      expect(new Set(whole.map(({ protocol }) => protocol))).toEqual(new Set(["http", "tls", "other", undefined]));
    });
  }

  it("is reached by programs of other makers", async () => {
    const { attempt, end } = caller(API);
    const programs: [file: string, argv: string[], pattern: RegExp][] = [
      ["/usr/bin/curl", ["curl", "-sS", "http://api.example.com/a", "https://api.example.com/b"], /(?:93\.184\.10\.10 GET 0\n){2}/],
      ["/usr/bin/curl", ["curl", "-sS", "--noproxy", "*", "--http1.1", "https://api.example.com/b"], /93\.184\.10\.10/],
      ["/usr/bin/git", ["git", "ls-remote", "http://api.example.com/"], /refs\/heads\/main/],
      ["/usr/bin/python3", ["/usr/bin/python3", "-c", "import urllib.request as u; print(u.urlopen('https://api.example.com/p').read().decode())"], /93\.184\.10\.10/],
      ["/usr/bin/perl", ["perl", "-MIO::Socket::INET", "-e", "my $s=IO::Socket::INET->new('api.example.com:5432') or die $@; print scalar <$s>"], /hello/],
    ];
    for (const [, argv, pattern] of programs.filter(([file]) => existsSync(file))) expect(await attempt({ how: "run", argv }), argv.join(" ")).toMatch(pattern);
    const refused = (await end()).filter(({ event }) => event === "connection.refused");
    expect(refused).toEqual([]);
  });

  it("is reached below a pattern of the manifest, and only there", async () => {
    const home = scratch();
    writeFileSync(`${home}/sallyport.yaml`, `version: 1\nservers:\n  it:\n    command: node\n    args: [${server("caller.mjs")}]\n    isolation: { read: [${world.ca}] }\n    network: { hostPatterns: ["*.api.example.com:443"] }\n    env: { NODE_EXTRA_CA_CERTS: ${world.ca} }\n    capabilities: { methods: { client: [try] } }\n`);
    const running = gate([], { home, before: world.before, flags: ["--manifest", `${home}/sallyport.yaml`, "--server", "it"] });
    onTestFinished(() => void running.child.kill("SIGKILL"));
    for (const [id, url] of [[1, "https://www.api.example.com/x"], [2, "https://api.example.com/x"], [3, "https://other.example.com/"]] as const) running.send({ id, method: "try", params: { how: "fetch", url } });
    const text = async (id: number): Promise<string> => ((await running.answerTo(id)) as { result: { text: string } }).result.text;
    expect(await text(1)).toMatch(/^200 93\.184\.10\.10/);
    expect(await text(2)).toBe("failed: ENOTFOUND");
    expect(await text(3)).toBe("failed: ENOTFOUND");
  });
});

const WEBSOCKET = "GET /ws HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\u0081\u0084\u0000\u0000\u0000\u0000word";
const get = (host: string, more = ""): string => `GET /raw HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;

describe.runIf(isRoot)("everything else", () => {
  const attempts: [what: string, params: object, code: string | null][] = [
    ["a name that was not allowed", { how: "fetch", url: "https://other.example.com/" }, "egress.name"],
    ["a name below an allowed one", { how: "fetch", url: "https://www.api.example.com/" }, "egress.name"],
    ["a tunnel in names", { how: "resolve", name: "c2VjcmV0.tunnel.example.com", type: "TXT" }, "egress.name"],
    ["another type of an allowed name", { how: "resolve", name: "api.example.com", type: "TXT" }, null],
    ["another port of an allowed name", { how: "tcp", host: "api.example.com", port: 8081, send: "x\n" }, null],
    ["an address", { how: "tcp", host: "93.184.10.20", port: 80, send: get("api.example.com") }, "egress.name"],
    ["an allowed name's address", { how: "tcp", host: "93.184.10.10", port: 80, send: get("api.example.com") }, "egress.name"],
    ["a decimal address", { how: "fetch", url: "http://1572342292/" }, "egress.name"],
    ["an IPv6 address", { how: "tcp", host: "2001:4860:4860::8888", port: 443, send: "x" }, "egress.name"],
    ["a mapped address", { how: "tcp", host: "::ffff:93.184.10.20", port: 80, send: get("api.example.com") }, "egress.name"],
    ["a metadata address", { how: "fetch", url: "http://169.254.169.254/latest/meta-data/" }, "egress.name"],
    ["another name server", { how: "run", argv: ["perl", "-MIO::Socket::INET", "-e", "my $s=IO::Socket::INET->new(PeerAddr=>'9.9.9.9',PeerPort=>53,Proto=>'udp'); $s->send(qq(\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\5other\\7example\\3com\\0\\0\\1\\0\\1)); alarm 2; $s->recv(my $b,512) or die qq(none\\n); print 'answered'"] }, null],
    ["a redirect elsewhere", { how: "fetch", url: "http://api.example.com/redirect?to=http%3A%2F%2Fother.example.com%2F" }, "egress.name"],
    ["a redirect to a metadata address", { how: "fetch", url: "http://api.example.com/redirect?to=http%3A%2F%2F169.254.169.254%2F" }, "egress.name"],
    ["another TLS server name", { how: "tls", host: "api.example.com", port: 443, servername: "other.example.com" }, "egress.server-name"],
    ["no TLS server name", { how: "tls", host: "api.example.com", port: 443, servername: "" }, "egress.server-name"],
    ["another Host", { how: "http", url: "http://api.example.com/", headers: { host: "other.example.com" } }, "egress.http-host"],
    ["another Host in the second request", { how: "tcp", host: "api.example.com", port: 80, send: get("api.example.com") + get("other.example.com"), until: "403" }, "egress.http-host"],
    ["two Hosts", { how: "tcp", host: "api.example.com", port: 80, send: get("api.example.com", "Host: other.example.com\r\n"), until: "403" }, "egress.http-host"],
    ["an absolute target elsewhere", { how: "tcp", host: "api.example.com", port: 80, send: get("api.example.com").replace("/raw", "http://other.example.com/raw"), until: "403" }, "egress.http-host"],
    ["a request hidden in a body", { how: "tcp", host: "api.example.com", port: 80, send: get("api.example.com", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + get("other.example.com"), until: "403" }, "egress.request"],
    ["a request behind an empty line", { how: "tcp", host: "api.example.com", port: 80, send: `\r\n${get("other.example.com")}`, until: "403" }, "egress.request"],
    ["lines that end in a bare newline", { how: "tcp", host: "api.example.com", port: 80, send: get("other.example.com").replaceAll("\r\n", "\n"), until: "403" }, "egress.request"],
    ["an upgrade that is not agreed to", { how: "tcp", host: "api.example.com", port: 443, send: "GET / HTTP/1.1\r\nHost: other.example.com\r\n\r\n", until: "403" }, "egress.http-host"],
    ["a first line that is long", { how: "tcp", host: "api.example.com", port: 80, send: get("other.example.com").replace("/raw", `/?${"a".repeat(9000)}`), until: "403" }, "egress.http-host"],
    ["a first line that is longer than any", { how: "tcp", host: "api.example.com", port: 80, send: get("other.example.com").replace("/raw", `/?${"a".repeat(70_000)}`), until: "403" }, "egress.request"],
    ["a request behind many empty lines", { how: "tcp", host: "api.example.com", port: 80, send: "\r\n".repeat(4096) + get("other.example.com"), until: "403" }, "egress.request"],
    ["a request with a bare carriage return", { how: "tcp", host: "api.example.com", port: 80, send: get("other.example.com").replace(" HTTP", "\rHTTP"), until: "403" }, "egress.request"],
    ["a request behind a tab", { how: "tcp", host: "api.example.com", port: 80, send: `\t${get("other.example.com")}`, until: "403" }, "egress.request"],
    ["a request behind a no-break space", { how: "tcp", host: "api.example.com", port: 80, send: `\u00a0${get("other.example.com")}`, until: "403" }, "egress.request"],
    ["a request without a version", { how: "tcp", host: "api.example.com", port: 80, send: "GET http://other.example.com/09\r\n\r\n", until: "403" }, "egress.request"],
    ["HTTP/2 without TLS where hosts share a port", { how: "tcp", host: "api.example.com", port: 80, send: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", until: "403" }, "egress.request"],
    ["a ClientHello in crumbs", { how: "tcp", host: "api.example.com", port: 443, send: "\u0016\u0003\u0001\u0000\u0001\u0001".repeat(4000), until: "never" }, "egress.server-name"],
    ["a websocket behind another request", { how: "tcp", host: "api.example.com", port: 80, send: get("api.example.com") + WEBSOCKET, until: "403" }, "egress.request"],
    ["CONNECT without the proxy", { how: "tcp", host: "api.example.com", port: 80, send: "CONNECT other.example.com:443 HTTP/1.1\r\nHost: api.example.com\r\n\r\n", until: "403" }, "egress.request"],
    ["CONNECT elsewhere", { how: "tcp", host: "127.77.0.1", port: 3128, send: "CONNECT other.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n", until: "403" }, "egress.name"],
    ["CONNECT to another port", { how: "tcp", host: "127.77.0.1", port: 3128, send: "CONNECT api.example.com:22 HTTP/1.1\r\nHost: x\r\n\r\n", until: "403" }, "egress.name"],
    ["CONNECT to an address", { how: "tcp", host: "127.77.0.1", port: 3128, send: "CONNECT 93.184.10.20:443 HTTP/1.1\r\nHost: x\r\n\r\n", until: "403" }, "egress.name"],
    ["CONNECT to a decimal address", { how: "tcp", host: "127.77.0.1", port: 3128, send: "CONNECT 1572342292:443 HTTP/1.1\r\nHost: x\r\n\r\n", until: "403" }, "egress.request"],
    ["CONNECT to nothing", { how: "tcp", host: "127.77.0.1", port: 3128, send: "CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n", until: "403" }, "egress.request"],
    ["another Host inside CONNECT", { how: "tcp", host: "127.77.0.1", port: 3128, send: `CONNECT api.example.com:80 HTTP/1.1\r\nHost: x\r\n\r\n${get("other.example.com")}`, until: "403" }, "egress.http-host"],
    ["a proxied request elsewhere", { how: "tcp", host: "127.77.0.1", port: 3128, send: get("api.example.com").replace("/raw", "http://other.example.com/raw"), until: "403" }, "egress.name"],
    ["a proxied request with two lengths", { how: "tcp", host: "127.77.0.1", port: 3128, send: get("api.example.com", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n").replace("/raw", "http://api.example.com/raw"), until: "\n" }, "egress.request"],
    ["a proxied request to a file", { how: "tcp", host: "127.77.0.1", port: 3128, send: get("api.example.com").replace("/raw", "ftp://api.example.com/raw"), until: "403" }, "egress.request"],
  ];

  it.each(attempts)("is not reached: %s", async (_what, params, code) => {
    const { attempt, end } = caller(API);
    const said = await attempt(params);
    const seen = await end();
    expect(said.replace(/sallyport: .*/, "")).not.toContain("93.184.10.20");
    expect(world.seen().filter((line) => /93\.184\.10\.20|other\.example|tunnel|169\.254/.test(line) && !line.includes("/redirect")), said).toEqual([]);
    if (code !== null) expect(seen.filter(({ event }) => /refused/.test(String(event))).flatMap(({ reasons }) => reasons), `${said} ${JSON.stringify(seen)}`).toContain(code);
    else expect(said).toMatch(/failed|closed/);
  });

  it("is reached without the gate, in the same run", async () => {
    world.forget();
    const running = new Running([process.execPath, server("caller.mjs")], { home: scratch(), before: world.before });
    for (const [id, params] of [[1, { how: "fetch", url: "http://other.example.com/" }], [2, { how: "tcp", host: "93.184.10.20", port: 80, send: get("x"), until: "93.184" }], [3, { how: "fetch", url: "http://api.example.com/redirect?to=http%3A%2F%2Fother.example.com%2F" }], [4, { how: "http", url: "http://api.example.com/", headers: { host: "other.example.com" } }], [5, { how: "tls", host: "api.example.com", port: 443, servername: "other.example.com" }]] as const) {
      running.send({ id, method: "try", params });
      expect(((await running.answerTo(id)) as { result: { text: string } }).result.text).toMatch(/200|secured/);
    }
  });

  const names = ["rebound", "private", "metadata", "azure", "alibaba", "own", "ownmapped", "routed", "mapped", "nat64", "aws6", "loop6"];
  it.each(names)("is not reached under an allowed name: %s", async (name) => {
    const { attempt, end } = caller(["--host", `${name}.example.com:80`]);
    expect(await attempt({ how: "fetch", url: `http://${name}.example.com/` })).toMatch(/failed|403/);
    const refused = (await end()).filter(({ event }) => event === "connection.refused");
    expect(refused.flatMap(({ reasons }) => reasons)).toContain("egress.address");
  });

  it("is not reached by a name server that changes its answer between check and use", async () => {
    const { attempt, end } = caller(["--host", "rebind.example.com:80"]);
    expect(await attempt({ how: "fetch", url: "http://rebind.example.com/" })).toMatch(/^200 93\.184\.10\.10/);
    const begun = (await end()).filter(({ event }) => event === "connection.begin");
    expect(begun).toMatchObject([{ address: "93.184.10.10" }]);
    expect(world.seen().filter((line) => line === "dns rebind.example.com")).toHaveLength(1);
  });

  it("is left out of answers that are mixed", async () => {
    const { attempt } = caller(["--host", "mixed.example.com:80"]);
    expect(await attempt({ how: "fetch", url: "http://mixed.example.com/" })).toMatch(/^200 93\.184\.10\.10/);
  });
});

describe.runIf(isRoot)("a gate", () => {
  const raw = (script: string): object => ({ how: "run", argv: ["node", "-e", `const net = require("net"); const at = (port, host, send, then) => { const socket = net.connect({ port, host }, () => { socket.write(send); then && setTimeout(then, 50, socket); }); socket.on("error", () => {}); return socket; }; ${script}`] });
  it.each([
    ["a reset behind a CONNECT that is refused", raw('at(3128, "127.77.0.1", "CONNECT / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n", (socket) => socket.resetAndDestroy())')],
    ["a reset behind an upgrade", raw('at(3128, "127.77.0.1", "GET http://api.example.com/ HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: h2c\\r\\n\\r\\n", (socket) => socket.resetAndDestroy())')],
    ["a header that every object has", raw('at(3128, "127.77.0.1", "GET http://api.example.com/ HTTP/1.1\\r\\nHost: x\\r\\nconstructor: y\\r\\n__proto__: z\\r\\n\\r\\n", (socket) => socket.end())')],
    ["a thousand connections that say nothing", raw('for (let count = 0; count < 1000; count += 1) at(3128, "127.77.0.1", "");  setTimeout(() => process.exit(), 1500)')],
    ["resets of every kind", raw('for (let count = 0; count < 200; count += 1) at([80, 443, 5432, 8082][count % 4], "api.example.com", ["G", "GET / HTTP/1.1\\r\\nHost: api.example.com\\r\\n\\r\\n", "\\x16\\x03"][count % 3], (socket) => socket.resetAndDestroy())')],
  ])("outlives %s", async (_what, params) => {
    const { running, attempt, end } = caller(API);
    await attempt(params);
    await new Promise((done) => setTimeout(done, 300));
    expect(await attempt({ how: "fetch", url: "http://api.example.com/" })).toMatch(/^200/);
    const seen = await end();
    expect((await running.ended).code).toBe(0);
    const count = (event: string): number => seen.filter((one) => one["event"] === event).length;
    expect(count("connection.end")).toBeLessThanOrEqual(count("connection.begin"));
  });

  it("outlives hosts that answer what no host may", async () => {
    const { running, attempt, end } = caller(["--host", "api.example.com:7000"]);
    for (const path of ["000 X", "050 OK", "101 Switching", "999 Much", "200 OK\\r\\nContent-Length: 5\\r\\nContent-Length: 6"]) await attempt({ how: "run", argv: ["curl", "-s", "-m", "3", "-x", "http://127.77.0.1:3128", `http://api.example.com:7000/${encodeURIComponent(path)}`] });
    await end();
    expect((await running.ended).code).toBe(0);
  });

  it("passes nothing on that it cannot record: a full disk", async () => {
    const home = scratch();
    world.forget();
    const script = 'mkdir -p "$SALLYPORT_HOME" && mount -t tmpfs -o size=160k tmpfs "$SALLYPORT_HOME" && "$@"; echo "code $?" >&2; cat "$SALLYPORT_HOME"/state/journal/sessions/*.jsonl >&2';
    const running = gate(["node", server("caller.mjs")], { home, before: [...world.before, "unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script, "sh"], flags: ["--host", "api.example.com:80"] });
    running.send({ id: 1, method: "try", params: { how: "run", argv: ["node", "-e", 'const http = require("http"); const next = (left) => left > 0 && http.get({ host: "api.example.com", path: `/n${left}`, agent: false }, (answer) => answer.resume().on("end", () => next(left - 1))).on("error", () => process.exit()); next(2000)'] } });
    const { stderr } = await running.ended;
    expect(stderr).toContain("code 3");
    const begun = stderr.split('"event":"connection.begin"').length - 1;
    const seen = world.seen().filter((line) => line.startsWith("http "));
    expect(begun).toBeGreaterThan(10);
    expect(seen.length).toBeLessThanOrEqual(begun);
  }, 60_000);

  it("records the end of what was open when the session ended", async () => {
    const { attempt, end } = caller(API);
    await attempt({ how: "run", argv: ["node", "-e", 'const socket = require("net").connect(5432, "api.example.com", () => socket.write("\\0".repeat(50001), () => setTimeout(() => process.exit(), 200)))'] });
    const open = attempt({ how: "tcp", host: "api.example.com", port: 5432, send: "\u0000".repeat(777), until: "never" }).catch(() => "");
    await new Promise((done) => setTimeout(done, 500));
    const seen = await end();
    await open;
    const ends = seen.filter(({ event }) => event === "connection.end");
    expect(ends.length).toBe(seen.filter(({ event }) => event === "connection.begin").length);
    expect(ends.map(({ sent }) => sent)).toEqual(expect.arrayContaining([50001, 777]));
  });

  it("is reached by proxied requests with bodies in chunks, and by websockets whose answer comes in pieces", async () => {
    const { attempt, end } = caller([...API, "--host", "api.example.com:7001"]);
    expect(await attempt({ how: "run", argv: ["curl", "-sS", "-x", "http://127.77.0.1:3128", "-H", "Transfer-Encoding: chunked", "-X", "DELETE", "-d", "12345", "http://api.example.com/"] })).toMatch(/DELETE 5/);
    expect(await attempt({ how: "tcp", host: "api.example.com", port: 7001, send: WEBSOCKET.replace("Host: api.example.com", "Host: api.example.com:7001"), until: "word" })).toMatch(/101[^]*word/);
    expect((await end()).filter(({ event }) => event === "connection.refused")).toEqual([]);
  });
});

describe.runIf(isRoot)("what is named as such", () => {
  it("is reached: a private address that a name may resolve to, an address, this machine", async () => {
    const { attempt } = caller(["--host", "own.example.com:5433", "--address", "93.184.10.1", "--host", "93.184.10.20:80", "--host", "localhost:5433"]);
    expect(await attempt({ how: "fetch", url: "http://93.184.10.20/" })).toMatch(/^200 93\.184\.10\.20/);
    // Nobody listens there, which is another answer than a refusal.
    expect(await attempt({ how: "tcp", host: "own.example.com", port: 5433, send: "x\n" })).toMatch(/ECONNRESET|closed/);
  });

  it("is reached although IPv6 addresses are named beside it, and under each of its names", async () => {
    const { attempt } = caller(["--host", "api.example.com:80", "--host", "[2001:4860:0:0::1]:80", "--host", "localhost:9000", "--host", "127.0.0.1:9001"]);
    expect(await attempt({ how: "fetch", url: "http://api.example.com/" })).toMatch(/^200/);
    expect(await attempt({ how: "tcp", host: "api.example.com", port: 80, send: get("api.example.com"), until: "GET" })).toMatch(/200/);
    for (const [host, port] of [["localhost", 9000], ["127.0.0.1", 9000], ["127.0.0.1", 9001]] as const) expect(await attempt({ how: "tcp", host, port, send: "x\n" })).toMatch(/ECONNRESET|closed/);
  });

  it("stands in the manifest that add writes, and holds from there", async () => {
    const home = scratch();
    const options = { home, before: world.before };
    const manifest = ["--manifest", `${home}/sallyport.yaml`];
    const added = await sallyport(["add", "it", "--yes", ...manifest, "--host", "api.example.com:80", "--isolation", "bubblewrap", "--", "node", server("caller.mjs")], options);
    expect([added.code, added.stderr]).toEqual([0, expect.stringContaining("written")]);
    const text = readFileSync(`${home}/sallyport.yaml`, "utf8");
    expect(text).toContain("api.example.com:80");
    expect(text).toContain("backend: bubblewrap");
    writeFileSync(`${home}/sallyport.yaml`, text.replace(/capabilities:/, "capabilities:\n      methods: { client: [try] }"));
    const running = gate([], { ...options, flags: [...manifest, "--server", "it"] });
    running.send({ id: 1, method: "try", params: { how: "fetch", url: "http://api.example.com/" } });
    expect(JSON.stringify(await running.answerTo(1))).toContain("200 93.184.10.10");
  });

  it.each([["--host", "localhost:9000", "--host", "localhost:9000"], ["--host", "localhost:9000", "--host", "127.0.0.1:9000"], ["--host", "api.example.com:53"], ["--host", "api.example.com:3128"]])("may be named twice, and on the gate's own ports: %s %s %s %s", async (...flags) => {
    const { attempt } = caller(flags.filter((word) => word !== undefined));
    expect(await attempt({ how: "lookup", name: "localhost" })).toContain("127.0.0.1");
  });

  it("uses up its limits", async () => {
    const home = scratch();
    writeFileSync(`${home}/sallyport.yaml`, `version: 1\nservers:\n  it:\n    command: node\n    args: [${server("caller.mjs")}]\n    network: { hosts: ["api.example.com:80"], limits: { bytes: 3000000, connections: 4, idleSeconds: 1 } }\n    capabilities: { methods: { client: [try] } }\n`);
    const running = gate([], { home, before: world.before, flags: ["--manifest", `${home}/sallyport.yaml`, "--server", "it"] });
    const ask = async (id: number, params: object): Promise<string> => {
      running.send({ id, method: "try", params });
      return ((await running.answerTo(id)) as { result: { text: string } }).result.text;
    };
    // A line that is never ended is cut off with the idle time, whatever else happens.
    expect(await ask(1, { how: "tcp", host: "api.example.com", port: 80, send: "GET / HT", until: "never" })).toMatch(/ECONNRESET|closed|403/);
    expect(await ask(2, { how: "fetch", url: "http://api.example.com/" })).toMatch(/^200/);
    expect(await ask(3, { how: "download", url: "http://api.example.com/big?5" })).toMatch(/failed|^[12]?\d{6} /);
    expect(await ask(4, { how: "fetch", url: "http://api.example.com/" })).toMatch(/failed|403/);
    running.child.stdin.end();
    await running.ended;
    expect(records(home).filter(({ message }) => JSON.stringify(message ?? "").includes("egress.limit")).length).toBeGreaterThan(1);
  });
});
