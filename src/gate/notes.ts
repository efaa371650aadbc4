/** What the gate tells its user on stderr: one line each, prefixed, escaped, and never a flood. */
import { ERRORS, escapeControls, type Code, type SallyportError } from "../errors.ts";
import type { Side } from "../model.ts";

/** So many lines for one code; a last one tells how many there were. */
const LINES_EACH = 3;

export class Notes {
  readonly #write: (text: string) => void;
  readonly #quiet: boolean;
  readonly #counts = new Map<Code, number>();
  readonly #shut = new Set<string>();

  constructor(write: (text: string) => void, quiet: boolean) {
    this.#write = write;
    this.#quiet = quiet;
  }

  /** Shown unless `--quiet`. */
  info(line: string): void {
    if (!this.#quiet) this.warn(line);
  }

  /** Always shown. */
  warn(line: string): void {
    this.#write(`sallyport: ${escapeControls(line)}\n`);
  }

  error(error: SallyportError): void {
    this.warn(`${error.message} (${error.code})`);
    this.warn(`next step: ${error.hint}`);
  }

  refused(from: Side, error: SallyportError): void {
    const count = (this.#counts.get(error.code) ?? 0) + 1;
    this.#counts.set(error.code, count);
    if (error.code !== "frame.blank" && count <= LINES_EACH) this.info(`refused a line of the ${from}: ${error.message} (${error.code})`);
  }

  /** Where the server was not let out to: the first few places, once each. */
  shutOut(event: string, facts: object): void {
    const { name = "", port, reasons: [code = "egress.name"] = [] } = facts as { readonly name?: string; readonly port?: number; readonly reasons?: readonly Code[] };
    const place = port === undefined ? name : `${name}:${port}`;
    if (!event.endsWith(".refused") || name === "" || this.#shut.has(place) || this.#shut.size >= LINES_EACH) return;
    this.#shut.add(place);
    this.info(`the server was not let out to ${place}: ${ERRORS[code].text} (${code})${code === "egress.name" ? `; where it may: --host ${name}:${port ?? "PORT"}, or network.hosts` : ""}`);
  }

  summary(): void {
    for (const [code, count] of this.#counts) if (count > LINES_EACH && code !== "frame.blank") this.info(`refused ${count} lines in all: ${ERRORS[code].text} (${code})`);
  }
}
