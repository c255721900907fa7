// Ed25519 by WebCrypto.

/** Whether a signature fits; undefined where the browser knows no Ed25519. */
export async function verify(key: Uint8Array, text: Uint8Array, signature: Uint8Array): Promise<boolean | undefined> {
  const name = "Ed25519";
  let imported: CryptoKey;
  try {
    imported = await crypto.subtle.importKey("raw", key as Uint8Array<ArrayBuffer>, name, false, ["verify"]);
  } catch (err) {
    if (err instanceof DOMException && err.name === "NotSupportedError") return undefined;
    return false;
  }
  return crypto.subtle.verify(name, imported, signature as Uint8Array<ArrayBuffer>, text as Uint8Array<ArrayBuffer>);
}
