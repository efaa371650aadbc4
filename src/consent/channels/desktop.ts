/** A notification on the desktop: it tells that a call waits. Answers come from elsewhere, as any program could click here. */
import { spawn } from "node:child_process";
import type { Channel } from "../desk.ts";
import { ACTIONS, type Question } from "../question.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Null where there is no desktop. */
export function desktop(env: Env): Channel | null {
  const command = commandOf(env);
  if (command === null) return null;
  return {
    name: "desktop",
    ask: (question) => {
      const [program, ...args] = command(textOf(question));
      const child = spawn(program as string, args, { env, stdio: "ignore", detached: true });
      child.once("error", () => {});
      child.unref();
      return () => {};
    },
  };
}

interface Text {
  readonly title: string;
  readonly body: string;
}

function commandOf(env: Env): ((text: Text) => string[]) | null {
  if (env["DBUS_SESSION_BUS_ADDRESS"] !== undefined && (env["DISPLAY"] ?? env["WAYLAND_DISPLAY"]) !== undefined) return ({ title, body }) => ["notify-send", "--app-name=Sallyport", "--urgency=critical", "--", title, body];
  if (env["__CFBundleIdentifier"] !== undefined || env["TERM_PROGRAM"] === "Apple_Terminal") return ({ title, body }) => ["osascript", "-e", "on run {a, b}\ndisplay notification b with title a\nend run", title, body];
  return null;
}

function plain(text: string): string {
  return text.replace(/[^\p{L}\p{N} ._:/@-]/gu, " ").slice(0, 120);
}

/** Names come from servers, and notifications read markup. */
function textOf({ id, bound, reach }: Question): Text {
  return { title: "A call waits for your decision", body: `${plain(bound.server === "" ? bound.identity : bound.server)}: ${ACTIONS[bound.action] ?? bound.action} ${plain(bound.item)}. It can ${plain(reach.join(", ") || "reach nothing outside")}. In a terminal: sallyport approve ${id}` };
}
