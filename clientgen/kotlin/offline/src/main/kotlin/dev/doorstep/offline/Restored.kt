package dev.doorstep.offline

import dev.doorstep.sync.v1.Verdict
import java.time.temporal.ChronoUnit

/**
 * The lowest number of this device with a verdict that the last checkpoint's server does not know: its database was
 * restored from a backup. 0 when there is none.
 */
internal fun Sql.forgotten(): Long = toldBeyond(number(Meta.REACHED))

/** The first number of this device above one that has a verdict; 0 when there is none. */
internal fun Sql.toldBeyond(seq: Long): Long = first(
    "SELECT coalesce(min(seq), 0) FROM outbox WHERE device = ? AND outcome IS NOT NULL AND seq > ?",
    meta(Meta.DEVICE),
    seq,
) { it.long(0) } ?: 0

/**
 * Makes the files of forgotten mutations go through their upload anew. What the object store still has is not sent twice.
 */
internal fun Sql.offerAgain(from: Long) {
    run(
        "UPDATE file SET state = ?, sent = 0 WHERE state = ? AND mutation IN (SELECT id FROM outbox WHERE device = ? AND seq >= ?)",
        FileState.WAITING.number,
        FileState.DONE.number,
        meta(Meta.DEVICE),
        from,
    )
}

/** How long acknowledged mutations are kept when the server does not say. */
private const val KEEP_DAYS = 30L

/**
 * Forgets mutations that the server has had for longer than any backup is old from which it would be restored, and their
 * files. What is not settled is kept: without a verdict, not covered by the state shown, rejected or parked and not seen by
 * a person, with a file to send; and everything after it, so that what is held has no gaps. The newest one always stays,
 * for the numbers count on from it. Time is the server's. Tells whether anything went.
 */
internal fun Sql.prune(): Boolean {
    val asOf = device().asOf ?: return false
    val horizon = asOf.minus(number(Meta.KEEP_DAYS).takeIf { it > 0 } ?: KEEP_DAYS, ChronoUnit.DAYS)
    val settled = all(
        """
        SELECT n, verdict FROM outbox WHERE n < (SELECT max(n) FROM outbox) AND n < coalesce((
            SELECT min(n) FROM outbox WHERE outcome IS NULL OR covered = 0 OR outcome IN (3, 4) AND seen = 0
                OR id IN (SELECT mutation FROM file WHERE state IN (1, 2))), 1 << 62)
        ORDER BY n
        """,
    ) { it.long(0) to Verdict.parseFrom(it.blob(1)).serverTime.toInstant() }
    val last = settled.takeWhile { (_, at) -> at < horizon }.lastOrNull()?.first ?: return false
    run("DELETE FROM file WHERE mutation IN (SELECT id FROM outbox WHERE n <= ?)", last)
    run("DELETE FROM outbox WHERE n <= ?", last)
    return true
}
