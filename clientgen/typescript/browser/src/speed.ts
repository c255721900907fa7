// How long a first sync takes in a browser, without the network and the server: their answers are recorded and played again.

import { Client, MemoryDisk, Store, type Disk } from "@doorstep-dev/offline";
import { DexieDisk } from "@doorstep-dev/offline/browser";

/** An answer as it came. */
interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: ArrayBuffer;
}

/** What a first sync was answered, by path, in order. */
type Recording = Map<string, Answer[]>;

const pathOf = (to: RequestInfo | URL): string => new URL(to instanceof Request ? to.url : to).pathname;

function recorder(into: Recording): typeof fetch {
  return async (to, init) => {
    const res = await fetch(to, init);
    const body = await res.arrayBuffer();
    const path = pathOf(to);
    into.set(path, [
      ...(into.get(path) ?? []),
      { status: res.status, type: res.headers.get("Content-Type") ?? "", body },
    ]);
    return new Response(body, { status: res.status, headers: res.headers });
  };
}

function player(from: Recording): typeof fetch {
  const left = new Map([...from].map(([path, answers]) => [path, [...answers]]));
  return async (to) => {
    const answer = left.get(pathOf(to))?.shift();
    if (!answer) throw new Error(`nothing was recorded for ${pathOf(to)}`);
    return new Response(answer.body, { status: answer.status, headers: { "Content-Type": answer.type } });
  };
}

async function open(disk: Disk, by: typeof fetch): Promise<Client> {
  const store = await Store.open({ disk, now: () => new Date(), effects: {}, feedOrder: ["tech"] });
  return new Client(store, { fetch: by });
}

const recorded: Recording = new Map();

/** Records a first sync. */
window.record = async (url, code) => {
  const client = await open(new MemoryDisk(), recorder(recorded));
  await client.enrol(url, code);
  await client.sync();
  return [...recorded.values()].flat().reduce((sum, a) => sum + a.body.byteLength, 0);
};

/** Plays it into a new store on disk, and tells how long that took, in milliseconds, and how many entities show. */
window.measure = async (name) => {
  const client = await open(new DexieDisk(name), player(recorded));
  await client.enrol("http://recorded", "recorded");
  const begun = performance.now();
  await client.sync();
  const took = performance.now() - begun;
  const shown = client.store.view().list(7).length;
  await client.store.close();
  return { took, shown };
};

declare global {
  interface Window {
    record: (url: string, code: string) => Promise<number>;
    measure: (name: string) => Promise<{ took: number; shown: number }>;
  }
}
