/** Libraries are read from files, never by loading them; what is read is what the linker would load, and lies do no harm. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { linkedWith } from "../../src/sandbox/elf.ts";
import { scratch } from "../helpers.ts";

const real = (files: readonly string[]): string[] => [...new Set(files.map((file) => realpathSync(file)))].sort();

describe("libraries of a program", () => {
  it.each(["/bin/sh", "/usr/bin/perl", process.execPath].filter((file) => existsSync(file)))("%s are those that the linker names", (program) => {
    const listed = execFileSync("ldd", [realpathSync(program)], { encoding: "utf8" });
    const expected = [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, file = ""]) => file);
    expect(real(linkedWith([program]))).toEqual(real(expected));
  });

  it("are none for what is no program", () => {
    const file = join(scratch(), "file");
    for (const text of ["", "#!/bin/sh\n", "\u007fELF", `\u007fELF${"\u0000".repeat(60)}`]) {
      writeFileSync(file, text, "latin1");
      expect(linkedWith([file])).toEqual([]);
    }
  });

  it("are read from files that lie without harm", () => {
    const file = join(scratch(), "file");
    const whole = readFileSync("/bin/sh");
    let state = 3;
    const random = (below: number): number => (state = (state * 1103515245 + 12345) % 2 ** 31) % below;
    for (let count = 0; count < 400; count += 1) {
      const changed = Buffer.from(whole);
      for (let bytes = 0; bytes < 8; bytes += 1) changed[random(count % 2 === 0 ? 1024 : changed.length)] = random(256);
      writeFileSync(file, count % 5 === 0 ? changed.subarray(0, random(changed.length)) : changed);
      for (const found of linkedWith([file])) expect(found).toMatch(/^\//);
    }
  });
});
