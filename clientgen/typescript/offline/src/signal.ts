// A wake-up that is not lost when nobody waits yet.

/** Says "dirty", however often it was set, until somebody begins to clean up. */
export class Signal {
  private set = false;
  private readonly waiting = new Set<() => void>();

  /** Wakes those who wait, and those who will until the next reset. */
  notify(): void {
    this.set = true;
    for (const wake of [...this.waiting]) wake();
  }

  /** Begins anew: called before what was notified of is looked at. */
  reset(): void {
    this.set = false;
  }

  /** Resolves when there was a notify since the last reset; also when stop is aborted. */
  async wait(stop: AbortSignal): Promise<void> {
    if (this.set || stop.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        stop.removeEventListener("abort", end);
        this.waiting.delete(end);
        resolve();
      };
      this.waiting.add(end);
      stop.addEventListener("abort", end);
    });
  }
}
