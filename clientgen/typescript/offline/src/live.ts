// Live queries: results that follow what the device shows.

import type { Item, View } from "./view.js";

/** A result that follows the state. It is worked out anew only when a kind of entity that it read has changed. */
export interface Live<T> extends AsyncIterable<T> {
  /** The result as of now. */
  readonly current: T;
  /** Calls hear with the result, at once and after every change. The function given back ends that. */
  subscribe(hear: (result: T) => void): () => void;
}

/** Where states come from. */
export interface Source {
  view(): View;
  /** Calls hear with the kinds that changed; the function given back ends that. */
  onKinds(hear: (kinds: ReadonlySet<number>) => void): () => void;
}

/** Makes a live query. It costs nothing while nobody has subscribed. */
export function live<T>(source: Source, query: (view: View) => T): Live<T> {
  return new Query(source, query);
}

class Query<T> implements Live<T> {
  private result: { readonly value: T; readonly view: View; readonly read: ReadonlySet<number> } | undefined;
  private readonly hearers = new Set<(result: T) => void>();
  private stop: (() => void) | undefined;

  constructor(
    private readonly source: Source,
    private readonly query: (view: View) => T,
  ) {}

  get current(): T {
    const view = this.source.view();
    // Without a subscription nobody has told of changes.
    if (this.result === undefined || (this.stop === undefined && this.result.view !== view)) this.work(view);
    return this.result!.value;
  }

  subscribe(hear: (result: T) => void): () => void {
    const own = (result: T): void => hear(result);
    const first = this.current;
    this.hearers.add(own);
    this.stop ??= this.source.onKinds((kinds) => this.changed(kinds));
    own(first);
    return () => {
      this.hearers.delete(own);
      if (this.hearers.size > 0) return;
      this.stop?.();
      this.stop = undefined;
    };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    let news: { readonly result: T } | undefined;
    let wake = (): void => undefined;
    const stop = this.subscribe((result) => {
      news = { result };
      wake();
    });
    try {
      for (;;) {
        if (news === undefined) await new Promise<void>((resolve) => (wake = resolve));
        const { result } = news!;
        news = undefined; // of several changes while the reader was busy, the last counts
        yield result;
      }
    } finally {
      stop();
    }
  }

  private changed(kinds: ReadonlySet<number>): void {
    if (![...kinds].some((k) => this.result!.read.has(k))) return;
    const before = this.result!.value;
    this.work(this.source.view());
    const { value } = this.result!;
    if (Object.is(before, value)) return;
    for (const hear of [...this.hearers]) hear(value);
  }

  private work(view: View): void {
    const read = new Set<number>();
    this.result = { value: this.query(new Noting(view, read)), view, read };
  }
}

/** Notes the kinds that a query reads. */
class Noting implements View {
  constructor(
    private readonly view: View,
    private readonly read: Set<number>,
  ) {}

  get(kind: number, id: Uint8Array): Uint8Array | undefined {
    this.read.add(kind);
    return this.view.get(kind, id);
  }

  list(kind: number): readonly Item[] {
    this.read.add(kind);
    return this.view.list(kind);
  }

  pending(kind: number, id: Uint8Array): boolean {
    this.read.add(kind);
    return this.view.pending(kind, id);
  }
}
