/** The clients, one entry each. Paths take `~`, `{config}` (XDG), `{support}` (macOS), `{roaming}`, `{local}` (Windows), `{project}` and `$VARIABLE|fallback`. */
import type { Client, Place, Shape } from "./client.ts";

const PLAIN: Shape = { command: "command", env: "env" };
const SERVERS = [["mcpServers"]];
const BRACES = /\$\{[A-Za-z_][\w]*(?::-[^}]*)?\}/g;
const NAMED_BRACES = /\$\{[^}]+\}/g;
const RESTART = "restart it";
const IN_SETTINGS = [["mcp", "servers"], ["mcp.servers"]];

/** A file of the same name everywhere, below the home, and one of the project. */
const homeAnd = (user: string, project?: string): Place[] => [{ scope: "user", all: [user] }, ...(project === undefined ? [] : [{ scope: "project" as const, all: [project] }])];

/** Directories of VS Code and of what is built from it. */
const CODES = ["Code", "Code - Insiders", "VSCodium"];
const inCode = (file: string): Omit<Place, "scope"> => ({
  linux: CODES.map((name) => `{config}/${name}/User/${file}`),
  darwin: CODES.map((name) => `{support}/${name}/User/${file}`),
  win32: CODES.map((name) => `{roaming}/${name}/User/${file}`),
});

export const CLIENTS: readonly Client[] = [
  {
    id: "claude-desktop", title: "Claude Desktop", format: "json", keys: SERVERS, shape: PLAIN, placeholder: null, minimalPath: true, inherits: "sdk", reload: "quit and start it again", source: "modelcontextprotocol.io/docs/develop/connect-local-servers",
    places: [{ scope: "user", linux: ["{config}/Claude/claude_desktop_config.json"], darwin: ["{support}/Claude/claude_desktop_config.json"], win32: ["{roaming}/Claude/claude_desktop_config.json", "{local}/Packages/Claude_*/LocalCache/Roaming/Claude/claude_desktop_config.json"] }],
  },
  {
    id: "claude-code", title: "Claude Code", format: "json", keys: SERVERS, shape: PLAIN, placeholder: BRACES, minimalPath: false, inherits: "all", reload: "start a new session, or /mcp", source: "code.claude.com/docs/en/mcp",
    places: [
      { scope: "user", all: ["$CLAUDE_CONFIG_DIR|~/.claude.json"] },
      { scope: "local", all: ["$CLAUDE_CONFIG_DIR|~/.claude.json"], keys: [["projects", "*", "mcpServers"]], perProject: true },
      { scope: "project", all: ["{project}/.mcp.json"] },
      { scope: "managed", linux: ["/etc/claude-code/managed-mcp.json"], darwin: ["/Library/Application Support/ClaudeCode/managed-mcp.json"], win32: ["C:/Program Files/ClaudeCode/managed-mcp.json"] },
    ],
  },
  { id: "cursor", title: "Cursor", format: "json", keys: SERVERS, shape: PLAIN, placeholder: NAMED_BRACES, project: "${workspaceFolder}", minimalPath: true, inherits: "sdk", reload: "switch the server off and on in Settings, MCP", source: "cursor.com/docs/context/mcp", places: homeAnd("~/.cursor/mcp.json", "{project}/.cursor/mcp.json") },
  {
    id: "vscode", title: "VS Code", format: "json", keys: [["servers"]], shape: PLAIN, placeholder: NAMED_BRACES, project: "${workspaceFolder}", minimalPath: true, inherits: "all", reload: "MCP: List Servers, Restart", source: "code.visualstudio.com/docs/agents/reference/mcp-configuration",
    // In settings, too, until version 1.102 moves them.
    places: [
      { scope: "user", ...inCode("mcp.json") }, { scope: "user", ...inCode("profiles/*/mcp.json") }, { scope: "project", all: ["{project}/.vscode/mcp.json"] },
      { scope: "user", ...inCode("settings.json"), keys: IN_SETTINGS }, { scope: "user", ...inCode("profiles/*/settings.json"), keys: IN_SETTINGS }, { scope: "project", all: ["{project}/.vscode/settings.json"], keys: IN_SETTINGS },
    ],
  },
  { id: "copilot-cli", title: "GitHub Copilot CLI", format: "json", keys: SERVERS, shape: PLAIN, placeholder: BRACES, minimalPath: false, inherits: "path", reload: "start a new session", source: "docs.github.com/copilot/how-tos/copilot-cli", places: [{ scope: "user", all: ["$COPILOT_HOME|~/.copilot/mcp-config.json"] }, { scope: "project", all: ["{project}/.github/mcp.json"] }] },
  { id: "windsurf", title: "Windsurf", format: "json", keys: SERVERS, shape: PLAIN, placeholder: NAMED_BRACES, minimalPath: true, inherits: "sdk", reload: "press refresh in its MCP panel", source: "docs.windsurf.com/windsurf/cascade/mcp", places: homeAnd("~/.codeium/windsurf/mcp_config.json") },
  { id: "antigravity", title: "Antigravity", format: "json", keys: SERVERS, shape: PLAIN, placeholder: null, minimalPath: true, inherits: "sdk", reload: RESTART, source: "add-mcp 2.4", places: [{ scope: "user", all: ["~/.gemini/config/mcp_config.json", "~/.gemini/antigravity/mcp_config.json"] }] },
  { id: "gemini-cli", title: "Gemini CLI", format: "json", keys: SERVERS, shape: PLAIN, placeholder: /\$\{\w+(?::-[^}]*)?\}|\$[A-Za-z_]\w*/g, minimalPath: false, inherits: "all", reload: "start a new session, or /mcp refresh", source: "gemini-cli docs/tools/mcp-server.md", places: homeAnd("~/.gemini/settings.json", "{project}/.gemini/settings.json") },
  { id: "codex", title: "Codex", format: "toml", keys: [["mcp_servers"]], shape: { ...PLAIN, names: "env_vars" }, placeholder: null, minimalPath: false, inherits: "sdk", reload: "start a new session", source: "openai/codex codex-rs/config/src/mcp_types.rs", places: [{ scope: "user", all: ["$CODEX_HOME|~/.codex/config.toml"] }, { scope: "project", all: ["{project}/.codex/config.toml"] }] },
  { id: "zed", title: "Zed", format: "json", keys: [["context_servers"]], shape: PLAIN, placeholder: null, minimalPath: true, inherits: "all", reload: "it reads the file by itself", source: "zed.dev/docs/ai/mcp", places: [{ scope: "user", linux: ["{config}/zed/settings.json"], darwin: ["~/.config/zed/settings.json", "{support}/Zed/settings.json"], win32: ["{roaming}/Zed/settings.json"] }, { scope: "project", all: ["{project}/.zed/settings.json"] }] },
  { id: "cline", title: "Cline", format: "json", keys: SERVERS, shape: PLAIN, placeholder: null, minimalPath: true, inherits: "sdk", reload: "it reads the file by itself", source: "add-mcp 2.4", places: [{ scope: "user", ...inCode("globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json") }, { scope: "user", all: ["~/.cline/data/settings/cline_mcp_settings.json"] }] },
  { id: "roo", title: "Roo Code", format: "json", keys: SERVERS, shape: PLAIN, placeholder: NAMED_BRACES, project: "${workspaceFolder}", minimalPath: true, inherits: "sdk", reload: "it reads the file by itself", source: "RooCodeInc/Roo-Code-Docs", places: [{ scope: "user", ...inCode("globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json") }, { scope: "project", all: ["{project}/.roo/mcp.json"] }] },
  { id: "kilo", title: "Kilo Code", format: "json", keys: [["mcp"]], shape: { command: "command", env: "environment" }, placeholder: /\{(?:env|file):[^}]+\}/g, minimalPath: true, inherits: "all", reload: RESTART, source: "add-mcp 2.4", places: [{ scope: "user", all: ["{config}/kilo/kilo.json", "{config}/kilo/kilo.jsonc"] }, { scope: "project", all: ["{project}/kilo.json", "{project}/kilo.jsonc", "{project}/.kilo/kilo.json", "{project}/.kilo/kilo.jsonc"] }] },
  { id: "continue", title: "Continue", format: "yaml", keys: SERVERS, shape: { ...PLAIN, list: true }, placeholder: /\$\{\{[^}]+\}\}/g, minimalPath: true, inherits: "sdk", reload: "it reads the file by itself", source: "docs.continue.dev/customize/deep-dives/mcp", places: [{ scope: "user", all: ["~/.continue/config.yaml"] }, { scope: "project", all: ["{project}/.continue/mcpServers/*.yaml"] }] },
  { id: "junie", title: "JetBrains Junie", format: "json", keys: SERVERS, shape: PLAIN, placeholder: null, minimalPath: true, inherits: "sdk", reload: RESTART, source: "@gleanwork/mcp-config-schema 5.2", places: homeAnd("~/.junie/mcp/mcp.json", "{project}/.junie/mcp/mcp.json") },
  { id: "goose", title: "Goose", format: "yaml", keys: [["extensions"]], shape: { command: "cmd", env: "envs", names: "env_keys" }, placeholder: null, minimalPath: false, inherits: "all", reload: "start a new session", source: "block.github.io/goose/docs/guides/config-files", places: [{ scope: "user", linux: ["{config}/goose/config.yaml"], darwin: ["~/.config/goose/config.yaml"], win32: ["{roaming}/Block/goose/config/config.yaml"] }] },
  { id: "opencode", title: "opencode", format: "json", keys: [["mcp", "servers"], ["mcp"]], shape: { command: "command", env: "environment" }, placeholder: /\{(?:env|file):[^}]+\}/g, minimalPath: false, inherits: "all", reload: "start a new session", source: "opencode.ai/docs/mcp-servers", places: [{ scope: "user", all: ["{config}/opencode/opencode.json", "{config}/opencode/opencode.jsonc"] }, { scope: "project", all: ["{project}/opencode.json", "{project}/opencode.jsonc", "{project}/.opencode/opencode.json", "{project}/.opencode/opencode.jsonc"] }] },
  { id: "lm-studio", title: "LM Studio", format: "json", keys: SERVERS, shape: PLAIN, placeholder: null, minimalPath: true, inherits: "sdk", reload: "it reads the file by itself", source: "lmstudio.ai/docs/app/mcp", places: [{ scope: "user", all: ["~/.lmstudio/mcp.json", "~/.cache/lm-studio/mcp.json"] }] },
  { id: "kiro", title: "Kiro", format: "json", keys: SERVERS, shape: PLAIN, placeholder: NAMED_BRACES, minimalPath: true, inherits: "sdk", reload: "it reads the file by itself", source: "kiro.dev/docs/mcp/configuration", places: homeAnd("~/.kiro/settings/mcp.json", "{project}/.kiro/settings/mcp.json") },
  { id: "amazon-q", title: "Amazon Q Developer", format: "json", keys: SERVERS, shape: PLAIN, placeholder: null, minimalPath: false, inherits: "all", reload: RESTART, source: "AWS documentation", places: homeAnd("~/.aws/amazonq/mcp.json", "{project}/.amazonq/mcp.json") },
  { id: "kimi", title: "Kimi Code", format: "json", keys: SERVERS, shape: PLAIN, placeholder: null, minimalPath: false, inherits: "sdk", reload: "start a new session", source: "add-mcp 2.4", places: homeAnd("~/.kimi-code/mcp.json") },
  { id: "grok", title: "Grok Build", format: "toml", keys: [["mcp_servers"]], shape: PLAIN, placeholder: null, minimalPath: false, inherits: "sdk", reload: "start a new session", source: "add-mcp 2.4", places: homeAnd("~/.grok/config.toml") },
];
