/** What is written into a manifest for a server goes with it; what somebody else wrote stays. */
import { expect, it } from "vitest";
import { REMARK, addServer, removeServer } from "../../src/manifest/edit.ts";

const remark = `${REMARK} api.example.com:443: what it should reach goes under network.hosts`;
const two = (): string => addServer(addServer(null, "a", { command: "x" }, [], remark), "b", { command: "y" }, [], remark);

it.each([["a", "b"], ["b", "a"]])("goes with %s, whichever stands first", (name, other) => {
  const rest = removeServer(two(), name) ?? "";
  expect(rest).toContain(`  ${other}:\n`);
  expect(rest.split(REMARK).length - 1).toBe(1);
  expect(removeServer(rest, other)).toBeNull();
});

it("leaves the words of others", () => {
  const text = two().replace(`# ${remark}\n  a:`, `# Mine, not yours.\n  # ${remark}\n  a:`);
  expect(removeServer(text, "a")).toContain("# Mine, not yours.");
  expect(removeServer(removeServer(text, "a") ?? "", "b")).toContain("# Mine, not yours.");
});
