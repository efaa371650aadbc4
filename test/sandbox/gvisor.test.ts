/** What is told from behind gVisor is read as it was told, whatever directories are called. */
import { describe, expect, it } from "vitest";
import { SallyportError } from "../../src/errors.ts";
import { insideOf } from "../../src/sandbox/attest-gvisor.ts";

const WORD = "=5f0c";
const status = "Name:\tsh\nUid:\t65534\t65534\t65534\t65534\nGroups:\t\nCapEff:\t0000000000000000\nSeccomp:\t0\n";
const limits = "Limit                     Soft Limit           Hard Limit           Units\nMax open files            4096                 4096                 files\n";
const told = (mounts: string): string => `${WORD} status\n${status}${WORD} mountinfo\n${mounts}${WORD} limits\n${limits}${WORD} fd\n/proc/1/fd/0\n/proc/1/fd/1\n/proc/1/fd/2\n`;

describe("what gVisor tells", () => {
  it("is taken apart", () => {
    const inside = insideOf(told("17 1 0:20 / / ro - 9p none ro,trans=fd\n18 17 0:21 / /tmp rw,nosuid - tmpfs none rw\n"), WORD);
    expect(inside.status.get("Uid")).toBe("65534\t65534\t65534\t65534");
    expect(inside.mounts).toEqual([{ at: "/", type: "9p", writable: false }, { at: "/tmp", type: "tmpfs", writable: true }]);
    expect(inside.limits).toEqual({ "Max open files": "4096 4096" });
    expect(inside.descriptors).toEqual([0, 1, 2]);
  });

  it("keeps names with blanks, letters of any kind, line ends and escapes", () => {
    const mounts = ["/a\\040b", "/\\040 c\\040".replace(" ", "\\040"), "/ü-日本", "/line\\012=\\040fd", "/back\\134n", "/back\\134012x"].map((at) => `35 18 0:29 / ${at} ro - 9p none ro,trans=fd\n`).join("");
    expect(insideOf(told(mounts), WORD).mounts.map(({ at }) => at)).toEqual(["/a b", "/  c ", "/ü-日本", "/line\n= fd", "/back\\n", "/back\\012x"]);
  });

  it("is refused where a part is missing, stands twice, or comes from somewhere else", () => {
    for (const text of ["", told("").replace(`${WORD} limits\n`, ""), `${told("")}${WORD} status\n`, told("").replaceAll(WORD, "=other")]) expect(() => insideOf(text, WORD)).toThrow(SallyportError);
    expect(insideOf(told("").replace("/proc/1/fd/0\n/proc/1/fd/1\n/proc/1/fd/2", "/proc/1/fd/*"), WORD).descriptors).toEqual([]);
  });
});
