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
import kotlin.time.Duration
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.channelFlow
import kotlinx.coroutines.launch
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response

/**
 * The part of the Connect protocol that a device needs: unary calls and server streams of Protobuf messages. What the
 * server refuses is a [Refusal]. When the server was not reached, or its answer was lost, the fault is no_network.
 * docs/decisions/0034 says why connect-kotlin is not used.
 */
internal class Connect(http: OkHttpClient) {
    // A unary call has its own limit of time. A stream may be silent for long.
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
            if (response.code != 200) throw refused(json(body), "status ${response.code}")
            answer.parseFrom(body)
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
            try {
                reaching { call.execute().use { response -> read(response) { send(answer.parseFrom(it)) } } }
            } catch (e: Fault) {
                // Not thrown: that would cancel the flow at once, and what was sent just before would be lost. When the
                // flow was cancelled, it ends as cancelled, whatever the read that was broken off says.
                close(e)
            }
        }
        try {
            reader.join()
        } finally {
            call.cancel() // nobody collects any more: a read that blocks ends
        }
    }.buffer(Channel.RENDEZVOUS)

    /** Reads the messages of a stream up to its end. */
    private suspend fun read(response: Response, hear: suspend (ByteArray) -> Unit) {
        // A server says its errors at the end of a stream with status 200; another status is a proxy's.
        if (response.code != 200) throw IOException("status ${response.code}")
        val body = DataInputStream(response.body.byteStream())
        while (true) {
            val (last, part) = body.envelope()
            if (last) {
                val error = (json(part) as? JsonObject)?.get("error") ?: return
                throw refused(error, "the end of a stream")
            }
            hear(part)
        }
    }

    private fun request(server: String, method: String, token: String?): Request.Builder {
        val request = Request.Builder().url("${server.trimEnd('/')}/$method").header("Connect-Protocol-Version", "1")
        if (token != null) request.header("Authorization", "Bearer $token")
        return request
    }

    /** Reads the next envelope of a stream: whether it is the last one, and what is in it. */
    private fun DataInputStream.envelope(): Pair<Boolean, ByteArray> {
        val flags = readUnsignedByte()
        val size = readInt()
        if (flags and COMPRESSED != 0) throw IOException("an envelope with the flags $flags")
        if (size !in 0..ANSWER) throw IOException("an envelope of $size bytes")
        return Pair(flags and LAST != 0, ByteArray(size).also(::readFully))
    }

    private companion object {
        val PROTO = "application/proto".toMediaType()
        val STREAM = "application/connect+proto".toMediaType()

        /** Requests up to this size in bytes go as they are. */
        const val SMALL = 1 shl 10

        /** Bounds one answer, and one message of a stream, in bytes after decompression. */
        const val ANSWER = 16 shl 20

        /** The size of an envelope's head: a byte of flags, and the length in four bytes. */
        const val HEAD = 5

        // The flags.
        const val COMPRESSED = 1
        const val LAST = 2
    }
}

private fun json(body: ByteArray): JsonElement? = try {
    Json.parseToJsonElement(body.decodeToString())
} catch (_: SerializationException) {
    null
}

/** What the server says of an error. Without a Problem among its details it was not a Doorstep that answered. */
private fun refused(error: JsonElement?, where: String): Exception {
    val details = (error as? JsonObject)?.get("details") as? JsonArray
    val problem = details.orEmpty().firstNotNullOfOrNull(::problem) ?: return IOException("$where: $error")
    return Refusal(problem)
}

private fun problem(detail: JsonElement): Problem? {
    val fields = detail as? JsonObject ?: return null
    val value = fields["value"] as? JsonPrimitive ?: return null
    if ((fields["type"] as? JsonPrimitive)?.content != "doorstep.types.v1.Problem") return null
    return try {
        Problem.parseFrom(Base64.getDecoder().decode(value.content))
    } catch (_: InvalidProtocolBufferException) {
        null
    } catch (_: IllegalArgumentException) {
        null
    }
}
