/**
 * The system call filter: a classic BPF program over `struct seccomp_data` (<linux/seccomp.h>; seccomp(2)), as an array
 * of 8-byte `struct sock_filter`. Everything that is not refused here is allowed: namespaces, mounts and the absence of
 * capabilities carry the cell, the filter takes away what would let a program at the kernel behind them.
 */
import { endianness } from "node:os";
import { AUDIT_ARCH, DENIED, JUDGED, numberOf, type Architecture } from "./syscalls.ts";

// struct seccomp_data { int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]; }, little endian
const NR = 0;
const ARCH = 4;
const argument = (index: number): number => 16 + index * 8;

// <linux/bpf_common.h>, <linux/seccomp.h>, <asm-generic/errno.h>
const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const AT_LEAST = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const ANY_BIT = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K
const KILL_PROCESS = 0x80000000;
const ALLOW = 0x7fff0000;
const errno = (number: number): number => 0x00050000 | number;
const EPERM = errno(1);
const ENOSYS = errno(38);
const EAFNOSUPPORT = errno(97);

/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of <linux/sched.h>. */
export const NAMESPACE_FLAGS = 0x00000080 | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;
/** In clone(2) the low byte is the exit signal, so CLONE_NEWTIME cannot be asked for there. */
const CLONE_NAMESPACE_FLAGS = NAMESPACE_FLAGS & ~0xff;
/** Calls of the x32 ABI carry this bit; their numbers would slip past a filter for x86-64. */
const X32_BIT = 0x40000000;

const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;

const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const SOCK_TYPE_MASK = 0xf;
const SOCK_STREAM = 1;
const SOCK_SEQPACKET = 5;

/** The same for `profile.ts`. */
export const SOCKET_FAMILIES: readonly number[] = [AF_INET, AF_INET6];
export const SOCKETPAIR_TYPES: readonly number[] = [SOCK_STREAM, SOCK_SEQPACKET];
export const TERMINAL_REQUESTS: readonly number[] = [TIOCSTI, TIOCLINUX];

type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, value: number];

/** The program's bytes. Only the low halves of arguments are read where the kernel, too, reads 32 bits. */
export function seccompFilter(architecture: Architecture): Buffer {
  if (endianness() !== "LE") throw new Error("the filter is written for little-endian machines");
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCH],
    [EQUAL, 1, 0, AUDIT_ARCH[architecture]],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD, 0, 0, NR],
    ...(architecture === "x64" ? ([[AT_LEAST, 0, 1, X32_BIT], [RETURN, 0, 0, KILL_PROCESS]] as const) : []),
    ...when(JUDGED.clone, architecture, [[LOAD, 0, 0, argument(0)], [ANY_BIT, 0, 1, CLONE_NAMESPACE_FLAGS], [RETURN, 0, 0, EPERM], [RETURN, 0, 0, ALLOW]]),
    // clone3(2) takes its flags through a pointer, which a filter cannot follow; C libraries fall back to clone on ENOSYS.
    ...when(JUDGED.clone3, architecture, [[RETURN, 0, 0, ENOSYS]]),
    ...when(JUDGED.unshare, architecture, [[LOAD, 0, 0, argument(0)], [ANY_BIT, 0, 1, NAMESPACE_FLAGS], [RETURN, 0, 0, EPERM], [RETURN, 0, 0, ALLOW]]),
    ...when(JUDGED.ioctl, architecture, [[LOAD, 0, 0, argument(1)], [EQUAL, 1, 0, TIOCSTI], [EQUAL, 0, 1, TIOCLINUX], [RETURN, 0, 0, EPERM], [RETURN, 0, 0, ALLOW]]),
    ...when(JUDGED.socket, architecture, socketRule()),
    // A datagram pair can be connected anew, to any socket file; stream and seqpacket pairs cannot.
    ...when(JUDGED.socketpair, architecture, [
      [LOAD, 0, 0, argument(1)],
      [AND, 0, 0, SOCK_TYPE_MASK],
      [EQUAL, 2, 0, SOCK_STREAM],
      [EQUAL, 1, 0, SOCK_SEQPACKET],
      [RETURN, 0, 0, EPERM],
      [RETURN, 0, 0, ALLOW],
    ]),
    ...deniedCalls(architecture),
    [RETURN, 0, 0, ALLOW],
  ];
  return assemble(program);
}

/**
 * Families by name: the network namespace holds INET; ROUTE netlink tells a program of its own interfaces. AF_UNIX is
 * refused, as a socket file inside a directory given for reading would lead out of the cell (a read-only mount does not
 * stop connect(2)); socketpair(2) stays. AF_VSOCK reaches the hypervisor past every namespace.
 */
function socketRule(): Instruction[] {
  return [
    [LOAD, 0, 0, argument(0)],
    [EQUAL, 5, 0, AF_INET],
    [EQUAL, 4, 0, AF_INET6],
    [EQUAL, 0, 2, AF_NETLINK],
    [LOAD, 0, 0, argument(2)],
    [EQUAL, 1, 0, NETLINK_ROUTE],
    [RETURN, 0, 0, EAFNOSUPPORT],
    [RETURN, 0, 0, ALLOW],
  ];
}

/** Runs `rule` for one call, and passes over it for all others; the number is still loaded afterwards. */
function when(call: (typeof JUDGED)[keyof typeof JUDGED], architecture: Architecture, rule: readonly Instruction[]): Instruction[] {
  return [[EQUAL, 0, rule.length, numberOf(call, architecture) as number], ...rule];
}

function deniedCalls(architecture: Architecture): Instruction[] {
  const numbers = Object.values(DENIED).map((call) => numberOf(call, architecture)).filter((number) => number !== null);
  const checks = numbers.map((number, index): Instruction => [EQUAL, numbers.length - 1 - index, index === numbers.length - 1 ? 1 : 0, number]);
  return [...checks, [RETURN, 0, 0, EPERM]];
}

function assemble(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, whenTrue, whenFalse, value], index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(whenTrue, index * 8 + 2);
    bytes.writeUInt8(whenFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  });
  return bytes;
}
