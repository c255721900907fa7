// A limit of time for a call.

/** A signal that ends what takes too long. */
export interface Limit {
  readonly signal: AbortSignal;
  /** Aborts the signal at once. */
  readonly stop: () => void;
  /** Frees the limit; to be called when what it limits is over. */
  readonly end: () => void;
}

/** Makes a limit: its signal is aborted after timeout milliseconds, when another signal is, or by stop. */
export function limited(timeout: number, signal: AbortSignal | undefined): Limit {
  const both = new AbortController();
  const stop = (): void => both.abort(signal?.reason);
  if (signal?.aborted === true) stop();
  signal?.addEventListener("abort", stop);
  const timer = setTimeout(() => both.abort(), timeout);
  return {
    signal: both.signal,
    stop,
    end: () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    },
  };
}
