/** Where clients keep their files on each system, by the tables of their documents. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pathsOf } from "../../src/clients/places.ts";
import { CLIENTS } from "../../src/clients/table.ts";
import type { Host } from "../../src/model.ts";
import { scratch } from "../helpers.ts";

function found(id: string, platform: NodeJS.Platform, home: string, env: Record<string, string> = {}): string[] {
  const host = { platform, env: { HOME: home, USERPROFILE: home, ...env }, cwd: join(home, "project") } as unknown as Host;
  const client = CLIENTS.find((one) => one.id === id);
  return (client?.places ?? []).flatMap((place) => pathsOf(place, host)).map((path) => path.replace(home, "~"));
}

describe("a client's files", () => {
  it("lie where each system has them", () => {
    const home = scratch();
    expect(found("claude-desktop", "linux", home)).toEqual(["~/.config/Claude/claude_desktop_config.json"]);
    expect(found("claude-desktop", "linux", home, { XDG_CONFIG_HOME: `${home}/xdg` })).toEqual(["~/xdg/Claude/claude_desktop_config.json"]);
    expect(found("claude-desktop", "darwin", home)).toEqual(["~/Library/Application Support/Claude/claude_desktop_config.json"]);
    expect(found("claude-desktop", "win32", home)).toEqual(["~/AppData/Roaming/Claude/claude_desktop_config.json"]);
    expect(found("goose", "win32", home, { APPDATA: `${home}/r` })).toEqual(["~/r/Block/goose/config/config.yaml"]);
  });

  it("are found in packages and profiles whose names nobody knows beforehand", () => {
    const home = scratch();
    for (const folder of ["AppData/Local/Packages/Claude_pzs8sxrjxfjjc", "AppData/Local/Packages/Other_x", ".config/Code/User/profiles/4f2a", ".config/Code/User/profiles/b1"]) mkdirSync(join(home, folder), { recursive: true });
    expect(found("claude-desktop", "win32", home)).toContain("~/AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude/claude_desktop_config.json");
    expect(found("claude-desktop", "win32", home).some((path) => path.includes("Other_x"))).toBe(false);
    const code = found("vscode", "linux", home);
    expect(code).toEqual(expect.arrayContaining(["~/.config/Code/User/mcp.json", "~/.config/Code/User/profiles/4f2a/mcp.json", "~/.config/Code/User/profiles/b1/mcp.json", "~/project/.vscode/mcp.json", "~/.config/Code/User/settings.json", "~/.config/Code/User/profiles/b1/settings.json", "~/project/.vscode/settings.json"]));
  });

  it("follow the variable that moves them, keeping their names", () => {
    const home = scratch();
    expect(found("codex", "linux", home, { CODEX_HOME: "elsewhere" })).toContain("~/project/elsewhere/config.toml");
    expect(found("codex", "linux", home, { CODEX_HOME: "" })).toContain("~/.codex/config.toml");
  });
});
