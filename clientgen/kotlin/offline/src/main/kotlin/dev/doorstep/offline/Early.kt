package dev.doorstep.offline

import dev.doorstep.sync.v1.PullResponse
import dev.doorstep.sync.v1.Size

/** How far the first download is; what it will be in the end is an estimate while the office goes on working. */
data class Progress(val entries: Int, val ofEntries: Int, val bytes: Long, val ofBytes: Long)

/** How far the first download is; null before it began and once it is done. */
suspend fun Store.progress(): Progress? = reading { sql ->
    val whole = sql.meta(Meta.WHOLE)
    if (whole == null || sql.meta(Meta.AS_OF) != null) return@reading null
    val size = Size.parseFrom(whole)
    sql.first("SELECT count(*), coalesce(sum(length(body)), 0) FROM staged WHERE NOT removed") {
        Progress(it.int(0), size.entries.toInt(), it.long(1), size.bytes)
    }
}

/**
 * Shows what is needed first, before the first checkpoint: complete in itself, of one snapshot, and replaced by the next
 * early part or by the checkpoint. The staged pages and their cursor are not touched.
 */
internal fun Sql.early(page: PullResponse, order: List<String>): List<Changed> {
    run("CREATE TEMP TABLE IF NOT EXISTS early AS SELECT * FROM entry WHERE 0")
    run("DELETE FROM early")
    for (delta in page.early.feedsList) {
        delta.each { kind, id, seq, _, body ->
            run("INSERT INTO early VALUES (?, ?, ?, ?, ?)", delta.feed, kind, id, seq, body)
        }
    }
    val changed = changing("SELECT kind, id FROM entry UNION SELECT kind, id FROM early", order) {
        run("DELETE FROM entry")
        run("INSERT INTO entry SELECT * FROM early")
        run("DELETE FROM early")
    }
    cover(page.lastSequence, page.serverTime.toInstant().toMicros())
    setMeta(Meta.EARLY, byteArrayOf(1))
    noteWhole(page)
    return changed
}

/** Lets the checkpoint replace the early part whole, also what is of feeds that are not followed any more. */
internal fun Sql.endEarly() {
    run(
        "INSERT OR IGNORE INTO staged_clear SELECT DISTINCT feed FROM entry WHERE EXISTS (SELECT 1 FROM meta WHERE key = 'early')",
    )
    run("DELETE FROM meta WHERE key IN ('early', 'whole')")
}

/** Notes how much there will be in the end, if the page says so. */
internal fun Sql.noteWhole(page: PullResponse) {
    if (page.hasWhole()) setMeta(Meta.WHOLE, page.whole.toByteArray())
}
