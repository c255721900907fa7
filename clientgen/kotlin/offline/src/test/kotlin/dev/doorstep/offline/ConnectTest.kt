package dev.doorstep.offline

import com.github.luben.zstd.Zstd
import com.google.protobuf.ByteString
import com.google.protobuf.CodedOutputStream
import com.google.protobuf.MessageLite
import com.sun.net.httpserver.Headers
import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import dev.doorstep.sync.v1.Poke
import dev.doorstep.sync.v1.PullRequest
import dev.doorstep.sync.v1.PullResponse
import dev.doorstep.sync.v1.WatchRequest
import dev.doorstep.sync.v1.WatchResponse
import dev.doorstep.types.v1.Problem
import java.io.ByteArrayOutputStream
import java.net.InetAddress
import java.net.InetSocketAddress
import java.nio.ByteBuffer
import java.util.Base64
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.zip.GZIPInputStream
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import okhttp3.OkHttpClient
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test

/** What is sent to a server, and what is made of its answers. */
class ConnectTest {
    /** What the server does with a call. */
    private var answer: (HttpExchange) -> Unit = { it.answers(ByteArray(0)) }

    /** What it was sent last. */
    private lateinit var path: String
    private lateinit var headers: Headers
    private lateinit var body: ByteArray

    /** Counted down when the test is over: a server that waits for it answers never. */
    private val over = CountDownLatch(1)

    private val threads = Executors.newCachedThreadPool()
    private val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0).apply {
        executor = threads
        createContext("/") { call ->
            path = call.requestURI.path
            headers = call.requestHeaders
            body = call.requestBody.readAllBytes()
            call.use(answer)
        }
        start()
    }
    private val http = OkHttpClient()
    private val connect = Connect(http)

    @AfterEach
    fun stop() {
        over.countDown()
        server.stop(0)
        threads.shutdown()
        http.dispatcher.executorService.shutdown()
        http.connectionPool.evictAll()
    }

    private inline fun HttpExchange.use(fn: (HttpExchange) -> Unit) = try {
        fn(this)
    } finally {
        close()
    }

    private fun HttpExchange.answers(body: ByteArray, encoding: String? = null, status: Int = 200) {
        if (encoding != null) responseHeaders.set("Content-Encoding", encoding)
        sendResponseHeaders(status, if (body.isEmpty()) -1 else body.size.toLong())
        responseBody.write(body)
    }

    private fun HttpExchange.streams(vararg envelopes: ByteArray) {
        sendResponseHeaders(200, 0)
        for (one in envelopes) responseBody.write(one)
        responseBody.flush()
    }

    private val address = "http://127.0.0.1:${server.address.port}//"

    private suspend fun pull(
        request: PullRequest = PullRequest.getDefaultInstance(),
        token: String? = "t",
        limit: Duration = 1.minutes,
    ): PullResponse =
        connect.unary(address, "doorstep.sync.v1.SyncService/Pull", request, PullResponse.parser(), token, limit)

    /** The feeds that a watch is poked with. */
    private fun watch(request: WatchRequest = WatchRequest.getDefaultInstance()) =
        connect.stream(address, "doorstep.sync.v1.SyncService/Watch", request, WatchResponse.parser(), "t")
            .map { it.poke.getFeeds(0) }

    private suspend fun failure(fn: suspend () -> Any): Fault? = runCatching { fn() }.exceptionOrNull() as? Fault

    private fun envelope(flags: Int, part: ByteArray): ByteArray =
        ByteBuffer.allocate(5 + part.size).put(flags.toByte()).putInt(part.size).put(part).array()

    private fun poke(feed: String): ByteArray =
        envelope(0, WatchResponse.newBuilder().setPoke(Poke.newBuilder().addFeeds(feed)).build().toByteArray())

    private val end = envelope(2, "{}".toByteArray())

    private fun error(problem: Problem): String {
        val value = Base64.getEncoder().encodeToString(problem.toByteArray())
        val detail = """{"type":"doorstep.types.v1.Problem","value":"$value"}"""
        return """{"code":"unknown","details":[{"type":"other"},$detail]}"""
    }

    private val page: MessageLite = PullResponse.newBuilder().setCursor(ByteString.copyFromUtf8("next")).build()

    @Test
    fun `a call is sent as Protobuf, with the token if there is one`() = runBlocking {
        for (token in listOf("t", null)) {
            pull(PullRequest.newBuilder().setMaxBytes(7).build(), token)
            assertEquals("/doorstep.sync.v1.SyncService/Pull", path)
            assertEquals("application/proto", headers.getFirst("Content-Type"))
            assertEquals("1", headers.getFirst("Connect-Protocol-Version"))
            assertEquals(token?.let { "Bearer $it" }, headers.getFirst("Authorization"))
            assertNull(headers.getFirst("Content-Encoding"))
            assertEquals(7, PullRequest.parseFrom(body).maxBytes)
        }
    }

    @Test
    fun `a large message is compressed`() = runBlocking {
        val cursor = ByteString.copyFrom(ByteArray(1 shl 10))
        pull(PullRequest.newBuilder().setCursor(cursor).build())
        assertEquals("gzip", headers.getFirst("Content-Encoding"))
        assertEquals(cursor, PullRequest.parseFrom(GZIPInputStream(body.inputStream())).cursor)
    }

    @Test
    fun `an answer may be compressed`() = runBlocking {
        val plain = page.toByteArray()
        for ((encoding, packed) in listOf(null to plain, "gzip" to gzip(plain), "zstd" to Zstd.compress(plain))) {
            answer = { it.answers(packed, encoding) }
            assertEquals(page, pull())
        }
        answer = { it.answers(plain, "br") }
        assertEquals(Fault.NO_NETWORK, failure { pull() }?.code)
    }

    @Test
    fun `an answer has a limit, also after decompression`() = runBlocking {
        val plain = ByteArray((16 shl 20) + 1)
        for ((encoding, packed) in listOf(null to plain, "gzip" to gzip(plain), "zstd" to Zstd.compress(plain))) {
            answer = { call -> runCatching { call.answers(packed, encoding) } } // nobody reads it to the end
            val fault = failure { pull() }
            assertEquals(Fault.NO_NETWORK, fault?.code)
            assertEquals("more than 16777216 bytes", fault?.cause?.message)
        }
    }

    @Test
    fun `fields that a newer server knows are kept`() = runBlocking {
        val written = ByteArrayOutputStream()
        CodedOutputStream.newInstance(written).apply { writeString(15_000, "new") }.flush()
        val newer = written.toByteArray()
        answer = { it.answers(newer) }
        assertArrayEquals(newer, pull().toByteArray())
    }

    @Test
    fun `a refusal has the words of the server, and says how long to wait`() = runBlocking {
        val problem = Problem.newBuilder().setCode("overloaded").setEnglish("Wait.").setRetryAfterMs(1500).build()
        answer = { it.answers(error(problem).toByteArray(), status = 429) }
        val refusal = failure { pull() } as Refusal
        assertEquals(problem, refusal.problem)
        assertEquals(1500.milliseconds, refusal.retryAfter)
    }

    @Test
    fun `it is no_network when something else answers`() = runBlocking {
        for (text in listOf("<html>502</html>", """{"code":"unavailable"}""", "null", "")) {
            answer = { it.answers(text.toByteArray(), status = 502) }
            assertEquals(Fault.NO_NETWORK, failure { pull() }?.code)
            assertEquals(Fault.NO_NETWORK, failure { watch().toList() }?.code)
        }
        answer = { it.answers("<html>pay for the wifi</html>".toByteArray()) }
        assertEquals(Fault.NO_NETWORK, failure { pull() }?.code)
        assertEquals(Fault.NO_NETWORK, failure { watch().toList() }?.code)
    }

    @Test
    fun `it is no_network when nothing answers in time`() = runBlocking {
        answer = { over.await() }
        assertEquals(Fault.NO_NETWORK, failure { pull(limit = 20.milliseconds) }?.code)
    }

    @Test
    fun `a call ends with its coroutine`() = runBlocking {
        val asked = CountDownLatch(1)
        answer = {
            asked.countDown()
            over.await()
        }
        val call = launch(Dispatchers.IO) { pull() }
        withContext(Dispatchers.IO) { asked.await() }
        call.cancelAndJoin()
    }

    @Test
    fun `a stream gives its messages, and ends with the server's`() = runBlocking {
        val request = WatchRequest.newBuilder().setCursor(ByteString.copyFromUtf8("where I am")).build()
        answer = { it.streams(poke("tech:1"), poke("tech:2"), end) }
        assertEquals(listOf("tech:1", "tech:2"), watch(request).toList())
        assertEquals("/doorstep.sync.v1.SyncService/Watch", path)
        assertEquals("application/connect+proto", headers.getFirst("Content-Type"))
        assertArrayEquals(envelope(0, request.toByteArray()), body)
    }

    @Test
    fun `a stream that is refused gives what came before`() = runBlocking {
        val error = error(Problem.newBuilder().setCode("token_expired").build())
        answer = { it.streams(poke("tech:1"), envelope(2, """{"error":$error}""".toByteArray())) }
        val came = mutableListOf<String>()
        assertEquals(Fault.TOKEN_EXPIRED, failure { watch().onEach(came::add).toList() }?.code)
        assertEquals(listOf("tech:1"), came)
    }

    @Test
    fun `a stream that is cut, compressed or beyond the limit is no_network`() = runBlocking {
        val beyond = ByteBuffer.allocate(5).put(0).putInt((16 shl 20) + 1).array()
        val negative = ByteBuffer.allocate(5).put(0).putInt(-1).array()
        for (bad in listOf(ByteArray(0), end.copyOf(6), envelope(1, ByteArray(3)), beyond, negative)) {
            answer = { it.streams(poke("tech:1"), bad) }
            assertEquals(Fault.NO_NETWORK, failure { watch().toList() }?.code)
        }
    }

    @Test
    fun `a stream that nobody collects any more is cancelled`() = runBlocking {
        answer = {
            it.streams(poke("tech:1"))
            over.await()
        }
        assertEquals("tech:1", watch().first())
        val waiting = launch(Dispatchers.IO) { watch().toList() }
        waiting.cancelAndJoin()
    }
}
