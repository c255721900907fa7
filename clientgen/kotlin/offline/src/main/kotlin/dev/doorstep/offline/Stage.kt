package dev.doorstep.offline

import com.google.protobuf.ByteString
import dev.doorstep.sync.v1.FeedDelta
import dev.doorstep.sync.v1.FeedState
import dev.doorstep.sync.v1.PullResponse

/** What the next pull must say. */
internal class PullState(
    val cursor: ByteString,
    val repair: List<String>,
    val unsent: Int,
    /** When the oldest unsent was done, in microseconds; 0 when nothing is unsent. */
    val oldest: Long,
    /** There was no checkpoint yet. */
    val first: Boolean,
)

internal fun Sql.pullState(): PullState {
    var unsent = 0
    var oldest = 0L
    query("SELECT count(*), coalesce(min(at), 0) FROM outbox WHERE known IS NULL") {
        unsent = it.int(0)
        oldest = it.long(1)
    }
    return PullState(
        cursor = meta(Meta.CURSOR)?.wrap() ?: ByteString.EMPTY,
        repair = all("SELECT feed FROM repair ORDER BY feed LIMIT 64") { it.text(0) },
        unsent = unsent,
        oldest = oldest,
        first = meta(Meta.AS_OF) == null,
    )
}

/** What a page did. */
internal class Applied {
    /** The page was the last one, its state shows now. */
    var checkpoint = false
    var changed: List<Changed> = emptyList()

    /** The feeds of which something was held and that come anew. */
    val reset = ArrayList<String>()

    /** The feeds whose digest does not agree; they are noted for repair. */
    var differ: List<String> = emptyList()
}

/**
 * Keeps a page together with its cursor and, if it is the last of its round, makes everything staged visible, all in one
 * transaction.
 */
internal fun Sql.stage(page: PullResponse, order: List<String>): Applied {
    val out = Applied()
    page.droppedFeedsList.forEach(::stageClear)
    for (delta in page.feedsList) {
        if (delta.reset &&
            first("SELECT 1 FROM entry WHERE feed = ? LIMIT 1", delta.feed) { true } == true
        ) {
            out.reset += delta.feed
        }
        stageDelta(delta)
    }
    if (!page.cursor.isEmpty) setMeta(Meta.CURSOR, page.cursor.toByteArray())
    if (!page.hasCheckpoint()) {
        noteWhole(page)
        return out
    }
    out.checkpoint = true
    endEarly()
    out.changed = apply(order)
    cover(page.lastSequence, page.serverTime.toInstant().toMicros())
    out.differ = compare(page.checkpoint.feedsList)
    setMeta(Meta.AS_OF, page.serverTime.toInstant().toMicros())
    return out
}

private fun Sql.stageClear(feed: String) {
    run("DELETE FROM staged WHERE feed = ?", feed)
    run("INSERT OR IGNORE INTO staged_clear VALUES (?)", feed)
    // It comes anew, as we may have asked, or it is followed no longer.
    run("DELETE FROM repair WHERE feed = ?", feed)
}

private fun Sql.stageDelta(delta: FeedDelta) {
    if (delta.reset) stageClear(delta.feed)
    delta.each { kind, id, seq, removed, body ->
        run(
            "INSERT OR REPLACE INTO staged VALUES (?, ?, ?, ?, ?, ?)",
            delta.feed,
            kind,
            id,
            seq,
            if (removed) 1 else 0,
            body,
        )
    }
}

/** Calls [put] for every entry, in order, packed or not. */
internal inline fun FeedDelta.each(
    put: (kind: Int, id: ByteArray, seq: Long, removed: Boolean, body: ByteArray) -> Unit,
) {
    for (pack in packsList) for (e in unpack(pack.toByteArray())) put(e.kind, e.id, e.seq, e.removed, e.body)
    for (e in entriesList) put(e.kind, e.id.toByteArray(), e.sequence, e.removed, e.body.toByteArray())
}

/** Makes what is staged visible and says what that changed. */
private fun Sql.apply(order: List<String>): List<Changed> = changing(
    "SELECT kind, id FROM staged UNION SELECT kind, id FROM entry WHERE feed IN (SELECT feed FROM staged_clear)",
    order,
) {
    run("DELETE FROM entry WHERE feed IN (SELECT feed FROM staged_clear)")
    run("DELETE FROM entry WHERE (feed, kind, id) IN (SELECT feed, kind, id FROM staged WHERE removed)")
    run("INSERT OR REPLACE INTO entry SELECT feed, kind, id, seq, body FROM staged WHERE NOT removed")
    run("DELETE FROM staged")
    run("DELETE FROM staged_clear")
}

/**
 * Ends the overlay of all that the state contains now: what the server has, up to its last number of this device. What has a
 * higher number and a verdict was forgotten by a restored server; its overlay comes back, and it is to be sent again. [at] is
 * the snapshot's time.
 */
internal fun Sql.cover(last: Long, at: Long) {
    val device = meta(Meta.DEVICE)
    run("UPDATE outbox SET covered = seq <= ? WHERE device = ? AND covered <> (seq <= ?)", last, device, last)
    run("UPDATE outbox SET known = NULL WHERE device = ? AND seq > ? AND known IS NOT NULL", device, last)
    val judged = "device = ? AND seq <= ? AND known IS NULL AND outcome IS NOT NULL"
    run("UPDATE outbox SET known = ? WHERE $judged", at, device, last)
}

/** Checks what is held against the checkpoint and notes for repair what differs. */
private fun Sql.compare(feeds: List<FeedState>): List<String> {
    val differ = feeds.filter { f ->
        var sum = 0L
        var count = 0L
        query("SELECT kind, id, seq FROM entry WHERE feed = ?", f.feed) {
            sum += digest(it.int(0), it.blob(1) ?: ByteArray(0), it.long(2))
            count++
        }
        sum != f.digest || count != f.count
    }.map(FeedState::getFeed)
    for (feed in differ) run("INSERT OR IGNORE INTO repair VALUES (?)", feed)
    return differ
}

/** Makes the next pull begin from nothing. What is held shows until then. */
internal fun Sql.forgetCursor() {
    run("DELETE FROM staged")
    run("DELETE FROM repair") // all feeds come anew
    run("INSERT OR IGNORE INTO staged_clear SELECT DISTINCT feed FROM entry")
    run("DELETE FROM meta WHERE key = 'cursor'")
}
