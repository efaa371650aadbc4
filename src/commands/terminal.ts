/** The controlling terminal itself, whatever stdin and stdout lead to. */
import { randomInt } from "node:crypto";
import { openSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { ReadStream, WriteStream } from "node:tty";
import { SallyportError } from "../errors.ts";

export interface Terminal {
  readonly show: (text: string) => void;
  readonly ask: (prompt: string) => Promise<string>;
  readonly close: () => void;
}

/** Throws `consent.terminal` where there is none. */
export function openTerminal(): Terminal {
  const [input, output] = [open("r"), open("w")];
  const source = new ReadStream(input);
  const target = new WriteStream(output);
  const lines = createInterface({ input: source, output: target, terminal: false });
  return {
    show: (text) => void target.write(text),
    ask: async (prompt) => {
      const ended = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
      return (await Promise.race([lines.question(prompt), ended])).trim();
    },
    close: () => {
      lines.close();
      source.destroy();
      target.destroy();
    },
  };
}

function open(flags: "r" | "w"): number {
  try {
    return openSync("/dev/tty", flags);
  } catch (error) {
    throw new SallyportError("consent.terminal", (error as Error).message, { cause: error });
  }
}

const ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz";

/** Shown on the terminal only. */
export function newCode(): string {
  return Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}
