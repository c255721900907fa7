package dev.doorstep.offline

import dev.doorstep.account.v1.EnrolDeviceResponse
import dev.doorstep.account.v1.Tokens
import java.security.MessageDigest
import java.security.SecureRandom
import java.time.Instant
import java.util.UUID

/** The keys of the table meta. */
internal object Meta {
    const val SERVER = "server"
    const val DEVICE = "device"

    /** EnrolDeviceResponse without its tokens. */
    const val ENROLMENT = "enrolment"
    const val TOKENS = "tokens"

    /** The word for a refresh token, behind the hash of that token; see [attempt]. */
    const val ATTEMPT = "attempt"

    /** The code, when the login has ended. */
    const val ENDED = "login_ended"
    const val CURSOR = "cursor"

    /** Microseconds since 1970. */
    const val AS_OF = "as_of"
    const val OFFLINE = "offline"

    /** The early part shows, before the first checkpoint. */
    const val EARLY = "early"

    /** How much there will be at the first checkpoint. */
    const val WHOLE = "whole"

    /** For how many days the server wants acknowledged mutations to be kept; 0 when it did not say. */
    const val KEEP_DAYS = "keep_days"

    /** The store was wiped, and its file may still have the bytes. */
    const val SCRUB = "scrub"
}

/** The value of a key; null when there is none, or an empty one. */
internal fun Sql.meta(key: String): ByteArray? =
    first("SELECT value FROM meta WHERE key = ?", key) { it.blob(0) }?.takeIf { it.isNotEmpty() }

internal fun Sql.number(key: String): Long = meta(key)?.decodeToString()?.toLongOrNull() ?: 0

internal fun Sql.setMeta(key: String, value: ByteArray?) {
    run(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        key,
        value ?: ByteArray(0),
    )
}

internal fun Sql.setMeta(key: String, value: Long) = setMeta(key, value.toString().encodeToByteArray())

/** Who a device is and how it stands. */
data class Device(
    /** The server's address; empty while the device was never enrolled. */
    val server: String,
    val org: UUID,
    val user: UUID,
    val id: UUID,
    val userName: String,
    val orgName: String,
    /**
     * A code (docs/ERRORS.md) when the login does not hold any more: nothing is sent until the device enrols anew,
     * everything is kept, and capturing goes on. Empty while it holds.
     */
    val ended: String,
    /** A person switched sending off. */
    val offline: Boolean,
    /** The server's time of the state that shows; null before the first checkpoint. */
    val asOf: Instant?,
    /** What shows is only what is needed first; the first download goes on. */
    val early: Boolean,
) {
    /** The device belongs to somebody. */
    val enrolled: Boolean get() = server.isNotEmpty()
}

/** Who this device is. */
suspend fun Store.device(): Device = reading { it.device() }

/** Moves the switch between offline and online. It is remembered. */
suspend fun Store.setOffline(offline: Boolean) {
    transact { it.setMeta(Meta.OFFLINE, if (offline) byteArrayOf(1) else null) }
    nudge()
}

/**
 * Forgets everything. It refuses with unsent_work while anything is unsent, and with unacknowledged while the server did not do
 * something and no person has dealt with it: [attention] lists that, [markSeen] ends it. Whoever cannot wait exports and calls
 * [handOver].
 */
suspend fun Store.logout() {
    transact {
        it.refuseUnsent()
        it.refuseUnacknowledged()
        it.wipe()
    }
    wiped()
}

/** After the store was wiped: nothing of it is left on the disk, and nothing shows. */
internal fun Store.wiped() {
    files.clear()
    removeAsides()
    renewSpare()
    scrub()
    signals.tellAll()
}

internal fun Sql.device(): Device {
    val who = readable { meta(Meta.ENROLMENT)?.let(EnrolDeviceResponse::parseFrom) }
        ?: EnrolDeviceResponse.getDefaultInstance()
    val none = UUID(0, 0)
    return Device(
        server = meta(Meta.SERVER)?.decodeToString().orEmpty(),
        org = who.orgId.toUuid() ?: none,
        user = who.userId.toUuid() ?: none,
        id = who.deviceId.toUuid() ?: none,
        userName = who.userName,
        orgName = who.orgName,
        ended = meta(Meta.ENDED)?.decodeToString().orEmpty(),
        offline = meta(Meta.OFFLINE) != null,
        asOf = readable { meta(Meta.AS_OF)?.let { number(Meta.AS_OF).microsToInstant() } },
        early = meta(Meta.EARLY) != null,
    )
}

/**
 * Takes a new identity. All that is held is renumbered for it and offered again, also what has a verdict: the server may have
 * been restored to before the old identity. Ids stay, so that what the server has counts once. A verdict stays signed for
 * the device that it was given to. Another person's store with unsent work is not taken over. Tells whether the store was
 * another person's.
 */
internal fun Sql.enrolled(server: String, who: EnrolDeviceResponse): Boolean {
    val old = device()
    val foreign = old.enrolled && (old.user != who.userId.toUuid() || old.org != who.orgId.toUuid())
    if (foreign) {
        refuseUnsent()
        wipe()
    }
    run(
        """
        UPDATE outbox SET judged = CASE WHEN outcome IS NOT NULL THEN coalesce(judged, device) END,
            device = ?, seq = -n, tried = 0, too_old = 0, known = NULL
        """,
        who.deviceId.toByteArray(),
    )
    run("UPDATE outbox SET seq = (SELECT count(*) FROM outbox o WHERE o.n <= outbox.n)")
    setMeta(Meta.SERVER, server.encodeToByteArray())
    setMeta(Meta.DEVICE, who.deviceId.toByteArray())
    setMeta(Meta.ENROLMENT, who.toBuilder().clearTokens().build().toByteArray())
    setTokens(who.tokens)
    setMeta(Meta.ENDED, null)
    return foreign
}

internal fun Sql.tokens(): Tokens =
    readable { meta(Meta.TOKENS)?.let(Tokens::parseFrom) } ?: Tokens.getDefaultInstance()

internal fun Sql.setTokens(tokens: Tokens) = setMeta(Meta.TOKENS, tokens.toByteArray())

/**
 * The word that this device presents a refresh token with (RefreshTokenRequest.attempt): random, on disk before it is used, and
 * the same whenever the token is presented again, by this process or another. Before the word stands the hash of its token.
 */
internal fun Sql.attempt(used: Tokens): ByteArray {
    val of = MessageDigest.getInstance("SHA-256").digest(used.refresh.encodeToByteArray())
    val kept = meta(Meta.ATTEMPT)
    if (kept != null && kept.size == of.size + ATTEMPT_SIZE && kept.copyOf(of.size).contentEquals(of)) {
        return kept.copyOfRange(of.size, kept.size)
    }
    val word = ByteArray(ATTEMPT_SIZE).also(SecureRandom()::nextBytes)
    setMeta(Meta.ATTEMPT, of + word)
    return word
}

private const val ATTEMPT_SIZE = 16

/**
 * Puts [next] in the place of the pair that it was renewed with, and returns what stands there: another one, when the device
 * has enrolled anew meanwhile.
 */
internal fun Sql.renewed(used: Tokens, next: Tokens): Tokens {
    val now = tokens()
    if (now.refresh != used.refresh) return now
    setTokens(next)
    return next
}

/** Notes that the login with these tokens has ended, if it is still the device's. */
internal fun Sql.endLogin(used: Tokens, code: String) {
    if (tokens().refresh == used.refresh) setMeta(Meta.ENDED, code.encodeToByteArray())
}

internal fun Sql.refuseUnsent() {
    val unsent = unsent()
    if (!unsent.isEmpty) throw Fault(Fault.UNSENT_WORK, "${unsent.mutations} actions, ${unsent.files} files")
}

private fun Sql.refuseUnacknowledged() {
    val failed = actions(ATTENTION).size
    if (failed > 0) throw Fault(Fault.UNACKNOWLEDGED, "$failed")
}

/** Empties the store: what was read, what was sent, who it belonged to. */
internal fun Sql.wipe() {
    for (table in listOf(
        "entry",
        "staged",
        "staged_clear",
        "repair",
        "outbox",
        "file",
        "meta",
    )) {
        run("DELETE FROM $table")
    }
    setMeta(Meta.SCRUB, 1)
}

/** Empties what a revoked device may no longer hold and keeps what is unsent. */
internal fun Sql.wipeCopy(code: String) {
    run("DELETE FROM entry")
    run("DELETE FROM staged")
    run("DELETE FROM staged_clear")
    run("DELETE FROM repair")
    run("DELETE FROM file WHERE state NOT IN (1, 2)")
    run("DELETE FROM outbox WHERE known IS NOT NULL AND id NOT IN (SELECT mutation FROM file)")
    run("DELETE FROM meta WHERE key IN ('cursor', 'as_of', 'early', 'whole')")
    setMeta(Meta.SCRUB, 1)
    setMeta(Meta.ENDED, code.encodeToByteArray())
}
