package dev.doorstep.offline

import java.io.IOException
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.withTimeoutOrNull
import okhttp3.MediaType
import okhttp3.MediaType.Companion.toMediaTypeOrNull
import okhttp3.Request
import okhttp3.RequestBody
import okio.BufferedSink

/** How often one try asks for requests again: signed requests expire. */
private const val MAX_STARTS = 3

/** Bounds the verification of a file, which decodes the picture. */
private val finishTime = 3.minutes

/** The trouble that holds up every other file, too. */
private val general = setOf(
    Fault.NO_NETWORK,
    Fault.DEVICE_REVOKED,
    Fault.TOKEN_EXPIRED,
    Fault.REFRESH_INVALID,
    Fault.STORE_UNUSABLE,
)

/**
 * Sends the bytes of the files whose mutation has a verdict. One that fails does not hold up the next, unless the network is
 * gone. It tells whether the server may have something new.
 */
internal suspend fun Client.upload(report: Report): Boolean {
    if (uploads == null) return false
    var moved = false
    for (file in store.files()) {
        if (file.state != FileState.WAITING && file.state != FileState.HELD) continue
        val action = store.action(file.mutation)
        if (action.verdict == null) continue
        try {
            val done = send(uploads, file)
            moved = true
            if (done.state == FileState.DONE) report.uploaded++ else report.refusals += done
        } catch (e: Fault) {
            if (e.code in general) throw e
            // The bytes stay here and are offered again; a person sees why.
            val state = if (action.needsAttention) FileState.HELD else FileState.WAITING
            if (report.trouble == null) report.trouble = e
            store.transact { it.setFile(file.copy(state = state, code = e.code)) }
        }
    }
    return moved
}

/** Sends what the object store lacks of one file, and has it verified. */
private suspend fun Client.send(uploads: Uploads, file: StoredFile): StoredFile =
    store.openFile(file.kept.id).use { bytes ->
        repeat(MAX_STARTS) {
            val parts = within(callTimeout) { uploads.start(file.kept.id, bytes, file.kept.size) }
            var now = file.copy(sent = file.kept.size - parts.sumOf(Part::length))
            // What the store does not take needs fresh requests.
            val taken = parts.all { part ->
                put(bytes, file.kept.size, part).also { ok ->
                    if (ok) {
                        now = now.copy(sent = now.sent + part.length)
                        store.transact { it.setFile(now) }
                    }
                }
            }
            if (taken) return@use finish(uploads, now)
        }
        throw Fault(Fault.UPLOAD_REFUSED)
    }

private suspend fun Client.finish(uploads: Uploads, file: StoredFile): StoredFile {
    val finished = within(finishTime) { uploads.finish(file.kept.id) }
    val state = if (finished.refusal.isEmpty()) FileState.DONE else FileState.REFUSED
    val done = file.copy(state = state, code = finished.refusal, answer = finished.answer, sent = file.kept.size)
    store.transact { it.setFile(done) }
    return done
}

private suspend fun <T : Any> within(limit: kotlin.time.Duration, fn: suspend () -> T): T =
    withTimeoutOrNull(limit) { fn() } ?: throw Fault(Fault.NO_NETWORK, "no answer within $limit")

/** Sends one part. False when the store was reached and does not take this request. */
private suspend fun Client.put(bytes: FileChannel, size: Long, part: Part): Boolean {
    if (part.offset < 0 || part.length < 0 ||
        part.offset + part.length > size
    ) {
        throw Fault(Fault.UPLOAD_REFUSED, "a part beyond the file")
    }
    val request = Request.Builder().url(part.url).method(part.method, Section(bytes, part))
    for ((name, value) in part.headers) {
        if (!name.equals(
                "Content-Length",
                ignoreCase = true,
            )
        ) {
            request.addHeader(name, value)
        }
    }
    return http.newCall(request.build()).read { response ->
        if (response.code >= 500) throw IOException("object store: ${response.code}")
        response.isSuccessful
    }
}

/** The bytes of one part. */
private class Section(private val bytes: FileChannel, private val part: Part) : RequestBody() {
    override fun contentType(): MediaType? =
        part.headers.firstOrNull { it.first.equals("Content-Type", ignoreCase = true) }?.second?.toMediaTypeOrNull()

    override fun contentLength(): Long = part.length

    override fun writeTo(sink: BufferedSink) {
        val buffer = ByteBuffer.allocate(64 shl 10)
        var at = part.offset
        val end = part.offset + part.length
        while (at < end) {
            buffer.clear().limit(minOf(buffer.capacity().toLong(), end - at).toInt())
            val n = bytes.read(buffer, at)
            if (n < 0) throw IOException("the file is shorter than it was")
            buffer.flip()
            sink.write(buffer)
            at += n
        }
    }
}
