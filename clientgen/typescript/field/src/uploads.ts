// The bytes of proofs, by ProofService.

import { toBinary } from "@bufbuild/protobuf";
import { Fault, type Client, type Finished, type Part, type Uploads } from "@doorstep-dev/offline";
import { ProofSchema, ProofState } from "./gen/doorstep/field/v1/entity_pb.js";
import { ProofService } from "./gen/doorstep/field/v1/proof_pb.js";

/** The length of every part but the last, in bytes; up to it a file goes in one request. See docs/PROOF.md. */
const partSize = 5 << 20;

/** How long the verification of a file may take, which decodes the picture, in milliseconds. */
const finishTime = 3 * 60_000;

/** Moves the bytes of proofs: for ClientOptions.uploads. A file's id is its proof's id. */
export function uploads(client: Client): Uploads {
  return {
    async start(file: Uint8Array, bytes: Blob, signal?: AbortSignal): Promise<readonly Part[]> {
      const message = { proofId: file, partSha256: await partHashes(bytes) };
      const res = await client.call(ProofService.method.startUpload, message, signal);
      if (res.complete) return [];
      return res.requests.map((r) => ({
        method: r.method,
        url: r.url,
        headers: r.headers.map((h) => [h.name, h.value] as const),
        offset: Number(r.offset),
        length: Number(r.length),
      }));
    },

    async finish(file: Uint8Array, signal?: AbortSignal): Promise<Finished> {
      const { proof } = await client.call(ProofService.method.finishUpload, { proofId: file }, signal, finishTime);
      if (proof === undefined) return { answer: new Uint8Array(), refusal: "" };
      return {
        answer: toBinary(ProofSchema, proof),
        refusal: proof.state === ProofState.REFUSED ? proof.refusal : "",
      };
    },
  };
}

/**
 * The SHA-256 of the parts of a file that goes in parts: with them the store itself refuses a part that was cut on the way, and
 * no other part has to be sent again.
 */
async function partHashes(bytes: Blob): Promise<Uint8Array[]> {
  const hashes: Uint8Array[] = [];
  if (bytes.size <= partSize) return hashes;
  for (let from = 0; from < bytes.size; from += partSize) {
    const part = await bytes
      .slice(from, from + partSize)
      .arrayBuffer()
      .catch((err: unknown) => {
        throw Fault.of("store_unusable", String(err), err);
      });
    hashes.push(new Uint8Array(await crypto.subtle.digest("SHA-256", part)));
  }
  return hashes;
}
