package dev.doorstep.offline

import java.time.temporal.ChronoUnit

/** Whether the server gave verdicts for mutations that it is not known to have: its database was restored from a backup. */
internal fun Sql.forgotten(): Boolean =
    first("SELECT 1 FROM outbox WHERE known IS NULL AND outcome IS NOT NULL LIMIT 1") { true } ?: false

/** Whether this device has a verdict for a mutation above a number. */
internal fun Sql.toldBeyond(seq: Long): Boolean = first(
    "SELECT 1 FROM outbox WHERE device = ? AND outcome IS NOT NULL AND seq > ? LIMIT 1",
    meta(Meta.DEVICE),
    seq,
) { true } ?: false

/** Notes that the server lacks what this device did from a number on. */
internal fun Sql.offerAgain(from: Long) {
    run("UPDATE outbox SET known = NULL WHERE device = ? AND seq >= ?", meta(Meta.DEVICE), from)
}

/**
 * Makes the files of a mutation that the server had forgotten go through their upload anew: it knows nothing of them, either.
 * What the object store still has is not sent twice.
 */
internal fun Sql.reopenFiles(mutation: ByteArray) {
    run(
        "UPDATE file SET state = ?, sent = 0 WHERE state = ? AND mutation = ?",
        FileState.WAITING.number,
        FileState.DONE.number,
        mutation,
    )
}

/** How long acknowledged mutations are kept when the server does not say. */
private const val KEEP_DAYS = 30L

/**
 * Forgets mutations that the server has had for longer than any backup is old from which it would be restored, and their
 * files. It counts from when the server has had a mutation for sure: one that came again after a restore is as young as
 * that, whatever its first verdict says. What is not settled is kept: to be sent, not covered by the state shown, rejected or
 * parked and not seen by a person, with a file to send; and everything after it, so that what is held has no gaps. The newest
 * one always stays, for the numbers count on from it. Time is the server's. Tells whether anything went.
 */
internal fun Sql.prune(): Boolean {
    val asOf = device().asOf ?: return false
    val horizon = asOf.minus(number(Meta.KEEP_DAYS).takeIf { it > 0 } ?: KEEP_DAYS, ChronoUnit.DAYS)
    val last = first(
        """
        SELECT coalesce(max(n), 0) FROM outbox WHERE n < (SELECT max(n) FROM outbox) AND n < coalesce((
            SELECT min(n) FROM outbox WHERE known IS NULL OR covered = 0 OR outcome IN (3, 4) AND seen = 0
                OR known >= ? OR id IN (SELECT mutation FROM file WHERE state IN (1, 2))), 1 << 62)
        """,
        horizon.toMicros(),
    ) { it.long(0) } ?: 0
    if (last == 0L) return false
    run("DELETE FROM file WHERE mutation IN (SELECT id FROM outbox WHERE n <= ?)", last)
    run("DELETE FROM outbox WHERE n <= ?", last)
    return true
}
