/**
 * The system call filter as container engines take it (OCI runtime specification, linux.seccomp). The refusals of `seccomp.ts`,
 * as a list of what is allowed: engines know calls by name, and pass over names that are newer than they are. What is not in the
 * list is refused with them.
 */
import { NAMESPACE_FLAGS, SOCKET_FAMILIES, SOCKETPAIR_TYPES, TERMINAL_REQUESTS } from "./seccomp.ts";
import { KNOWN } from "./known-syscalls.ts";

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;
const LOW_HALF = 0xffffffff;
const NETLINK = 16;

interface Argument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo: number;
  readonly op: string;
}

const allow = (names: readonly string[], args: readonly Argument[] = []): object => ({ names, action: "SCMP_ACT_ALLOW", args });
/** Compared under a mask, as the kernel reads 32 bits of these arguments and a program may set the others. */
const is = (index: number, value: number, mask = LOW_HALF): Argument => ({ index, value: mask, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" });

/** Rules for one call are alternatives. */
export function seccompProfile(): object {
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: [process.arch === "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64"],
    syscalls: [
      allow(KNOWN),
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
      allow(["clone"], [is(0, 0, NAMESPACE_FLAGS & ~0xff)]),
      allow(["unshare"], [is(0, 0, NAMESPACE_FLAGS)]),
      ...requestsBut(TERMINAL_REQUESTS).map((argument) => allow(["ioctl"], [argument])),
      ...SOCKET_FAMILIES.map((family) => allow(["socket"], [is(0, family)])),
      allow(["socket"], [is(0, NETLINK), is(2, 0)]),
      // Named, so that programs that try it hear of the family rather than of their rights.
      { names: ["socket"], action: "SCMP_ACT_ERRNO", errnoRet: EAFNOSUPPORT, args: [is(0, 1)] },
      ...SOCKETPAIR_TYPES.map((type) => allow(["socketpair"], [is(1, type, 0xf)])),
    ],
  };
}

/** Every value but a few that differ in their last four bits alone: those that differ above, bit by bit, and the rest of the sixteen. */
function requestsBut(refused: readonly number[]): Argument[] {
  const base = (refused[0] as number) & ~0xf;
  const above = Array.from({ length: 28 }, (_, bit) => 2 ** (bit + 4)).map((bit) => is(1, (base & bit) === 0 ? bit : 0, bit));
  const beside = Array.from({ length: 16 }, (_, low) => base + low).filter((value) => !refused.includes(value)).map((value) => is(1, value));
  return [...above, ...beside];
}
