package dev.doorstep.offline

import com.google.protobuf.InvalidProtocolBufferException
import com.google.protobuf.MessageLite
import com.google.protobuf.Parser
import dev.doorstep.types.v1.Problem
import java.io.DataInputStream
import java.io.IOException
import java.nio.ByteBuffer
import java.util.Base64
import java.util.concurrent.TimeUnit
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlin.time.Duration
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.channelFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import okhttp3.Call
import okhttp3.Callback
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response

/**
 * As much of the Connect protocol as a device needs: unary calls and server streams of Protobuf messages. Errors that the
 * server gives are a [Refusal]; when it was not reached, or its answer was lost, no_network.
 */
internal class Connect(http: OkHttpClient) {
    // A call is bounded by its own limit; a stream is silent for long.
    private val http = http.newBuilder().readTimeout(0, TimeUnit.SECONDS).callTimeout(0, TimeUnit.SECONDS).build()

    /** Calls [method], for example doorstep.sync.v1.SyncService/Pull, within [limit]. */
    suspend fun <T : MessageLite> unary(
        server: String,
        method: String,
        message: MessageLite,
        answer: Parser<T>,
        token: String?,
        limit: Duration,
    ): T {
        val plain = message.toByteArray()
        val large = plain.size > SMALL
        val request = request(server, method, token)
            .header("Accept-Encoding", "zstd, gzip")
            .post((if (large) gzip(plain) else plain).toRequestBody(PROTO))
        if (large) request.header("Content-Encoding", "gzip")
        val call = http.newCall(request.build())
        call.timeout().timeout(limit.inWholeMilliseconds, TimeUnit.MILLISECONDS)
        return call.read { response ->
            val body = readAll(decompressed(response.body.byteStream(), response.header("Content-Encoding")), ANSWER)
            if (response.code != 200) throw refused(parse(body), "status ${response.code}")
            answer.decode(body)
        }
    }

    /** Calls a method that answers with many messages. The flow ends with the server's stream. */
    fun <T : MessageLite> stream(
        server: String,
        method: String,
        message: MessageLite,
        answer: Parser<T>,
        token: String?,
    ): Flow<T> = channelFlow {
        val plain = message.toByteArray()
        val envelope = ByteBuffer.allocate(HEAD + plain.size).put(0).putInt(plain.size).put(plain).array()
        val call = http.newCall(request(server, method, token).post(envelope.toRequestBody(STREAM)).build())
        val reader = launch(Dispatchers.IO) {
            reaching {
                call.execute().use { response ->
                    // It is the protocol of streams to say errors at the end of a 200; before the stream it is that of a proxy.
                    if (response.code != 200) throw IOException("status ${response.code}")
                    val body = DataInputStream(response.body.byteStream())
                    while (true) {
                        val (last, part) = body.envelope()
                        if (last) {
                            val error = (parse(part) as? JsonObject)?.get("error") ?: break
                            throw refused(error, "the end of a stream")
                        }
                        send(answer.decode(part))
                    }
                }
            }
        }
        try {
            reader.join()
        } finally {
            call.cancel() // nobody collects any more: what blocks in a read ends
        }
    }.buffer(Channel.RENDEZVOUS)

    private fun request(server: String, method: String, token: String?): Request.Builder {
        val request = Request.Builder().url("${server.trimEnd('/')}/$method").header("Connect-Protocol-Version", "1")
        if (token != null) request.header("Authorization", "Bearer $token")
        return request
    }

    /** The next message of a stream, and whether it is what ends it. */
    private fun DataInputStream.envelope(): Pair<Boolean, ByteArray> {
        val flags = readUnsignedByte()
        val size = readInt()
        if (flags and COMPRESSED != 0 ||
            size !in 0..ANSWER
        ) {
            throw IOException("an envelope of $size bytes, flags $flags")
        }
        return Pair(flags and LAST != 0, ByteArray(size).also(::readFully))
    }

    private companion object {
        val PROTO = "application/proto".toMediaType()
        val STREAM = "application/connect+proto".toMediaType()

        /** Requests up to this size in bytes go as they are. */
        const val SMALL = 1 shl 10

        /** Bounds one answer in bytes, after decompression. */
        const val ANSWER = 16 shl 20

        /** Of an envelope: flags and length. */
        const val HEAD = 5
        const val COMPRESSED = 1
        const val LAST = 2
    }
}

/** Does the call and reads its answer; whoever waits no longer ends the call. */
internal suspend fun <T> Call.read(fn: (Response) -> T): T = reaching {
    suspendCancellableCoroutine { waiting ->
        waiting.invokeOnCancellation { cancel() }
        enqueue(object : Callback {
            override fun onFailure(call: Call, e: IOException) = waiting.resumeWithException(e)

            override fun onResponse(call: Call, response: Response) {
                val read = runCatching { response.use(fn) }
                read.fold(waiting::resume, waiting::resumeWithException)
            }
        })
    }
}

/** What the network does not do is no_network. */
internal inline fun <T> reaching(fn: () -> T): T = try {
    fn()
} catch (e: IOException) {
    throw Fault(Fault.NO_NETWORK, cause = e)
}

private fun <T : MessageLite> Parser<T>.decode(body: ByteArray): T = parseFrom(body)

private fun parse(body: ByteArray): JsonElement? = try {
    Json.parseToJsonElement(body.decodeToString())
} catch (_: SerializationException) {
    null
}

/** What the server says of an error; without a Problem it was not our server, or not in its senses. */
private fun refused(error: JsonElement?, where: String): Exception {
    val details = (error as? JsonObject)?.get("details") as? JsonArray
    for (detail in details.orEmpty()) {
        val type = (detail as? JsonObject)?.get("type") as? JsonPrimitive
        val value = (detail as? JsonObject)?.get("value") as? JsonPrimitive
        if (type?.content != "doorstep.types.v1.Problem" || value == null) continue
        try {
            return Refusal(Problem.parseFrom(Base64.getDecoder().decode(value.content)))
        } catch (_: InvalidProtocolBufferException) {
            continue
        } catch (_: IllegalArgumentException) {
            continue
        }
    }
    return IOException("$where: $error")
}
