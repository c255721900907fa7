// The contract between what a device holds and what is generated for it.

/** An entity's id with its body, byte for byte as the server sent it or as an effect made it. */
export interface Item {
  readonly id: Uint8Array;
  readonly body: Uint8Array;
}

/** One consistent state of the device; it never changes. */
export interface View {
  /** The body of an entity, with the effects of what the server's state does not contain yet. */
  get(kind: number, id: Uint8Array): Uint8Array | undefined;
  /** All entities of a kind, by id. The same array as long as nothing of the kind changes. */
  list(kind: number): readonly Item[];
  /** Whether an effect that the server's state does not contain yet shows on the entity. */
  pending(kind: number, id: Uint8Array): boolean;
}

/** What an effect does to one entity: a new body, or its removal. */
export interface Change {
  readonly kind: number;
  readonly id: Uint8Array;
  readonly body?: Uint8Array;
  readonly removed?: boolean;
}

/** One thing that a person did on this device. */
export interface Mutation {
  /** Counts the device's mutations from 1. It changes when the device enrols anew; the id never does. */
  readonly seq: number;
  /** A UUIDv7. */
  readonly id: Uint8Array;
  /** For example visit.accept. */
  readonly kind: string;
  readonly args: Uint8Array;
  /** When it was done, by the device's clock. */
  readonly at: Date;
}

/**
 * What a mutation will most likely change, so that it shows before the server has answered. It is pure: the same view
 * and mutation give the same changes. What it cannot understand changes nothing.
 */
export type Effect = (view: View, done: Mutation) => readonly Change[];
