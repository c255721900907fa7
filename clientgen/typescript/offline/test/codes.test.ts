import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import gs1 from "../../../golang/codes/testdata/gs1.json" with { type: "json" };
import human from "../../../golang/codes/testdata/human.json" with { type: "json" };
import token from "../../../../server/code/testdata/vectors/token.json" with { type: "json" };
import {
  checkDigit,
  ean13,
  findSignedCode,
  humanAlphabet,
  humanCodeText,
  isCodeOf,
  isSerial,
  labelLink,
  parseGtin,
  parseHumanCode,
  parseLabel,
  verifySignedCode,
  type TrustedKey,
} from "../src/codes/index.js";
import { codeOf } from "../src/index.js";
import { uuidText } from "../src/uuid.js";
import { refusal } from "./phone.js";

/** The code with which something is refused; empty when it is not. */
function refused(what: () => unknown): string {
  try {
    what();
    return "";
  } catch (err) {
    return codeOf(err);
  }
}

/** The vectors leave out what is empty. */
const field = (of: object, name: string): string => (of as Record<string, string | undefined>)[name] ?? "";

describe("labels", () => {
  it.each(gs1.cases.map((c) => [c.name, c] as const))("say what they say to the server: %s", (_, c) => {
    expect(refused(() => parseLabel(c.scanned))).toBe(field(c, "error"));
    if (field(c, "error") !== "") return;
    const names = ["gtin", "lot", "serial", "host", "prefix"];
    expect(parseLabel(c.scanned)).toEqual(Object.fromEntries(names.map((name) => [name, field(c, name)])));
  });

  // ../shared/data/cases/scan: what real scanners hand over; the vectors above are twins of it.
  const real = new URL("../../../../../shared/data/cases/scan/labels.tsv", import.meta.url);
  it.runIf(existsSync(real))("of real scanners say what they should", () => {
    for (const line of readFileSync(real, "utf8").split("\n")) {
      const [scanned, product, serial] = line.split("\t");
      if (line.startsWith("#") || serial === undefined) continue;
      const text = JSON.parse(scanned!) as string;
      if (product!.startsWith("refused")) expect(refused(() => parseLabel(text))).toBe("code_check_digit");
      else expect(parseLabel(text), scanned).toMatchObject({ gtin: product, serial });
    }
  });

  it("are read back from the link that was written", () => {
    const gtin = parseGtin("6901234567892");
    for (const serial of ["SN/1", "a%b", "x+y", "(21)", "it's!*", ""])
      expect(parseLabel(labelLink("https://ID.example.com/p/", gtin, serial))).toEqual({
        gtin,
        lot: "",
        serial,
        host: "id.example.com",
        prefix: "p",
      });
    expect(ean13(gtin)).toBe("6901234567892");
    expect(ean13(parseGtin("16901234567899"))).toBeUndefined();
    expect(checkDigit("690123456789")).toBe("2");
    expect(isSerial("SN-1")).toBe(true);
    expect(isSerial("a b")).toBe(false);
  });
});

describe("short codes", () => {
  it.each(human.cases.map((c) => [c.typed, c] as const))("are those of the server: %j", (typed, c) => {
    expect(refused(() => parseHumanCode(typed))).toBe(field(c, "error"));
    if (field(c, "error") !== "") return;
    expect([parseHumanCode(typed), humanCodeText(parseHumanCode(typed))]).toEqual([
      field(c, "code"),
      field(c, "shown"),
    ]);
  });

  it("show every wrong character and every exchange of two", () => {
    const right = [...parseHumanCode("K7M39QX8")];
    const wrong = (typed: string[]): void =>
      expect(refused(() => parseHumanCode(typed.join("")))).toBe("code_check_digit");
    right.forEach((is, i) => {
      for (const other of humanAlphabet) if (other !== is) wrong(right.with(i, other));
      for (let j = 0; j < i; j++) if (right[j] !== is) wrong(right.with(i, right[j]!).with(j, is));
    });
  });
});

describe("signed codes", () => {
  const keys = new Map<string, TrustedKey>(
    token.keys.map((k) => [
      k.key_id,
      {
        ed25519: Uint8Array.from(k.ed25519_hex.match(/../g)!, (h) => parseInt(h, 16)),
        ...("not_after" in k && k.not_after !== undefined ? { notAfter: new Date(k.not_after) } : {}),
      },
    ]),
  );

  it.each(token.cases.map((c) => [c.name, c] as const))("hold where the server says so: %s", async (_, c) => {
    const verified = verifySignedCode(c.text, new Date(c.now), keys);
    if (!c.valid) {
      expect(await refusal(verified)).toBe("code_unknown");
      return;
    }
    const code = await verified;
    expect(code.kind).toBe(["unit", "entry", "ticket"][Number(field(c, "kind")) - 1]);
    expect(code.keyId).toBe(field(c, "key_id"));
    expect(uuidText(code.id)).toBe(field(c, "id"));
    expect(code.expires?.getTime()).toBe(field(c, "expires") === "" ? undefined : Date.parse(field(c, "expires")));
    expect(findSignedCode(`HTTPS://HOST.EXAMPLE/C/${c.text}?lang=zh`)).toBe(c.text);
    expect(isCodeOf(code, code.id)).toBe(true);
    expect(isCodeOf(code, code.id.with(15, code.id[15]! ^ 1))).toBe(false);
  });

  it("are not found in what is none", () => {
    for (const scanned of ["", "https://id.example.com/01/06901234567892", "https://host/c/", "SN1"])
      expect(findSignedCode(scanned)).toBeUndefined();
  });
});
