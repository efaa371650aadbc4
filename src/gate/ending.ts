/** How a session ends: the first cause counts, later ones only hurry. The server's whole tree is gone within three seconds. */
import type { Cell, Exit } from "../sandbox/launch.ts";
import type { SallyportError } from "../errors.ts";

export type Cause =
  | { readonly kind: "server-ended" }
  | { readonly kind: "server-closed" }
  | { readonly kind: "client-closed" }
  | { readonly kind: "client-gone" }
  | { readonly kind: "signal"; readonly signal: NodeJS.Signals }
  | { readonly kind: "failure"; readonly error: SallyportError };

/** Milliseconds until the server is asked to end (SIGTERM), and until all its processes are ended (SIGKILL). */
const PACE: Readonly<Record<Cause["kind"], readonly [terminate: number, kill: number]>> = {
  "server-ended": [0, 0],
  "server-closed": [300, 1000],
  "client-closed": [1500, 2300],
  "client-gone": [300, 1000],
  signal: [0, 700],
  failure: [0, 0],
};

/** Milliseconds between the end of a server's stdout and its own, in which it is given the time to exit by itself. */
const CLOSING = 300;

export class Ending {
  readonly #cell: Cell;
  #cause: Cause | null = null;
  #exit: Exit | null = null;
  #timers: NodeJS.Timeout[] = [];
  #killed = false;
  #killAt = Infinity;
  /** Told when the server's processes have been ended by force: what they have still written need not wait for a reader. */
  onKill: () => void = () => {};
  #closing: NodeJS.Timeout | undefined;
  readonly done: Promise<void>;

  constructor(cell: Cell) {
    this.#cell = cell;
    this.done = cell.exited.then((exit) => {
      this.#exit = exit;
      this.#cause ??= { kind: "server-ended" };
      this.#clear();
    });
  }

  get cause(): Cause | null {
    return this.#cause;
  }

  get exit(): Exit | null {
    return this.#exit;
  }

  /** Whether the gate had to end the server. */
  get killed(): boolean {
    return this.#killed;
  }

  because(cause: Cause): void {
    this.#cause ??= cause;
    const [terminate, kill] = PACE[cause.kind];
    // A later cause may hurry the end, never put it off.
    if (this.#exit !== null || performance.now() + kill >= this.#killAt) return;
    this.#killAt = performance.now() + kill;
    this.#clear();
    this.#cell.stdin.end();
    const now = (action: () => void): void => {
      this.#killed = true;
      action();
    };
    const end = (): void => {
      this.#cell.kill();
      this.onKill();
    };
    if (kill === 0) return now(end);
    const asked = (): void => now(() => this.#cell.terminate());
    if (terminate === 0) asked();
    else this.#timers.push(setTimeout(asked, terminate));
    this.#timers.push(setTimeout(() => now(end), kill));
  }

  /** The server's stdout has ended: nothing can be answered any more, so it must end as well, if it has not done so. */
  serverClosed(): void {
    if (this.#exit === null) this.#closing = setTimeout(() => this.because({ kind: "server-closed" }), CLOSING);
  }

  #clear(): void {
    clearTimeout(this.#closing);
    this.#timers.forEach((timer) => clearTimeout(timer));
    this.#timers = [];
  }
}

const SIGNAL_CODES: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** The exit code of `run`: the server's own when it ended by itself. */
export function exitCodeOf(cause: Cause, exit: Exit, killed: boolean): number {
  if (cause.kind === "failure") return cause.error.exitCode;
  if (cause.kind === "signal") return SIGNAL_CODES[cause.signal] ?? 143;
  return killed ? 0 : exit.code;
}
