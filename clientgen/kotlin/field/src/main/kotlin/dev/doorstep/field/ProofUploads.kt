package dev.doorstep.field

import com.google.protobuf.ByteString
import com.google.protobuf.UnsafeByteOperations
import dev.doorstep.field.v1.FinishUploadRequest
import dev.doorstep.field.v1.FinishUploadResponse
import dev.doorstep.field.v1.ProofState
import dev.doorstep.field.v1.StartUploadRequest
import dev.doorstep.field.v1.StartUploadResponse
import dev.doorstep.offline.Client
import dev.doorstep.offline.Finished
import dev.doorstep.offline.Part
import dev.doorstep.offline.Uploads
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.security.MessageDigest
import kotlin.time.Duration.Companion.minutes

/** The length of every part but the last; up to it a file goes in one request. See docs/PROOF.md. */
private const val PART_SIZE = 5L shl 20

/** Bounds the verification of a file, which decodes the picture. */
private val finishTime = 3.minutes

/** Moves the bytes of proofs by ProofService. A file's id is its proof's id. */
class ProofUploads(private val client: () -> Client) : Uploads {
    override suspend fun start(file: ByteString, bytes: FileChannel, size: Long): List<Part> {
        val request = StartUploadRequest.newBuilder().setProofId(file).addAllPartSha256(partHashes(bytes, size)).build()
        val answer = client().call("$SERVICE/StartUpload", request, StartUploadResponse.parser())
        if (answer.complete) return emptyList()
        return answer.requestsList.map { one ->
            Part(one.method, one.url, one.headersList.map { it.name to it.value }, one.offset, one.length)
        }
    }

    /** The answer kept is the Proof with its receipt. */
    override suspend fun finish(file: ByteString): Finished {
        val request = FinishUploadRequest.newBuilder().setProofId(file).build()
        val proof = client().call("$SERVICE/FinishUpload", request, FinishUploadResponse.parser(), finishTime).proof
        val refused = proof.state == ProofState.PROOF_STATE_REFUSED
        return Finished(proof.toByteString(), if (refused) proof.refusal else "")
    }

    private companion object {
        const val SERVICE = "doorstep.field.v1.ProofService"
    }
}

/**
 * The SHA-256 of the parts of a file that goes in parts: with them the store itself refuses a part that was cut on the
 * way, and no other part has to be sent again.
 */
private fun partHashes(bytes: FileChannel, size: Long): List<ByteString> {
    if (size <= PART_SIZE) return emptyList()
    val buffer = ByteBuffer.allocate(64 shl 10)
    return (0 until size step PART_SIZE).map { from ->
        val sum = MessageDigest.getInstance("SHA-256")
        val end = minOf(from + PART_SIZE, size)
        var at = from
        while (at < end) {
            buffer.clear().limit(minOf(buffer.capacity().toLong(), end - at).toInt())
            val n = bytes.read(buffer, at)
            if (n < 0) break // it is shorter than it was: the store will not take it
            sum.update(buffer.flip())
            at += n
        }
        UnsafeByteOperations.unsafeWrap(sum.digest())
    }
}
