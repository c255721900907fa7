package dev.doorstep.offline

import dev.doorstep.account.v1.EnrolDeviceResponse
import dev.doorstep.account.v1.Tokens
import java.time.Instant
import java.util.UUID

/** The keys of the table meta. */
internal object Meta {
    const val SERVER = "server"
    const val DEVICE = "device"

    /** EnrolDeviceResponse without its tokens. */
    const val ENROLMENT = "enrolment"
    const val TOKENS = "tokens"

    /** The code, when the login has ended. */
    const val ENDED = "login_ended"
    const val CURSOR = "cursor"

    /** Microseconds since 1970. */
    const val AS_OF = "as_of"

    /** last_sequence of the last checkpoint. */
    const val REACHED = "last_sequence"
    const val OFFLINE = "offline"

    /** The early part shows, before the first checkpoint. */
    const val EARLY = "early"

    /** How much there will be at the first checkpoint. */
    const val WHOLE = "whole"

    /** For how many days the server wants acknowledged mutations to be kept; 0 when it did not say. */
    const val KEEP_DAYS = "keep_days"
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

/** Forgets everything, and refuses with unsent_work while anything is unsent. */
suspend fun Store.logout() {
    transact {
        it.refuseUnsent()
        it.wipe()
    }
    wiped()
}

/** After the store was wiped: no file has a name any more, and nothing shows. */
internal fun Store.wiped() {
    files.clear()
    signals.tellAll()
}

internal fun Sql.device(): Device {
    val who = meta(Meta.ENROLMENT)?.let(EnrolDeviceResponse::parseFrom) ?: EnrolDeviceResponse.getDefaultInstance()
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
        asOf = meta(Meta.AS_OF)?.let { number(Meta.AS_OF).microsToInstant() },
        early = meta(Meta.EARLY) != null,
    )
}

/**
 * Takes a new identity. What is unsent is renumbered for it, ids stay: whatever the old identity did send counts once.
 * Another person's store with unsent work is not taken over. Tells whether the store was another person's.
 */
internal fun Sql.enrolled(server: String, who: EnrolDeviceResponse): Boolean {
    val old = device()
    val foreign = old.enrolled && (old.user != who.userId.toUuid() || old.org != who.orgId.toUuid())
    if (foreign) {
        refuseUnsent()
        wipe()
    }
    run("UPDATE outbox SET device = ?, seq = -n, tried = 0 WHERE outcome IS NULL", who.deviceId.toByteArray())
    run(
        "UPDATE outbox SET seq = (SELECT count(*) FROM outbox o WHERE o.outcome IS NULL AND o.n <= outbox.n) WHERE outcome IS NULL",
    )
    setMeta(Meta.SERVER, server.encodeToByteArray())
    setMeta(Meta.DEVICE, who.deviceId.toByteArray())
    setMeta(Meta.ENROLMENT, who.toBuilder().clearTokens().build().toByteArray())
    setTokens(who.tokens)
    setMeta(Meta.ENDED, null)
    return foreign
}

internal fun Sql.tokens(): Tokens = meta(Meta.TOKENS)?.let(Tokens::parseFrom) ?: Tokens.getDefaultInstance()

internal fun Sql.setTokens(tokens: Tokens) = setMeta(Meta.TOKENS, tokens.toByteArray())

internal fun Sql.endLogin(code: String) = setMeta(Meta.ENDED, code.encodeToByteArray())

internal fun Sql.refuseUnsent() {
    val unsent = unsent()
    if (!unsent.isEmpty) throw Fault(Fault.UNSENT_WORK, "${unsent.mutations} actions, ${unsent.files} files")
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
}

/** Empties what a revoked device may no longer hold and keeps what is unsent. */
internal fun Sql.wipeCopy(code: String) {
    run("DELETE FROM entry")
    run("DELETE FROM staged")
    run("DELETE FROM staged_clear")
    run("DELETE FROM repair")
    run("DELETE FROM file WHERE state NOT IN (1, 2)")
    run("DELETE FROM outbox WHERE outcome IS NOT NULL AND id NOT IN (SELECT mutation FROM file)")
    run("DELETE FROM meta WHERE key IN ('cursor', 'as_of', 'early', 'whole')")
    endLogin(code)
}
