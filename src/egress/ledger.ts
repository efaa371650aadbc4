/** What all connections of a session have used. */
export class Ledger {
  open = 0;
  bytes = 0;
  #count = 0;
  /** What ends each connection that is open, and records it. */
  readonly live = new Set<() => void>();
  /** Nothing is passed on any more: the session ends, or what happens can no longer be recorded. */
  closed = false;

  next(): number {
    return ++this.#count;
  }

  closeAll(): void {
    this.closed = true;
    for (const close of [...this.live]) close();
  }
}
