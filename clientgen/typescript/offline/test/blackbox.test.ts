import { base64Decode } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "vitest";
import vectors from "../../../../sync/conformance/vectors/blackbox.json" with { type: "json" };
import { boxOf, exportBox, handOver, importBox } from "../src/blackbox.js";
import { unseal } from "../src/seal.js";
import { untar } from "../src/tar.js";
import { uuidText } from "../src/uuid.js";
import { enrol, jpeg, open, refusal, text } from "./phone.js";

// Stretching a passphrase takes seconds, as it should.
const patience = 300_000;
const passphrase = "basement 三号";

describe("black boxes", { timeout: patience }, () => {
  it("of all languages open", async () => {
    for (const one of vectors.boxes) {
      const archive = untar(unseal(new Blob([base64Decode(one.sealed)]), one.passphrase));
      const first = await archive.next();
      if (first.done === true) throw new Error("an empty box");
      expect(first.value.name).toBe("work.json");
      const box = boxOf(await first.value.bytes.text());
      expect(box).toEqual(boxOf(JSON.stringify(one.work)));
      const names: string[] = [];
      for await (const { name, bytes } of archive) {
        names.push(name);
        const content = new Uint8Array(await bytes.arrayBuffer());
        expect(content.every((b, i) => b === (i * 7) % 251)).toBe(true);
        expect(content.length).toBe(box.files[names.length - 1]?.size);
      }
      expect(names).toEqual(box.files.map((f) => uuidText(f.id)));
    }
  });

  it("carry what is unsent to another device, once, under the same ids", async () => {
    const dying = await open();
    await enrol(dying);
    const kept = await dying.keep(jpeg(100_000));
    const done = [await dying.do("add", text("a")), await dying.do("attach", text("b"), kept)];
    const { box, sealed } = await exportBox(dying, passphrase);
    expect(dying.unsent()).toEqual({ mutations: 2, files: 1, bytes: 100_000 });

    const fresh = await open();
    expect(await refusal(importBox(fresh, sealed, passphrase))).toBe("not_enrolled");
    await enrol(fresh, 1, 200);
    await fresh.do("add", text("c"));
    expect((await importBox(fresh, sealed, passphrase)).known).toBe(0);
    expect((await importBox(fresh, sealed, passphrase)).known).toBe(2);
    expect(fresh.unsent()).toEqual({ mutations: 3, files: 1, bytes: 100_000 });
    expect(fresh.actions().map((a) => a.seq)).toEqual([1, 2, 3]);
    expect(
      fresh
        .actions()
        .slice(1)
        .map((a) => [a.id, a.kind, a.args, a.at]),
    ).toEqual(done.map((m) => [m.id, m.kind, m.args, m.at]));

    const later = await dying.do("add", text("later"));
    expect(await refusal(handOver(dying, box))).toBe("unsent_work");
    await handOver(dying, { ...box, mutations: [...box.mutations, later] });
    expect(dying.unsent().mutations).toBe(0);
    expect(dying.device().id.length).toBe(0);
  });

  it("open only with the passphrase, whole, and in their own company", async () => {
    const store = await open();
    await enrol(store);
    expect(await refusal(exportBox(store, "short"))).toBe("box_passphrase");
    const [one] = vectors.boxes;
    const sealed = new Blob([base64Decode(one!.sealed)]);
    expect(await refusal(importBox(store, sealed, "another one"))).toBe("box_unreadable");
    for (const cut of [0, 10, 30])
      expect(await refusal(importBox(store, sealed.slice(0, cut), one!.passphrase))).toBe("box_unreadable");
    const readAll = async (box: Blob): Promise<void> => {
      for await (const file of untar(unseal(box, one!.passphrase))) expect(file.bytes.size).toBeGreaterThan(0);
    };
    expect(await refusal(readAll(sealed.slice(0, -1)))).toBe("box_unreadable");
    expect(await refusal(importBox(store, sealed, one!.passphrase))).toBe("box_foreign");
  });
});
