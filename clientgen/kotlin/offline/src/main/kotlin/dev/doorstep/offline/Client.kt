package dev.doorstep.offline

import com.google.protobuf.ByteString
import com.google.protobuf.MessageLite
import com.google.protobuf.Parser
import dev.doorstep.account.v1.EnrolDeviceRequest
import dev.doorstep.account.v1.EnrolDeviceResponse
import dev.doorstep.account.v1.RefreshTokenRequest
import dev.doorstep.account.v1.RefreshTokenResponse
import dev.doorstep.account.v1.Tokens
import java.util.concurrent.TimeUnit
import kotlin.random.Random
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.emitAll
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import okhttp3.OkHttpClient

/** Brings a store and a server together. */
class Client(
    val store: Store,
    /** Does all calls; a usual one asks silent connections whether they live. */
    http: OkHttpClient = usual,
    /** Moves files; without one they wait. */
    internal val uploads: Uploads? = null,
    /** What the office reads in its list of devices. */
    internal val appVersion: String = "",
    internal val deviceName: String = "",
    /** Bounds one call. */
    internal val callTimeout: Duration = 30.seconds,
    /** What a pull asks for at once, in bytes; 0 leaves it to the server. */
    internal val pageBytes: Int = 0,
    /** Hears after each page how far the first download is. [progress] of the store tells the same. */
    internal val progress: (Progress) -> Unit = {},
    /** For the jitter of waits. */
    internal val random: Random = Random.Default,
    internal val sleep: suspend (Duration) -> Unit = { delay(it) },
) {
    internal val http: OkHttpClient = http
    internal val connect = Connect(http)

    /** One round at a time. */
    internal val syncing = Mutex()
    private val refreshing = Mutex()

    /** An access token that was fresh when the device's clock said that it had run out: the clock is wrong. */
    @Volatile private var believed = ""

    /**
     * Makes this store the device of whom the code belongs to. Unsent work of the same person goes on under the new
     * identity; that of another person refuses with unsent_work. What can be read of damaged stores ([setAside]) of that
     * person goes on, too.
     */
    suspend fun enrol(server: String, code: String): Device = syncing.withLock {
        val asked = EnrolDeviceRequest.newBuilder().setCode(
            code,
        ).setDeviceName(deviceName).setAppVersion(appVersion).build()
        val method = "doorstep.account.v1.AuthService/EnrolDevice"
        val who = connect.unary(server, method, asked, EnrolDeviceResponse.parser(), null, callTimeout)
        if (store.transact { it.enrolled(server, who) }) store.wiped() else store.shows(emptySet())
        store.renewSpare()
        store.takeOver()
        store.device()
    }

    /**
     * Does one round: it sends the outbox in order, pulls to a checkpoint, sends files, the small ones first, and pulls
     * again if that changed something. It may be repeated at any time; on an error the rest is done next time. no_network
     * and phone_offline say that the server was not reached.
     */
    suspend fun sync(): Report = Report().also { round(it) }

    /**
     * Keeps the store in sync until it is cancelled or the login ends, which is a [Fault]: it watches, pulls when poked,
     * sends what is done on the device at once, and comes back after a cut with waits that double from a second to a
     * minute. [hear] is called from one coroutine at a time. [topics] are watched besides the feeds.
     */
    suspend fun run(topics: List<String> = emptyList(), hear: suspend (Event) -> Unit = {}): Nothing =
        stay(topics, hear)

    /**
     * Calls a method of another service on the same server, for example doorstep.field.v1.ProofService/StartUpload, with
     * the device's access token, which is renewed when needed.
     */
    suspend fun <T : MessageLite> call(
        method: String,
        message: MessageLite,
        answer: Parser<T>,
        limit: Duration = callTimeout,
    ): T {
        val server = server()
        val token = token()
        return try {
            connect.unary(server, method, message, answer, token, limit)
        } catch (e: Refusal) {
            if (e.code != Fault.TOKEN_EXPIRED) throw e
            connect.unary(server, method, message, answer, refresh(token).access, limit)
        }
    }

    /** As [call], for a method that answers with many messages. */
    internal fun <T : MessageLite> watch(method: String, message: MessageLite, answer: Parser<T>): Flow<T> = flow {
        emitAll(connect.stream(server(), method, message, answer, token()))
    }

    private suspend fun server(): String = store.device().server.ifEmpty { throw Fault(Fault.NOT_ENROLLED) }

    /** The access token, renewed a little before its end. */
    private suspend fun token(): String {
        val held = store.reading { it.tokens() }
        if (held.access.isEmpty() || held.access == believed || !runsOut(held)) return held.access
        return try {
            refresh(held.access).access
        } catch (e: Fault) {
            if (e.code == Fault.REFRESH_INVALID) throw e
            held.access // not reached or refused: the old token says it better
        }
    }

    /** Tells whether an access token is at its end by the device's clock. */
    private fun runsOut(tokens: Tokens): Boolean =
        tokens.accessExpires.seconds - store.options.now().epochSecond < RENEW_BEFORE

    /**
     * Renews the tokens unless somebody has done so since the access token [used] was read, or the device has enrolled anew.
     * The new pair is on disk before it is used; when the answer is lost, the old refresh token still works.
     */
    private suspend fun refresh(used: String): Tokens = refreshing.withLock {
        val now = store.reading { it.tokens() }
        if (now.access != used) return now
        val word = ByteString.copyFrom(store.transact { it.attempt(now) })
        val asked = RefreshTokenRequest.newBuilder().setRefresh(now.refresh).setAttempt(word).build()
        val method = "doorstep.account.v1.AuthService/RefreshToken"
        val next = try {
            connect.unary(server(), method, asked, RefreshTokenResponse.parser(), null, callTimeout).tokens
        } catch (e: Refusal) {
            if (e.code == Fault.REFRESH_INVALID) store.transact { it.endLogin(now, e.code) }
            throw e
        }
        store.transact { it.renewed(now, next) }.also { if (runsOut(it)) believed = it.access }
    }

    private companion object {
        /**
         * How long before its end an access token is renewed, in seconds of the device's clock. A wrong clock costs one
         * call more for each token: one that is fast renews it once for nothing, with one that is slow the server says
         * token_expired and the call is repeated.
         */
        const val RENEW_BEFORE = 30

        /**
         * Asks a silent connection whether it lives. All calls share it: behind a network that went away without a word
         * they would all wait on it, call after call, until the system gives it up after minutes.
         */
        val usual: OkHttpClient by lazy { OkHttpClient.Builder().pingInterval(35, TimeUnit.SECONDS).build() }
    }
}
