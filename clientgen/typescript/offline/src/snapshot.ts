// One state of the device: what the server had said at the last checkpoint, with the effects of what that does not
// contain yet on top.

import type { Base } from "./held.js";
import { equalBytes, keyOfId } from "./uuid.js";
import type { Change, Effect, Item, Mutation, View } from "./view.js";

/** The changes on top of one kind by the key of the id. */
type Overlay = ReadonlyMap<string, Change>;

const nothing: ReadonlyMap<string, never> = new Map<string, never>();

/** The entities of one kind. */
class Kind {
  private sorted: readonly Item[] | undefined;

  constructor(
    readonly base: Base,
    readonly overlay: Overlay,
  ) {}

  list(): readonly Item[] {
    return (this.sorted ??= this.sort());
  }

  private sort(): readonly Item[] {
    const all = new Map<string, Item>(this.base);
    for (const [key, c] of this.overlay) {
      if (c.removed === true) all.delete(key);
      else all.set(key, { id: c.id, body: c.body ?? empty });
    }
    return [...all].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([, item]) => item);
  }
}

const empty = new Uint8Array();

/** A state that never changes. */
export class Snapshot implements View {
  static readonly empty = new Snapshot(new Map());

  private constructor(private readonly kinds: ReadonlyMap<number, Kind>) {}

  get(kind: number, id: Uint8Array): Uint8Array | undefined {
    const k = this.kinds.get(kind);
    if (k === undefined) return undefined;
    const key = keyOfId(id);
    const change = k.overlay.get(key);
    if (change === undefined) return k.base.get(key)?.body;
    return change.removed === true ? undefined : (change.body ?? empty);
  }

  list(kind: number): readonly Item[] {
    return this.kinds.get(kind)?.list() ?? [];
  }

  pending(kind: number, id: Uint8Array): boolean {
    return this.kinds.get(kind)?.overlay.has(keyOfId(id)) ?? false;
  }

  /** What the server had said of an entity at the last checkpoint, without any effect. */
  base(kind: number, id: Uint8Array): Uint8Array | undefined {
    return this.kinds.get(kind)?.base.get(keyOfId(id))?.body;
  }

  /** The state after these mutations; their effects go on top in order, each seeing those before it. */
  with(effects: Readonly<Record<string, Effect>>, done: readonly Mutation[]): Snapshot {
    const top = new Top(this);
    for (const m of done) {
      const effect = effects[m.kind];
      if (effect !== undefined) top.add(changesOf(effect, top, m));
    }
    return new Snapshot(top.done(this.kinds));
  }

  /** The state of these bases alone, without any effect. Kinds whose base is the same stay the same. */
  onto(bases: ReadonlyMap<number, Base>): Snapshot {
    const kinds = new Map<number, Kind>();
    for (const [kind, base] of bases) {
      const old = this.kinds.get(kind);
      kinds.set(kind, old !== undefined && old.base === base && old.overlay.size === 0 ? old : new Kind(base, nothing));
    }
    return new Snapshot(kinds);
  }

  /** The same state, with kinds taken from the older one where nothing differs: what hangs on them need not look again. */
  reusing(older: Snapshot): Snapshot {
    const kinds = new Map<number, Kind>();
    for (const [number, kind] of this.kinds) {
      const old = older.kinds.get(number);
      kinds.set(
        number,
        old !== undefined && old.base === kind.base && sameOverlay(old.overlay, kind.overlay) ? old : kind,
      );
    }
    return new Snapshot(kinds);
  }

  /** The kinds in which another state differs. */
  differs(other: Snapshot): Set<number> {
    const out = new Set<number>();
    for (const [number, kind] of this.kinds) if (other.kinds.get(number) !== kind) out.add(number);
    for (const number of other.kinds.keys()) if (!this.kinds.has(number)) out.add(number);
    return out;
  }
}

/** What an effect says; an effect that throws changes nothing. */
function changesOf(effect: Effect, view: View, m: Mutation): readonly Change[] {
  try {
    return effect(view, m);
  } catch {
    return [];
  }
}

function sameOverlay(a: Overlay, b: Overlay): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, x] of a) {
    const y = b.get(key);
    if (y === undefined || x.removed !== y.removed || !equalBytes(x.body ?? empty, y.body ?? empty)) return false;
  }
  return true;
}

/** A state in the making: changes go on top of one that stays. */
class Top implements View {
  private readonly overlays = new Map<number, Map<string, Change>>();

  constructor(private readonly below: Snapshot) {}

  get(kind: number, id: Uint8Array): Uint8Array | undefined {
    const change = this.overlays.get(kind)?.get(keyOfId(id));
    if (change === undefined) return this.below.get(kind, id);
    return change.removed === true ? undefined : (change.body ?? empty);
  }

  list(kind: number): readonly Item[] {
    const overlay = this.overlays.get(kind);
    if (overlay === undefined) return this.below.list(kind);
    const base = new Map(this.below.list(kind).map((i) => [keyOfId(i.id), i] as const));
    return new Kind(base, overlay).list();
  }

  pending(kind: number, id: Uint8Array): boolean {
    return this.overlays.get(kind)?.has(keyOfId(id)) === true || this.below.pending(kind, id);
  }

  add(changes: readonly Change[]): void {
    for (const c of changes) {
      let overlay = this.overlays.get(c.kind);
      if (overlay === undefined) this.overlays.set(c.kind, (overlay = new Map()));
      overlay.set(keyOfId(c.id), c);
    }
  }

  /** The kinds with the changes on top. */
  done(kinds: ReadonlyMap<number, Kind>): ReadonlyMap<number, Kind> {
    const next = new Map(kinds);
    for (const [kind, overlay] of this.overlays) {
      const old = kinds.get(kind);
      next.set(kind, new Kind(old?.base ?? nothing, new Map([...(old?.overlay ?? nothing), ...overlay])));
    }
    return next;
  }
}
