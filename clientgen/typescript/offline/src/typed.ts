// Entities and mutations as messages: what generated clients stand on.

import {
  clearField,
  clone,
  create,
  fromBinary,
  isMessage,
  toBinary,
  type DescMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";

import type { Kept } from "./file.js";
import { keyOfId } from "./uuid.js";
import type { Change, Effect, Mutation, View } from "./view.js";

/** Reads the entities of one kind as their messages. Generated clients have one for each kind. */
export class Table<D extends DescMessage> {
  /** What was read of a body. A body never changes, and a live list reads the same ones again and again. */
  private readonly known = new WeakMap<Uint8Array, MessageShape<D>>();

  /** sensitive are the paths of the fields that nothing may print. */
  constructor(
    readonly kind: number,
    readonly schema: D,
    private readonly sensitive: readonly string[] = [],
  ) {}

  /**
   * One entity; undefined when the device does not hold it or cannot read it. The message is shared with others who read it:
   * leave it as it is.
   */
  get(view: View, id: Uint8Array): MessageShape<D> | undefined {
    return this.read(view.get(this.kind, id));
  }

  /** All entities of the kind, by id; what cannot be read is left out. */
  all(view: View): MessageShape<D>[] {
    return this.where(view, () => true);
  }

  /** The entities for which the test holds, by id. */
  where(view: View, test: (message: MessageShape<D>) => boolean): MessageShape<D>[] {
    const out: MessageShape<D>[] = [];
    for (const { body } of view.list(this.kind)) {
      const message = this.read(body);
      if (message && test(message)) out.push(message);
    }
    return out;
  }

  /** Whether something that is not yet in the server's state shows on the entity. */
  pending(view: View, id: Uint8Array): boolean {
    return view.pending(this.kind, id);
  }

  /** Changes an entity, or, without a change, makes it show as pending. One that the device does not hold is left out. */
  edit(draft: Draft, id: Uint8Array, change?: (next: MessageShape<D>) => void): void {
    const next = draft.drafted(this, id) ?? this.copy(draft.view, id);
    if (next === undefined || next === gone) return;
    change?.(next);
    draft.put(this, id, next);
  }

  /** Makes an entity; one that is there already stays as it is. */
  create(draft: Draft, id: Uint8Array, fill: (next: MessageShape<D>) => void): void {
    if (draft.drafted(this, id) !== undefined || this.get(draft.view, id)) return;
    const next = create(this.schema);
    fill(next);
    draft.put(this, id, next);
  }

  /** Makes an entity go. */
  delete(draft: Draft, id: Uint8Array): void {
    if (this.get(draft.view, id)) draft.put(this, id, gone);
  }

  /** The message without what is personal or secret: for logs. */
  redacted(message: MessageShape<D>): MessageShape<D> {
    const out = clone(this.schema, message);
    for (const path of this.sensitive) clear(this.schema, out, path.split("."));
    return out;
  }

  private copy(view: View, id: Uint8Array): MessageShape<D> | undefined {
    const message = this.get(view, id);
    return message && clone(this.schema, message);
  }

  private read(body: Uint8Array | undefined): MessageShape<D> | undefined {
    if (!body) return undefined;
    let message = this.known.get(body);
    if (!message) {
      message = decode(this.schema, body);
      if (message) this.known.set(body, message);
    }
    return message;
  }
}

/** In a draft, what goes. */
const gone = Symbol("gone");

/** Collects what an effect changes. What the view gives stays as it was before the effect. */
export class Draft {
  private readonly next = new Map<
    string,
    { kind: number; id: Uint8Array; body: () => Uint8Array | undefined; is: unknown }
  >();

  constructor(readonly view: View) {}

  /** What was written of an entity; undefined for one that the effect has not touched. */
  drafted<D extends DescMessage>(table: Table<D>, id: Uint8Array): MessageShape<D> | typeof gone | undefined {
    return this.next.get(keyOf(table.kind, id))?.is as MessageShape<D> | typeof gone | undefined;
  }

  /** Writes an entity. */
  put<D extends DescMessage>(table: Table<D>, id: Uint8Array, is: MessageShape<D> | typeof gone): void {
    const body = (): Uint8Array | undefined => (is === gone ? undefined : toBinary(table.schema, is));
    this.next.set(keyOf(table.kind, id), { kind: table.kind, id, body, is });
  }

  /** What was drafted, in the order in which it was begun. */
  changes(): Change[] {
    return [...this.next.values()].map(({ kind, id, body }) => {
      const bytes = body();
      return bytes ? { kind, id, body: bytes } : { kind, id, removed: true };
    });
  }
}

function keyOf(kind: number, id: Uint8Array): string {
  return `${kind} ${keyOfId(id)}`;
}

/** What a mutation is done on: a Store. */
export interface Doer {
  do(kind: string, args: Uint8Array, ...files: Kept[]): Promise<Mutation>;
}

/** One kind of mutation with its arguments. Generated clients have one for each kind. */
export class Mutator<D extends DescMessage> {
  /** may tells whether it is offered; without it, it always is. */
  constructor(
    readonly kind: string,
    readonly schema: D,
    private readonly may: (view: View, args: MessageShape<D>) => boolean = () => true,
  ) {}

  /** Whether an application should offer it now. The server has the last word. */
  offered(view: View, args: MessageInitShape<D>): boolean {
    return this.may(view, create(this.schema, args));
  }

  /** Writes it to disk with the files that belong to it, and resolves when it is safe there; see Store.do. */
  do(store: Doer, args: MessageInitShape<D>, ...files: Kept[]): Promise<Mutation> {
    return store.do(this.kind, toBinary(this.schema, create(this.schema, args)), ...files);
  }

  /**
   * Makes the effect of the kind out of a function on its arguments; at is the device's clock when it was done. Where the
   * mutation is not offered it shows nothing.
   */
  effectBy(change: (view: View, args: MessageShape<D>, at: Date, draft: Draft) => void): Effect {
    return (view, done) => {
      const args = decode(this.schema, done.args);
      if (!args || !this.may(view, args)) return [];
      const draft = new Draft(view);
      change(view, args, done.at, draft);
      return draft.changes();
    };
  }
}

/** Reads a message; undefined for what is none. */
function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> | undefined {
  try {
    return fromBinary(schema, bytes);
  } catch {
    return undefined; // a newer server's, or rubbish: it does not show
  }
}

/** Empties the fields at the end of a path of proto names, in every element of lists and maps on the way. */
function clear(schema: DescMessage, message: Message, [name, ...rest]: string[]): void {
  const field = schema.fields.find((f) => f.name === name);
  if (!field) return;
  if (rest.length === 0) {
    clearField(message, field);
    return;
  }
  const value: unknown = reflect(schema, message).get(field);
  const inner = field.message;
  if (!inner) return;
  const each = (one: unknown): void => {
    const held = (one as { message?: unknown } | undefined)?.message;
    if (isMessage(held)) clear(inner, held, rest);
  };
  if (field.fieldKind === "list" || field.fieldKind === "map")
    for (const one of (value as Iterable<unknown> & { values(): Iterable<unknown> }).values()) each(one);
  else if (reflect(schema, message).isSet(field)) each(value);
}
