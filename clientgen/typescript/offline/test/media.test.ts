import { base64Decode } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "vitest";
import pictures from "../../../../sync/conformance/vectors/picture.json" with { type: "json" };
import { openFile } from "../src/file.js";
import { codeOf, type Kept } from "../src/index.js";
import { sniff } from "../src/media.js";
import { open } from "./phone.js";

describe("the type of a picture", () => {
  for (const c of pictures.types) {
    it(`is told by its first bytes: ${c.says}`, () => {
      expect(sniff(base64Decode(c.head)) ?? "").toBe(c.type);
    });
  }
});

describe("a file that is taken", () => {
  for (const c of pictures.kept) {
    it(c.says, async () => {
      const store = await open(undefined, { otherFiles: "any" in c });
      const head = base64Decode(c.head) as Uint8Array<ArrayBuffer>;
      let kept: Kept | undefined;
      let code = "";
      try {
        kept = await store.keep(new Blob([head], { type: c.declared }));
      } catch (err) {
        code = codeOf(err);
      }
      expect([kept?.media, code]).toEqual(["media" in c ? c.media : undefined, "code" in c ? c.code : ""]);
      if (kept !== undefined) expect((await openFile(store, kept.id))?.type).toBe(kept.media.toLowerCase());
    });
  }
});
