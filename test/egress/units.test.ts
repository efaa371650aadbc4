/** What is decided without a network: openings, names, answers, addresses. */
import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { connect } from "node:tls";
import { join } from "node:path";
import packet from "dns-packet";
import { array, assert, constantFrom, integer, property, tuple, uniqueArray, type Arbitrary } from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { Dialer } from "../../src/egress/dial.ts";
import { Names } from "../../src/egress/names.ts";
import { asRefusal, openingOf, type Opening } from "../../src/egress/opening.ts";
import { Reading } from "../../src/egress/reading.ts";
import { answerTo } from "../../src/egress/resolver.ts";
import { parseHost } from "../../src/host.ts";

interface Vector {
  readonly what: string;
  readonly port: number;
  readonly says: readonly string[];
  readonly kind?: Opening["kind"];
  readonly refused?: string;
}

const VECTORS = JSON.parse(readFileSync(join(import.meta.dirname, "../vectors/egress-openings.json"), "utf8")) as Vector[];

/** As a connection does it; returns what was passed on as well. */
function hear(pieces: readonly Buffer[], name: string, port: number): { verdict: string; passed: string } {
  const target = { name, port };
  let opening: Opening = { kind: "more" };
  let held = Buffer.alloc(0);
  let passed = "";
  try {
    for (const piece of pieces) {
      let bytes: Buffer = piece;
      if (opening.kind === "more") {
        held = Buffer.concat([held, piece]);
        opening = openingOf(held, target);
        bytes = held;
        if (opening.kind === "more") continue;
      }
      passed += (opening.kind === "http" ? opening.requests.push(bytes) : bytes).toString("latin1");
    }
  } catch (error) {
    return { verdict: asRefusal(error, target).code, passed };
  }
  return { verdict: opening.kind, passed };
}

describe("what is said first", () => {
  it.each(VECTORS)("$what", ({ says, port, kind, refused }) => {
    const { verdict, passed } = hear(says.map((text) => Buffer.from(text, "latin1")), "api.example.com", port);
    expect(verdict).toBe(refused ?? kind);
    if (kind === "http" || kind === "other") expect(passed).toBe(says.join(""));
    expect(passed).not.toContain("other.example.com");
  });

  it.each(VECTORS)("$what, byte by byte", ({ says, port, kind, refused }) => {
    const { verdict, passed } = hear([...Buffer.from(says.join(""), "latin1")].map((byte) => Buffer.from([byte])), "api.example.com", port);
    expect(verdict).toBe(refused ?? kind);
    expect(passed).not.toContain("Host: other.example.com");
  });

  it("means the same wherever it stands on its connection", () => {
    const part = (...values: string[]): Arbitrary<string> => constantFrom(...values);
    const headers = part("Host: api.example.com\r\n", "host: api.example.com:80\r\n", "Host: other.example.com\r\n", "Accept: */*\r\n", "Content-Length: 3\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "X: y\n", "X\r\n");
    const line = part("GET / HTTP/1.1", "POST /a HTTP/1.0", "GET http://other.example.com/ HTTP/1.1", "CONNECT a:1 HTTP/1.1", "GET /\nHTTP/1.1");
    const request = tuple(line, array(headers, { maxLength: 3 })).map(([first, others]) => `${first}\r\nHost: api.example.com\r\n${others.join("")}\r\n`);
    const requests = uniqueArray(request, { minLength: 1, maxLength: 3 }).chain((pool) => array(constantFrom(...pool), { minLength: 1, maxLength: 6 }));
    let repeated = 0;
    assert(property(requests, integer({ min: 1, max: 120 }), (heads, size) => {
      const whole = heads.map((head) => head + (/: 3\r/.test(head) ? "abc" : /chunked/.test(head) ? "0\r\n\r\n" : ""));
      const alone = whole.map((text) => hear([Buffer.from(text, "latin1")], "api.example.com", 80).verdict);
      const bad = alone.findIndex((verdict) => verdict !== "http");
      if (bad === -1 && new Set(heads).size < heads.length) repeated += 1;
      const together = hear(whole.map((text) => Buffer.from(text, "latin1")), "api.example.com", 80);
      expect(together.verdict).toBe(bad === -1 ? "http" : alone[bad]);
      expect(together.passed).toBe(whole.slice(0, bad === -1 ? whole.length : bad).join(""));
      const bytes = Buffer.from(whole.join(""), "latin1");
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
      const [pieced, atOnce] = [hear(pieces, "api.example.com", 80), hear([bytes], "api.example.com", 80)];
      expect(pieced.verdict).toBe(atOnce.verdict);
      expect(bytes.toString("latin1").startsWith(pieced.passed)).toBe(true);
      if (bad === -1) expect(pieced.passed).toBe(whole.join(""));
    }), { numRuns: 3000 });
    expect(repeated).toBeGreaterThan(100);
  });

  it("has bounds", () => {
    const from = performance.now();
    const blanks = `GET / HTTP/1.1\r\nHost: api.example.com\r\nUpgrade: a${" ".repeat(60_000)}b\r\n\r\n`;
    expect(hear([Buffer.from(blanks)], "api.example.com", 80).verdict).toBe("http");
    const crumbs = [...Buffer.from(`GET / HTTP/1.1\r\nHost: api.example.com\r\n${"a:\r\n".repeat(10_000)}\r\n`)].map((byte) => Buffer.from([byte]));
    expect(hear([Buffer.from("GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n"), ...crumbs], "api.example.com", 80).verdict).toBe("http");
    expect(performance.now() - from).toBeLessThan(2000);
    for (const text of ["\r\n".repeat(1024), `GET /${"a".repeat(70_000)}`, `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(20_000)}`]) expect(hear([Buffer.from(text)], "api.example.com", 80).verdict).toBe("egress.request");
  });
});

describe("what is read into", () => {
  it("belongs to nobody else until its bytes have left", () => {
    const [one, other] = [new Reading(), new Reading()];
    let left = (): void => {};
    one.take = (_bytes, done) => (left = done);
    const buffer = one.buffer();
    one.callback(10_000, buffer);
    const meanwhile = [other.buffer(), one.buffer()];
    expect(meanwhile).not.toContain(buffer);
    expect(meanwhile[0]).not.toBe(meanwhile[1]);
    left();
    expect(other.buffer()).toBe(buffer);
    expect(one.buffer()).not.toBe(buffer);
  });

  it("is not held by a few bytes that nobody takes", () => {
    const reading = new Reading();
    const waiting: Buffer[] = [];
    reading.take = (bytes) => void waiting.push(bytes);
    const [first, second] = [reading.buffer(), Buffer.from("ab")];
    second.copy(first);
    reading.callback(2, first);
    expect(reading.buffer()).toBe(first);
    first.fill(0);
    expect(waiting).toEqual([second]);
  });

  it("grows with what comes, and shrinks again", () => {
    const reading = new Reading();
    const sizes = [16 * 1024, 100_000, 256 * 1024, 100].map((length) => {
      const buffer = reading.buffer();
      reading.callback(Math.min(length, buffer.length), buffer);
      return buffer.length / 1024;
    });
    expect([...sizes, reading.buffer().length / 1024]).toEqual([16, 256, 256, 256, 16]);
  });
});

/** What Node's own TLS client says first. */
async function greeting(servername: string): Promise<Buffer> {
  const accepted = await new Promise<{ socket: Socket; bytes: Buffer }>((resolve) => {
    const listener = createServer((socket) => socket.once("data", (bytes: Buffer) => resolve({ socket, bytes })));
    listener.listen(0, "127.0.0.1", () => {
      const { port } = listener.address() as { port: number };
      connect({ port, host: "127.0.0.1", servername }).on("error", () => {});
    });
    onTestFinished(() => void listener.close());
  });
  accepted.socket.destroy();
  return accepted.bytes;
}

describe("a TLS greeting", () => {
  it("must be for the host", async () => {
    const mine = await greeting("api.example.com");
    expect(hear([mine], "api.example.com", 443).verdict).toBe("tls");
    expect(hear([mine.subarray(0, 1), mine.subarray(1, 60), mine.subarray(60)], "api.example.com", 443).verdict).toBe("tls");
    expect(hear([mine.subarray(0, 60)], "api.example.com", 443).verdict).toBe("more");
    expect(hear([mine], "other.example.com", 443).verdict).toBe("egress.server-name");
    expect(hear([await greeting("")], "api.example.com", 443).verdict).toBe("egress.server-name");
    expect(hear([mine], "93.184.10.10", 443).verdict).toBe("tls");
  });

  it("is refused where a byte of it makes it another", async () => {
    const mine = await greeting("api.example.com");
    const at = mine.indexOf("api.example.com");
    const changed = Buffer.from(mine);
    changed.write("x", at);
    expect(hear([changed], "api.example.com", 443).verdict).toBe("egress.server-name");
    const longer = Buffer.from(mine);
    longer.writeUInt16BE(longer.readUInt16BE(at - 2) + 1, at - 2);
    expect(hear([longer], "api.example.com", 443).verdict).toBe("egress.server-name");
  });
});

describe("names", () => {
  const names = new Names({ hosts: ["api.example.com:443", "api.example.com:80", "localhost:5432", "127.0.0.1:9000", "10.0.0.5:22"], hostPatterns: ["*.wild.example.com:443"] });

  it("are allowed on their ports alone", () => {
    const allowed = ["api.example.com:443", "api.example.com:80", "a.wild.example.com:443", "a.b.wild.example.com:443", "localhost:5432", "10.0.0.5:22"];
    const refused = ["api.example.com:22", "www.api.example.com:443", "xapi.example.com:443", "wild.example.com:443", "a.wild.example.com:80", "xwild.example.com:443", "localhost:22", "10.0.0.6:22", "127.0.0.1:5432"];
    const judge = (text: string): boolean => names.allows(parseHost(text) as { name: string; port: number });
    expect([allowed.map(judge), refused.map(judge)]).toEqual([allowed.map(() => true), refused.map(() => false)]);
  });

  it("stand for addresses of their own, both ways", () => {
    const address = names.addressOf("api.example.com") as string;
    expect(address).toMatch(/^127\.77\./);
    expect(names.targetOf(`::ffff:${address}`, 443)).toEqual({ name: "api.example.com", port: 443 });
    expect(names.targetOf("127.0.0.1", 5432).name).toBe("localhost");
    expect(names.targetOf("127.0.0.1", 9000).name).toBe("127.0.0.1");
    expect(names.targetOf("8.8.8.8", 443)).toEqual({ name: "8.8.8.8", port: 443 });
    expect([names.addressOf("other.example.com"), names.addressOf("wild.example.com"), names.addressOf("A.wild.example.com")]).toEqual([null, null, null]);
    expect(names.addressOf("a.wild.example.com")).not.toBe(names.addressOf("b.wild.example.com"));
    for (let count = 0; count < 5000; count += 1) names.addressOf(`n${count}.wild.example.com`);
    expect(names.addressOf("one-more.wild.example.com")).toBe(null);
  });

  it.each(["2130706433:80", "0x7f.1:80", "0177.0.0.1:80", "127.1:80", "a b:80", "a:0", "a:65536", "a", "a:80:80", "u@a:80", "http://a:80", "[::1:80", "-a.example:80", ".:80", "a..b:80", `${"a".repeat(64)}.example:80`])("cannot be written as %s", (text) => {
    expect(parseHost(text)).toBe(null);
  });

  it.each([["Ä.example:80", "xn--4ca.example"], ["API.Example.COM.:80", "api.example.com"], ["[2001:DB8:0:0::1]:80", "2001:db8::1"], ["_srv.example:80", "_srv.example"]])("%s is %s", (text, name) => {
    expect(parseHost(text)?.name).toBe(name);
  });
});

describe("the resolver", () => {
  const ask = (name: string, type: "A" | "AAAA" | "TXT"): { answers: unknown[]; code: string; refused: string[] } => {
    const refused: string[] = [];
    const bytes = answerTo(packet.encode({ type: "query", id: 7, flags: packet.RECURSION_DESIRED, questions: [{ type, name }] }), { names: new Names({ hosts: ["api.example.com:443"], hostPatterns: [] }), refused: (one) => void refused.push(one) });
    const { answers = [], flags = 0 } = packet.decode(bytes as Buffer);
    return { answers: answers.map((answer) => (answer as { data: unknown }).data), code: String(flags & 15), refused };
  };
  it("knows what is allowed, and nothing else", () => {
    expect(ask("API.example.com", "A")).toEqual({ answers: ["127.77.1.0"], code: "0", refused: [] });
    expect(ask("api.example.com", "AAAA")).toEqual({ answers: [], code: "0", refused: [] });
    expect(ask("api.example.com", "TXT")).toEqual({ answers: [], code: "0", refused: [] });
    expect(ask("data.tunnel.example.com", "TXT")).toEqual({ answers: [], code: "3", refused: ["data.tunnel.example.com"] });
  });
});

describe("an address", () => {
  const dialer = new Dialer(["10.1.0.0/16", "192.168.1.7"]);
  it.each(["127.0.0.1", "127.8.8.8", "10.0.0.1", "192.168.1.8", "172.16.0.1", "169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:7f00:1::", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "::7f00:1", "2001:db8::1", "not an address"])("%s is not dialled for a name", (address) => {
    expect(dialer.objection("api.example.com", address)).not.toBe(null);
  });
  it.each(["93.184.10.10", "2606:4700::1111", "10.1.2.3", "192.168.1.7", "::ffff:10.1.2.3", "::ffff:93.184.10.10"])("%s is", (address) => {
    expect(dialer.objection("api.example.com", address)).toBe(null);
  });
  it("that is named as such is", () => {
    expect(dialer.objection("10.9.9.9", "10.9.9.9")).toBe(null);
    expect(dialer.objection("localhost", "127.0.0.1")).toBe(null);
    expect(dialer.objection("localhost", "10.0.0.1")).not.toBe(null);
  });
});
