package dev.doorstep.offline

import com.google.protobuf.ByteString
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
private val general = setOf(Fault.NO_NETWORK, Fault.DEVICE_REVOKED, Fault.TOKEN_EXPIRED, Fault.REFRESH_INVALID)

/** What an upload did. */
internal class Uploaded(
    /** The server may have something new. */
    val moved: Boolean,
    /** What was done meanwhile is to be pushed before the rest. */
    val aside: Boolean,
)

/** Ends uploading for a moment: a person has done something meanwhile, which is small and goes first. */
private class StepAside : Exception()

/**
 * Sends the bytes of the files whose mutation the server has, but for those that were [tried] before. One that fails does not
 * hold up the next, unless the network is gone.
 */
internal suspend fun Client.upload(report: Report, tried: MutableSet<ByteString>): Uploaded {
    if (uploads == null) return Uploaded(moved = false, aside = false)
    var moved = false
    for (file in store.files()) {
        if (file.state != FileState.WAITING && file.state != FileState.HELD || file.kept.id in tried) continue
        val action = store.action(file.mutation)
        if (action.waits) continue
        try {
            makeWay()
            val done = send(uploads, file)
            tried += file.kept.id
            moved = true
            if (done.state == FileState.DONE) report.uploaded++ else report.refusals += done
        } catch (_: StepAside) {
            return Uploaded(moved, aside = true)
        } catch (e: Fault) {
            if (e.code in general) throw e
            tried += file.kept.id
            // The bytes stay here and are offered again; a person sees why, or that they are being verified.
            val held = action.needsAttention || e.code == Fault.FILE_GONE
            val state = if (held) FileState.HELD else FileState.WAITING
            var now = file.copy(state = state, code = e.code)
            if (e.code == Fault.PROOF_VERIFYING) {
                report.verifying++
                moved = true // the server has noted that they are there
                now = now.copy(sent = file.kept.size)
            } else if (report.trouble == null) {
                report.trouble = e
            }
            store.transact { it.setFile(now) }
        }
    }
    return Uploaded(moved, aside = false)
}

/**
 * Stops when something waits to be pushed: a file of a hundred megabytes on one bar of signal must not hold up the word that
 * the job is done.
 */
private suspend fun Client.makeWay() {
    if (store.reading { it.waits() }) throw StepAside()
}

/** Sends what the object store lacks of one file, and has it verified. */
private suspend fun Client.send(uploads: Uploads, file: StoredFile): StoredFile =
    store.openWhole(file.kept).use { bytes ->
        repeat(MAX_STARTS) {
            val parts = within(callTimeout) { uploads.start(file.kept.id, bytes, file.kept.size) }
            var now = file.copy(sent = file.kept.size - parts.sumOf(Part::length))
            // What the store does not take needs fresh requests.
            val taken = parts.all { part ->
                put(bytes, file.kept.size, part).also { ok ->
                    if (ok) {
                        now = now.copy(sent = now.sent + part.length)
                        store.transact { it.setFile(now) }
                        makeWay()
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
    val section = Section(bytes, part)
    val request = Request.Builder().url(part.url).method(part.method, section)
    for ((name, value) in part.headers) {
        if (!name.equals(
                "Content-Length",
                ignoreCase = true,
            )
        ) {
            request.addHeader(name, value)
        }
    }
    return try {
        http.newCall(request.build()).read { response ->
            if (response.code >= 500) throw IOException("object store: ${response.code}")
            response.isSuccessful
        }
    } catch (e: Fault) {
        throw section.lost?.let { Fault(Fault.FILE_GONE, cause = it) } ?: e
    }
}

/** The bytes of one part. */
private class Section(private val bytes: FileChannel, private val part: Part) : RequestBody() {
    /** Why the file could not be read. */
    @Volatile var lost: IOException? = null
        private set

    override fun contentType(): MediaType? =
        part.headers.firstOrNull { it.first.equals("Content-Type", ignoreCase = true) }?.second?.toMediaTypeOrNull()

    override fun contentLength(): Long = part.length

    override fun writeTo(sink: BufferedSink) {
        val buffer = ByteBuffer.allocate(64 shl 10)
        var at = part.offset
        val end = part.offset + part.length
        while (at < end) {
            buffer.clear().limit(minOf(buffer.capacity().toLong(), end - at).toInt())
            val n = try {
                bytes.read(buffer, at)
            } catch (e: IOException) {
                throw e.also { lost = it }
            }
            if (n < 0) throw IOException("the file is shorter than it was").also { lost = it }
            buffer.flip()
            sink.write(buffer)
            at += n
        }
    }
}
