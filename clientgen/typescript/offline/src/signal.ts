// A wake-up that is not lost when nobody waits yet.

/** Says "dirty" once, however often it was set meanwhile. */
export class Signal {
  private set = false;
  private waiting: (() => void) | undefined;

  /** Wakes the one who waits, or the next who will. */
  notify(): void {
    this.set = true;
    this.waiting?.();
  }

  /** Resolves after the next notify, or at once when there was one since the last wait; also when stop is aborted. */
  async wait(stop: AbortSignal): Promise<void> {
    if (!this.set && !stop.aborted) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          stop.removeEventListener("abort", end);
          resolve();
        };
        this.waiting = end;
        stop.addEventListener("abort", end);
      });
      this.waiting = undefined;
    }
    if (!stop.aborted) this.set = false;
  }
}
