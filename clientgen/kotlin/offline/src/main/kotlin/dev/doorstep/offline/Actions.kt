package dev.doorstep.offline

import com.google.protobuf.ByteString
import dev.doorstep.sync.v1.Mutation as Sent
import dev.doorstep.sync.v1.Outcome
import dev.doorstep.sync.v1.PushRequest
import dev.doorstep.sync.v1.PushResponse
import dev.doorstep.sync.v1.Verdict
import java.nio.ByteBuffer
import java.time.Instant
import java.util.UUID
import java.util.zip.CRC32

/** A mutation with its verdict, if there is one. */
class Action(
    val mutation: Mutation,
    /** The identity under which it was, or will be, sent. */
    val device: UUID,
    /** The identity that the verdict was given to: an earlier one, when the device enrolled anew since then. */
    val judgedAs: UUID,
    /** It was sent at least once, and the answer may have been lost. */
    val tried: Boolean,
    /** The first one, null before it came. */
    val verdict: Verdict?,
    /** The server is not known to have it, see [waiting]. */
    val waits: Boolean,
    /** The state shown contains the effect, the overlay does not any more. */
    val covered: Boolean,
    /** A person was shown that it needs attention. */
    val seen: Boolean,
) {
    val kind: String get() = mutation.kind

    /** Tells whether the server did not do what was asked: rejected or parked. */
    val needsAttention: Boolean
        get() = verdict?.outcome == Outcome.OUTCOME_REJECTED || verdict?.outcome == Outcome.OUTCOME_PARKED

    override fun toString(): String = "$mutation: ${verdict?.outcome ?: "unsent"}"
}

/** What only this device has. */
data class Unsent(
    /** Mutations that the server is not known to have, see [waiting]. */
    val mutations: Int,
    /** Files whose bytes the server has not confirmed. */
    val files: Int,
    /** The bytes of those files. */
    val bytes: Long,
) {
    /** Everything is with the server. */
    val isEmpty: Boolean get() = mutations == 0 && files == 0
}

/** What was done on this device, oldest first, as long as the store keeps it. */
suspend fun Store.actions(): List<Action> = reading { it.actions("ORDER BY n") }

/**
 * The mutations that the server is not known to have, oldest first: those without a verdict, and those that it gave one for
 * and may have forgotten since then, because its database was restored or because the device enrolled anew.
 */
suspend fun Store.waiting(): List<Action> = reading { it.actions("WHERE known IS NULL ORDER BY n") }

/** What the server rejected or parked and nobody has marked as seen, oldest first. */
suspend fun Store.attention(): List<Action> = reading { it.actions(ATTENTION) }

internal const val ATTENTION = "WHERE outcome IN (3, 4) AND seen = 0 ORDER BY n"

/** One mutation; not_found when the store does not hold it. */
suspend fun Store.action(id: UUID): Action = reading { it.action(id) } ?: throw Fault(Fault.NOT_FOUND)

/** Notes that a person has seen what became of the mutation. It stays in [actions]. */
suspend fun Store.markSeen(id: UUID) {
    transact { it.run("UPDATE outbox SET seen = 1 WHERE id = ? AND outcome IS NOT NULL", id.toByteArray()) }
}

/** Counts what only this device has. */
suspend fun Store.unsent(): Unsent = reading { it.unsent() }

/**
 * Says a mutation that waits in new words, under the same number and id: a newer app does so for a kind that the server
 * takes from no app any more. It is refused with sequence_reused unless the last that the server said of it is
 * client_too_old: one whose answer was lost may have been taken in as it was, also by another device that imported it.
 * A verdict from before the server's database was restored goes with the old words: the new ones get their own.
 */
suspend fun Store.reword(id: UUID, kind: String, args: ByteString) {
    checkSize(args)
    saving {
        val old = it.action(id)?.mutation ?: throw Fault(Fault.SEQUENCE_REUSED)
        val next = Mutation(id, old.seq, kind, args, old.at)
        val changed = it.run(
            """
            UPDATE outbox SET kind = ?, args = ?, sum = ?, too_old = 0,
                outcome = NULL, verdict = NULL, judged = NULL, covered = 0, seen = 0
            WHERE id = ? AND known IS NULL AND too_old = 1
            """,
            kind,
            args.toByteArray(),
            sumOf(next),
            id.toByteArray(),
        )
        if (changed == 0) throw Fault(Fault.SEQUENCE_REUSED)
        it.reopenFiles(id.toByteArray()) // whoever forgot the old words knows nothing of their files
        next
    }
    shows(emptySet())
    nudge()
}

/** The greatest size of a mutation's arguments in bytes; the server rejects more. */
const val MAX_ARGS: Int = 512 shl 10

internal fun checkSize(args: ByteString) {
    if (args.size() > MAX_ARGS) throw Fault(Fault.MUTATION_TOO_LARGE, "${args.size()} bytes")
}

internal fun UUID.toByteArray(): ByteArray = toBytes().toByteArray()

/** Gives the mutation the device's next number. */
internal fun Sql.append(id: UUID, kind: String, args: ByteString, at: Instant): Mutation {
    val device = meta(Meta.DEVICE) ?: throw Fault(Fault.NOT_ENROLLED)
    val seq = first("SELECT coalesce(max(seq), 0) + 1 FROM outbox WHERE device = ?", device) { it.long(0) } ?: 1
    return Mutation(id, seq, kind, args, at).also { insertWork(device, it) }
}

internal fun Sql.insertWork(device: ByteArray?, mutation: Mutation) {
    run(
        "INSERT INTO outbox (device, seq, id, kind, args, at, sum) VALUES (?, ?, ?, ?, ?, ?, ?)",
        device,
        mutation.seq,
        mutation.id.toByteArray(),
        mutation.kind,
        mutation.args.toByteArray(),
        mutation.at.toMicros(),
        sumOf(mutation),
    )
}

/** The checksum of what was done: the database notices damage to its structure by itself, but not to the words in it. */
private fun sumOf(mutation: Mutation): Long {
    val sum = CRC32()
    sum.update(mutation.id.toByteArray())
    sum.update(mutation.kind.encodeToByteArray())
    sum.update(0)
    sum.update(mutation.args.toByteArray())
    sum.update(ByteBuffer.allocate(8).putLong(mutation.at.toMicros()).array())
    return sum.value
}

internal fun Sql.action(id: UUID): Action? = actions("WHERE id = ?", id.toByteArray()).firstOrNull()

internal fun Sql.actions(where: String, vararg args: Any?): List<Action> =
    buildList { eachAction(where, *args) { add(it) } }

/** Calls [take] for every row that [where] names. One that is damaged is store_damaged, or is left out with [skip]. */
internal fun Sql.eachAction(where: String, vararg args: Any?, skip: Boolean = false, take: (Action) -> Unit) = query(
    """
    SELECT device, seq, id, kind, args, at, tried, verdict, covered, seen, known IS NULL, coalesce(judged, device),
        sum IS NULL, sum
    FROM outbox $where
    """,
    *args,
) { row -> readable(skip) { row.action() }?.let(take) }

private const val ID_SIZE = 16

private fun Row.action(): Action {
    val mutation = Mutation(uuid(2), long(1), text(3), bytes(4), long(5).microsToInstant())
    // A row of zeros has neither id nor kind. An older app wrote no checksum.
    if (bytes(2).size() != ID_SIZE || mutation.kind.isEmpty() || !flag(12) && long(13) != sumOf(mutation)) {
        throw Fault(Fault.STORE_DAMAGED, "the words of an action are not those that were saved")
    }
    return Action(
        mutation = mutation,
        device = uuid(0),
        tried = flag(6),
        verdict = blob(7)?.let(Verdict::parseFrom),
        covered = flag(8),
        seen = flag(9),
        waits = flag(10),
        judgedAs = uuid(11),
    )
}

internal fun Sql.unsent(): Unsent = first(
    "SELECT (SELECT count(*) FROM outbox WHERE known IS NULL), count(*), coalesce(sum(size), 0) FROM file WHERE state IN (1, 2)",
) { Unsent(it.int(0), it.int(1), it.long(2)) } ?: Unsent(0, 0, 0)

/** The next mutations to send, from the first that waits; at most [count] and about [size] bytes. It marks them as tried. */
internal fun Sql.batch(count: Int, size: Int): PushRequest {
    val out = PushRequest.newBuilder()
    val device = meta(Meta.DEVICE) ?: return out.build()
    var first = 0L
    query(
        "SELECT coalesce(min(seq), 0), coalesce(min(CASE WHEN known IS NULL THEN seq END), 0) FROM outbox WHERE device = ?",
        device,
    ) {
        out.heldFrom = it.long(0)
        first = it.long(1)
    }
    if (first == 0L) return out.build()
    var left = size
    for (action in actions("WHERE device = ? AND seq >= ? ORDER BY seq LIMIT ?", device, first, count)) {
        left -= action.mutation.args.size() + 64
        if (out.mutationsCount > 0 && left < 0) break
        out.addMutations(action.mutation.toMessage())
    }
    if (out.mutationsCount > 0) {
        run(
            "UPDATE outbox SET tried = 1, too_old = 0 WHERE device = ? AND seq BETWEEN ? AND ? AND (tried = 0 OR too_old = 1)",
            device,
            first,
            out.getMutations(out.mutationsCount - 1).sequence,
        )
    }
    return out.build()
}

private fun Mutation.toMessage(): Sent = Sent.newBuilder().setSequence(
    seq,
).setId(id.toBytes()).setKind(kind).setArgs(args).setDeviceTime(at.toTimestamp()).build()

/**
 * Notes that the server knows nothing of the next mutation to send, nor of any behind it, and takes none in these words.
 */
internal fun Sql.refusedAsOld(first: Long) {
    run("UPDATE outbox SET too_old = 1 WHERE device = ? AND seq >= ? AND known IS NULL", meta(Meta.DEVICE), first)
}

/** Whether there is a mutation to send that the server has not refused as too old. */
internal fun Sql.waits(): Boolean =
    first("SELECT 1 FROM outbox WHERE known IS NULL AND too_old = 0 LIMIT 1") { true } ?: false

/**
 * Keeps verdicts. The first verdict of a mutation stays, the newest says since when the server has it; one for another id is
 * an error of the server.
 */
internal fun Sql.take(answer: PushResponse) {
    setMeta(Meta.KEEP_DAYS, answer.keepDays.toLong())
    answer.verdictsList.forEach(::take)
}

private fun Sql.take(verdict: Verdict) {
    if (verdict.outcome == Outcome.OUTCOME_UNSPECIFIED) throw Fault(Fault.INTERNAL, "verdict without an outcome")
    val id = verdict.id.toByteArray()
    val named = "WHERE device = ? AND seq = ? AND id = ?"
    val held = actions(named, meta(Meta.DEVICE), verdict.sequence, id).singleOrNull()
        ?: throw Fault(Fault.SEQUENCE_REUSED, "sequence ${verdict.sequence}")
    run(
        "UPDATE outbox SET outcome = coalesce(outcome, ?), verdict = coalesce(verdict, ?), known = ? WHERE id = ?",
        verdict.outcomeValue,
        verdict.toByteArray(),
        verdict.serverTime.toInstant().toMicros(),
        id,
    )
    if (held.verdict != null && held.verdict.serverTime != verdict.serverTime) reopenFiles(id)
}
