import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CompactRange, EMPTY_ROOT, leafHash, toBase64 } from "../../src/journal/tree.ts";

/** RFC 6962 section 2.1, word for word: MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n])), k the largest power of two below n. */
function definition(leaves: readonly Buffer[]): Buffer {
  const sha = (...parts: Buffer[]): Buffer => createHash("sha256").update(Buffer.concat(parts)).digest();
  if (leaves.length === 0) return sha();
  if (leaves.length === 1) return sha(Buffer.of(0), leaves[0] as Buffer);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha(Buffer.of(1), definition(leaves.slice(0, k)), definition(leaves.slice(k)));
}

describe("the tree", () => {
  it("has the roots of the published test vectors", () => {
    // The eight inputs and roots that Certificate Transparency implementations test with.
    const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map((hex) => Buffer.from(hex, "hex"));
    const roots = [
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    const range = new CompactRange();
    expect(range.root()).toBe(EMPTY_ROOT);
    inputs.forEach((input, index) => {
      range.push(leafHash(input));
      expect(range.root()).toBe(roots[index]);
    });
  });

  it("agrees with the definition, and goes on from its subtrees", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 70 }), fc.nat(70), (items, cut) => {
        const leaves = items.map((item) => Buffer.from(item));
        let range = new CompactRange();
        leaves.forEach((leaf, index) => {
          if (index === cut) range = new CompactRange(range.size, range.subtrees);
          range.push(leafHash(leaf));
        });
        expect(toBase64(range.root())).toBe(definition(leaves).toString("base64"));
      }),
    );
  });

  it("refuses a range whose subtrees cannot be those of its size", () => {
    const leaf = leafHash(Buffer.from("a"));
    for (const [size, count] of [[6, 1], [1, 2], [0, 1], [3, 0]] as const) expect(() => new CompactRange(size, Array(count).fill(leaf))).toThrow(RangeError);
  });
});
