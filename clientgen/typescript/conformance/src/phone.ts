// A phone of the scenarios' trade, made of the TypeScript client.

import { receiptKeys, uploads } from "@doorstep-dev/field";
import {
  Client,
  codeOf,
  FileState,
  MemoryDisk,
  Outcome,
  Store,
  uuidOf,
  uuidText,
  type Disk,
  type Effect,
} from "@doorstep-dev/offline";
import { exportBox, importBox } from "@doorstep-dev/offline/blackbox";
import type { PhonePlan } from "./scenario.js";

/** The disks of phones. */
export interface Storage {
  /** Opens the disk of that name, which outlives all stores on it. */
  open(name: string): Disk;
  /** Makes the disk as the version before this one has left it. */
  downgrade(name: string): Promise<void>;
}

/** Disks in memory. */
export function memory(): Storage {
  const disks = new Map<string, MemoryDisk>();
  const open = (name: string): MemoryDisk => {
    let disk = disks.get(name);
    if (disk === undefined) disks.set(name, (disk = new MemoryDisk()));
    return disk;
  };
  return { open, downgrade: (name) => downgrade(open(name)) };
}

/** Takes from a disk what the second version of the tables has more than the first. */
export async function downgrade(disk: Disk): Promise<void> {
  await disk.write(["meta", "outbox"], async (tx) => {
    const rows = (await tx.all("outbox")).map(({ tooOld: _, ...first }) => first as typeof first & { tooOld: boolean });
    await tx.put("outbox", ...rows);
    await tx.put("meta", { key: "schema", value: 1 });
  });
}

const passphrase = "correct horse battery";
const itemKind = 7;
const labelKind = 9;

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** The optimistic effect of add, pair and attach. */
const countUp: Effect = (view, done) => {
  const args = JSON.parse(decode(done.args)) as { item?: string; other?: string };
  return [args.item, args.other].flatMap((text) => {
    const id = uuidOf(text ?? "");
    const body = id === undefined ? undefined : view.get(itemKind, id);
    if (id === undefined || body === undefined) return [];
    const item = JSON.parse(decode(body)) as { count: number };
    return [{ kind: itemKind, id, body: encode({ ...item, count: item.count + 1 }) }];
  });
};

/** A phone, or a tab of one. Codes are those of docs/ERRORS.md, empty when all went well. */
export class Phone {
  private store: Store | undefined;
  private client: Client | undefined;
  private ahead = 0;
  private version = 1;
  private readonly ends: (() => Promise<void>)[] = [];

  constructor(
    private readonly storage: Storage,
    private readonly name: string,
    private readonly plan: PhonePlan,
  ) {}

  /** Opens the store, beside another tab maybe. */
  async open(): Promise<string> {
    return code(async () => {
      this.store = await Store.open({
        disk: this.storage.open(this.name),
        now: () => new Date(Date.now() + this.ahead),
        effects: { add: countUp, pair: countUp, attach: countUp },
        feedOrder: ["tech"],
        keys: receiptKeys,
      });
      this.client = new Client(this.store, {
        ...(this.plan.page_bytes === undefined ? {} : { pageBytes: this.plan.page_bytes }),
        uploads,
        sleep: async () => undefined, // no wait in tests
      });
    });
  }

  async close(): Promise<void> {
    for (const end of this.ends.splice(0)) await end();
    await this.store?.close();
    this.store = undefined;
    this.client = undefined;
  }

  enrol(url: string, by: string): Promise<string> {
    return code(() => this.talks.enrol(url, by));
  }

  async act(kind: string, args: Uint8Array): Promise<void> {
    await this.holds.do(kind, args);
  }

  sync(): Promise<string> {
    return code(() => this.talks.sync());
  }

  async offline(on: boolean): Promise<void> {
    await this.holds.setOffline(on);
  }

  async restart(): Promise<void> {
    await this.close();
    await this.open();
  }

  /** Goes on with the next version of the app, which knows labels. */
  async upgrade(): Promise<void> {
    await this.close();
    await this.storage.downgrade(this.name);
    this.version = 2;
    await this.open();
  }

  /** Sets how far the clock is ahead, in milliseconds. */
  clock(ahead: number): void {
    this.ahead = ahead;
  }

  logout(): Promise<string> {
    return code(() => this.holds.logout());
  }

  /** Stays in sync until it is closed. */
  live(): void {
    const stop = new AbortController();
    const ended = this.talks.run(stop.signal).catch(() => undefined); // what it says shows in what the phone shows
    this.ends.push(() => {
      stop.abort();
      return ended;
    });
  }

  /** Everything unsent, in a black box. */
  async export(): Promise<Blob> {
    return (await exportBox(this.holds, passphrase)).sealed;
  }

  /** Takes over what is in a black box. */
  import(box: Blob): Promise<string> {
    return code(() => importBox(this.holds, box, passphrase));
  }

  /** Every item with its count, by id. */
  shows(): Map<string, number> {
    return new Map(
      this.holds
        .view()
        .list(itemKind)
        .map((i) => [uuidText(i.id), (JSON.parse(decode(i.body)) as { count: number }).count]),
    );
  }

  early(): boolean {
    return this.holds.device().early;
  }

  unsent(): number {
    return this.holds.unsent().mutations;
  }

  /** The verdicts of what it still holds, oldest first, after their receipts were checked. */
  async verdicts(): Promise<string[]> {
    const out: string[] = [];
    for (const a of this.holds.actions()) {
      const receipt = await this.holds.checkReceipt(a);
      if (a.verdict !== undefined && receipt !== "good") throw new Error(`the receipt of ${a.seq} is ${receipt}`);
      out.push(a.verdict === undefined ? "" : `${Outcome[a.verdict.outcome].toLowerCase()} ${a.verdict.code}`.trim());
    }
    return out;
  }

  /** Keeps a photo and makes the mutation of it. */
  async attach(item: string, photo: Blob): Promise<void> {
    const kept = await this.holds.keep(photo);
    const args = { item, file: uuidText(kept.id), sha256: base64(kept.sha256), size: kept.size, media: kept.media };
    await this.holds.do("attach", encode(args), kept);
  }

  /** The states of all files, as they were attached. */
  files(): string[] {
    const words = {
      [FileState.waiting]: "waiting",
      [FileState.held]: "held",
      [FileState.done]: "done",
      [FileState.refused]: "refused",
    };
    return [...this.holds.fileRows]
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map((f) => (f.state === FileState.refused ? `refused ${f.code}` : words[f.state as keyof typeof words]));
  }

  /** What the next version of the app shows, by item. */
  labels(): Map<string, string> {
    if (this.version < 2) return new Map();
    return new Map(
      this.holds
        .view()
        .list(labelKind)
        .map((i) => [uuidText(i.id), (JSON.parse(decode(i.body)) as { text: string }).text]),
    );
  }

  /** Says the oldest mutation without a verdict by another kind. */
  reword(kind: string): Promise<string> {
    const [oldest] = this.holds.waiting();
    if (oldest === undefined) throw new Error("nothing waits");
    return code(() => this.holds.reword(oldest.id, kind, oldest.args));
  }

  private get holds(): Store {
    if (this.store === undefined) throw new Error("the phone is closed");
    return this.store;
  }

  private get talks(): Client {
    if (this.client === undefined) throw new Error("the phone is closed");
    return this.client;
  }
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** The code with which something ends; empty when it ends well. */
async function code(what: () => Promise<unknown>): Promise<string> {
  try {
    await what();
    return "";
  } catch (err) {
    const code = codeOf(err);
    if (code === "internal") throw err;
    return code;
  }
}
