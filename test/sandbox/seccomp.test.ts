/** The filter's program, run by an interpreter of our own for both architectures: what no kernel here can try for arm64. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KNOWN } from "../../src/sandbox/known-syscalls.ts";
import { seccompProfile } from "../../src/sandbox/profile.ts";
import { seccompFilter } from "../../src/sandbox/seccomp.ts";
import { AUDIT_ARCH, DENIED, JUDGED, numberOf, type Architecture } from "../../src/sandbox/syscalls.ts";

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const EAFNOSUPPORT = 0x00050061;

/** Classic BPF as the kernel's seccomp accepts it: loads of words, jumps forward, AND, return. */
function run(filter: Buffer, nr: number, args: readonly bigint[] = [], arch: number = AUDIT_ARCH.x64): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(nr >>> 0, 0);
  data.writeUInt32LE(arch, 4);
  args.forEach((value, index) => data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + index * 8));
  let a = 0;
  for (let pc = 0; pc < filter.length / 8; pc += 1) {
    const [code, jt, jf, k] = [filter.readUInt16LE(pc * 8), filter[pc * 8 + 2] as number, filter[pc * 8 + 3] as number, filter.readUInt32LE(pc * 8 + 4)];
    if (code === 0x20) a = data.readUInt32LE(k);
    else if (code === 0x54) a = (a & k) >>> 0;
    else if (code === 0x15) pc += a === k ? jt : jf;
    else if (code === 0x35) pc += a >= k ? jt : jf;
    else if (code === 0x45) pc += (a & k) !== 0 ? jt : jf;
    else if (code === 0x06) return k;
    else throw new Error(`instruction ${code.toString(16)}`);
  }
  throw new Error("the program has no end");
}

describe.each(["x64", "arm64"] as Architecture[])("the filter for %s", (architecture) => {
  const filter = seccompFilter(architecture);
  const arch = AUDIT_ARCH[architecture];
  const judge = (nr: number, ...args: bigint[]): number => run(filter, nr, args, arch);
  const number = (name: keyof typeof JUDGED): number => numberOf(JUDGED[name], architecture) as number;

  it("refuses every named call, and allows every other number", () => {
    const denied = Object.values(DENIED).map((call) => numberOf(call, architecture)).filter((nr) => nr !== null);
    const judged = Object.values(JUDGED).map((call) => numberOf(call, architecture));
    for (const nr of denied) expect(judge(nr)).toBe(EPERM);
    for (let nr = 0; nr < 600; nr += 1) if (!denied.includes(nr) && !judged.includes(nr)) expect([nr, judge(nr)]).toEqual([nr, ALLOW]);
  });

  it("kills foreign architectures, i386 and x32 among them", () => {
    expect(run(filter, 0, [], 0x40000003)).toBe(KILL);
    expect(run(filter, 0, [], architecture === "x64" ? AUDIT_ARCH.arm64 : AUDIT_ARCH.x64)).toBe(KILL);
    expect(judge(0x40000000 | 101)).toBe(architecture === "x64" ? KILL : ALLOW);
  });

  it("refuses each namespace flag to clone and unshare, whatever stands in the upper half", () => {
    for (const flag of [0x20000n, 0x2000000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x20000000n, 0x40000000n]) {
      expect(judge(number("clone"), flag | 17n)).toBe(EPERM);
      expect(judge(number("clone"), flag | (0xdeadn << 32n))).toBe(EPERM);
      expect(judge(number("unshare"), flag)).toBe(EPERM);
    }
    expect(judge(number("unshare"), 0x80n)).toBe(EPERM);
    // pthread_create, fork and vfork of C libraries
    for (const honest of [0x3d0f00n, 0x1200011n, 0x4111n]) expect(judge(number("clone"), honest)).toBe(ALLOW);
    expect(judge(number("clone3"))).toBe(ENOSYS);
    expect(judge(number("unshare"), 0x200n)).toBe(ALLOW);
  });

  it("refuses TIOCSTI and TIOCLINUX also with bits in the upper half, which the kernel does not read", () => {
    for (const request of [0x5412n, 0x541cn, 0x5412n | (1n << 32n), 0x541cn | (0xffffffffn << 32n)]) expect(judge(number("ioctl"), 0n, request)).toBe(EPERM);
    for (const request of [0x5401n, 0x5413n, 0x5421n]) expect(judge(number("ioctl"), 0n, request)).toBe(ALLOW);
  });

  it("allows INET, INET6 and ROUTE netlink, and no other socket", () => {
    const family = (domain: bigint, protocol = 0n): number => judge(number("socket"), domain, 1n, protocol);
    expect([family(2n), family(10n), family(16n)]).toEqual([ALLOW, ALLOW, ALLOW]);
    for (let domain = 0n; domain < 50n; domain += 1n) if (![2n, 10n, 16n].includes(domain)) expect(family(domain)).toBe(EAFNOSUPPORT);
    for (const protocol of [4n, 9n, 12n, 15n, 21n]) expect(family(16n, protocol)).toBe(EAFNOSUPPORT);
  });

  it("allows pairs that cannot be connected anew", () => {
    const pair = (type: bigint): number => judge(number("socketpair"), 1n, type);
    expect([pair(1n), pair(5n), pair(1n | 0o2000000n), pair(1n | 0o4000n)]).toEqual([ALLOW, ALLOW, ALLOW, ALLOW]);
    expect([pair(2n), pair(3n), pair(2n | 0o2000000n)]).toEqual([EPERM, EPERM, EPERM]);
  });
});

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { readonly index: number; readonly value: number; readonly valueTwo: number; readonly op: string }[];
}

describe("the same filter as engines take it", () => {
  const { defaultErrnoRet, syscalls } = seccompProfile() as { defaultErrnoRet: number; syscalls: readonly Rule[] };
  const filter = seccompFilter("x64");

  /** As libseccomp reads a list of what is allowed: any rule that matches decides. */
  function judge(name: string, args: readonly bigint[]): boolean {
    const matches = ({ args: conditions = [] }: Rule): boolean => conditions.every(({ index, value, valueTwo, op }) => op === "SCMP_CMP_MASKED_EQ" && ((args[index] ?? 0n) & BigInt(value)) === BigInt(valueTwo));
    return syscalls.some((rule) => rule.names.includes(name) && rule.action === "SCMP_ACT_ALLOW" && matches(rule));
  }

  it("refuses what is not named", () => {
    expect(defaultErrnoRet).toBe(1);
    for (const name of Object.keys(DENIED)) expect([name, judge(name, [])]).toEqual([name, false]);
    for (const name of Object.keys(JUDGED)) expect([name, KNOWN.includes(name)]).toEqual([name, false]);
    expect(judge("clone3", [])).toBe(false);
    expect([judge("read", []), judge("openat", []), judge("futex_waitv", []), judge("no_such_call", [])]).toEqual([true, true, true, false]);
  });

  it("decides like the other for every argument", () => {
    const words = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 64n }), fc.constantFrom(0x5412n, 0x541cn, 0x5413n, 0x5401n, 0x1200011n, 0x3d0f00n, 0x20000n, 0x80n, 1n << 32n, (1n << 32n) | 0x5412n, (1n << 32n) | 1n));
    fc.assert(
      fc.property(fc.constantFrom(...(["clone", "unshare", "ioctl", "socket", "socketpair"] as const)), fc.array(words, { minLength: 3, maxLength: 3 }), (name, args) => {
        expect(judge(name, args)).toBe(run(filter, numberOf(JUDGED[name], "x64") as number, args) === ALLOW);
      }),
      { numRuns: 20_000 },
    );
  });
});
