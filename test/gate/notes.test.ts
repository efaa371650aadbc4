/** What the gate tells its user: enough to act on, once, and no more of it than somebody reads. */
import { expect, it } from "vitest";
import { Notes } from "../../src/gate/notes.ts";

it("says where the server was not let out to, and how it could be", () => {
  const lines: string[] = [];
  const notes = new Notes((text) => void lines.push(text), false);
  for (let time = 0; time < 3; time += 1) notes.shutOut("name.refused", { name: "api.example.com", type: "A", reasons: ["egress.name"] });
  notes.shutOut("connection.refused", { name: "api.example.com", port: 80, reasons: ["egress.http-host"] });
  notes.shutOut("connection.begin", { name: "allowed.example.com", port: 443, reasons: [] });
  notes.shutOut("connection.refused", { verdict: "deny", reasons: ["egress.limit"] });
  notes.shutOut("name.refused", { name: "a\u001b[2J", type: "A", reasons: ["egress.name"] });
  for (const name of ["b", "c", "d"]) notes.shutOut("name.refused", { name, type: "A", reasons: ["egress.name"] });
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^sallyport: the server was not let out to api\.example\.com: .* \(egress\.name\); where it may: --host api\.example\.com:PORT, or network\.hosts\n$/);
  expect(lines[1]).toMatch(/api\.example\.com:80: .* \(egress\.http-host\)\n$/);
  expect(lines.join("")).not.toContain("\u001b");
});
