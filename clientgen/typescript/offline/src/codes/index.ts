/** Codes on products, shops and tickets, read and checked without a network. docs/CODES.md is the law. */

export { checkDigit, ean13, parseGtin } from "./gtin.js";
export { humanAlphabet, humanCodeText, parseHumanCode } from "./human.js";
export { isSerial, labelLink, parseLabel, type Label } from "./label.js";
export { findSignedCode, isCodeOf, verifySignedCode, type SignedCode, type TrustedKey } from "./signed.js";
