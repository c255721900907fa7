// Plays a scenario.

import { Phone, type Storage } from "./phone.js";
import type { Scenario, Step, Welcome } from "./scenario.js";

const noId = "00000000-0000-0000-0000-000000000000";

/** Plays a scenario against the harness at that address; rejected with the step that does not hold. */
export async function play(scenario: Scenario, harness: string, storage: Storage): Promise<void> {
  const welcome = (await post(`${harness}/worlds`, scenario.setup)) as Welcome;
  const runner = new Runner(scenario, harness, welcome, storage);
  try {
    for (const [n, step] of scenario.steps.entries()) {
      try {
        await runner.step(step);
      } catch (err) {
        throw new Error(`${scenario.says}\nstep ${n + 1} ${JSON.stringify(step)}\n${String(err)}`, { cause: err });
      }
    }
  } finally {
    await runner.close();
    await fetch(`${harness}/worlds/${welcome.id}`, { method: "DELETE" });
  }
}

async function post(url: string, body: unknown): Promise<unknown> {
  const res = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await res.text();
  if (!res.ok) throw new Error(`the harness says: ${answer.trim()}`);
  return JSON.parse(answer);
}

class Runner {
  private readonly phones = new Map<string, Phone>();
  private readonly opened = new Set<string>();
  private readonly boxes = new Map<string, Blob>();

  constructor(
    private readonly scenario: Scenario,
    private readonly harness: string,
    private readonly welcome: Welcome,
    storage: Storage,
  ) {
    for (const [name, plan] of Object.entries(scenario.phones)) {
      this.phones.set(name, new Phone(storage, `${welcome.id}-${plan.beside ?? name}`, plan));
    }
  }

  async close(): Promise<void> {
    for (const phone of this.phones.values()) await phone.close();
  }

  async step(s: Step): Promise<void> {
    if (s.phone === undefined) {
      await post(`${this.harness}/worlds/${this.welcome.id}`, s);
      return;
    }
    const phone = this.phones.get(s.phone);
    if (phone === undefined) throw new Error(`there is no phone ${s.phone}`);
    if (!this.opened.has(s.phone) && this.scenario.phones[s.phone]?.beside === undefined) {
      this.opened.add(s.phone);
      await phone.open();
    }
    if (s.do === "await") return this.until(phone, s);
    if (s.do !== undefined) {
      const code = await this.do(phone, s);
      if (code !== (s.fails ?? "")) throw new Error(`ended with "${code}", want "${s.fails ?? ""}"`);
    }
    await this.look(phone, s);
  }

  private async do(phone: Phone, s: Step): Promise<string> {
    switch (s.do) {
      case "enrol": {
        const { code } = (await post(`${this.harness}/worlds/${this.welcome.id}`, {
          office: "code",
          user: s.user,
        })) as { code: string };
        return phone.enrol(this.welcome.url, code);
      }
      case "act": {
        const item = this.welcome.items[s.item ?? ""] ?? noId;
        const args = {
          item,
          other: this.welcome.items[s.other ?? ""] ?? noId,
          holder: this.welcome.users[s.holder ?? ""] ?? noId,
        };
        await phone.act(s.kind ?? "", new TextEncoder().encode(s.text ?? JSON.stringify(args)));
        return "";
      }
      case "attach":
        await phone.attach(this.welcome.items[s.item ?? ""] ?? noId, await this.photo(s));
        return "";
      case "sync":
        return phone.sync();
      case "sync_until_done": {
        let code = "";
        for (let tries = 0; tries < 20; tries++) {
          code = await phone.sync();
          if (code === "") break;
        }
        return code;
      }
      case "offline":
      case "online":
        await phone.offline(s.do === "offline");
        return "";
      case "restart":
        await phone.restart();
        return "";
      case "upgrade":
        await phone.upgrade();
        return "";
      case "reword":
        return phone.reword(s.kind ?? "");
      case "export":
        this.boxes.set(s.phone ?? "", await phone.export());
        return "";
      case "import": {
        const box = this.boxes.get(s.from ?? "");
        if (box === undefined) throw new Error(`${s.from} has exported nothing`);
        return phone.import(box);
      }
      case "open":
        return phone.open();
      case "close":
        await phone.close();
        return "";
      case "clock":
        phone.clock(milliseconds(s.ahead ?? ""));
        return "";
      case "logout":
        return phone.logout();
      case "live":
        phone.live();
        return "";
    }
    throw new Error(`no phone does "${s.do}"`);
  }

  /** A photo of the step's size from the harness, or the bytes of its text. */
  private async photo(s: Step): Promise<Blob> {
    const type = "image/jpeg";
    if (s.text !== undefined) return new Blob([s.text], { type });
    const res = await fetch(`${this.harness}/photos/${s.bytes}`);
    if (!res.ok) throw new Error(`no photo: ${res.status}`);
    return new Blob([await res.arrayBuffer()], { type });
  }

  /** Looks until it sees what it should. */
  private async until(phone: Phone, s: Step): Promise<void> {
    const patience = performance.now() + 60_000;
    for (;;) {
      try {
        return await this.look(phone, s);
      } catch (err) {
        if (performance.now() > patience) throw err;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  private async look(phone: Phone, s: Step): Promise<void> {
    if (s.shown !== undefined) same("shown", phone.shows().size, s.shown);
    if (s.early !== undefined) same("early", phone.early(), s.early);
    if (s.shows !== undefined) same("shows", sorted(phone.shows()), this.byId(s.shows));
    if (s.files !== undefined) same("files", phone.files(), s.files);
    if (s.labels !== undefined) same("labels", sorted(phone.labels()), this.byId(s.labels));
    if (s.unsent !== undefined) same("unsent", phone.unsent(), s.unsent);
    if (s.verdicts !== undefined) same("verdicts", await phone.verdicts(), s.verdicts);
  }

  /** What a step says by the names of items, by their ids. */
  private byId<T>(named: Readonly<Record<string, T>>): [string, T][] {
    return sorted(new Map(Object.entries(named).map(([name, value]) => [this.welcome.items[name] ?? name, value])));
  }
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

function same(what: string, got: unknown, want: unknown): void {
  if (JSON.stringify(got) !== JSON.stringify(want))
    throw new Error(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

/** A duration as Go writes it, of one or more parts: 9m, -1000h. */
function milliseconds(text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  let sum = 0;
  for (const [, n, unit] of text.matchAll(/([0-9.]+)(ms|s|m|h)/g)) sum += Number(n) * units[unit!]!;
  return text.startsWith("-") ? -sum : sum;
}
