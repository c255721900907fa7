package dev.doorstep.offline

import com.google.protobuf.ByteString
import com.google.protobuf.UnsafeByteOperations

/** What the server had said at the last checkpoint, without any effect. Of several feeds the most preferred one shows. */
internal class Held(private val sql: Sql, private val order: List<String>) : View {
    override fun get(kind: Int, id: ByteString): ByteString? {
        val best = Preferred(order)
        sql.query("SELECT feed, body FROM entry WHERE kind = ? AND id = ?", kind, id.toByteArray()) {
            best.offer(it.text(0), it.bytes(1))
        }
        return best.body
    }

    override fun list(kind: Int): List<Item> {
        val out = ArrayList<Item>()
        var id = ByteString.EMPTY
        var best = Preferred(order)
        val done = { best.body?.let { out += Item(id, it) } }
        sql.query("SELECT id, feed, body FROM entry WHERE kind = ? ORDER BY id", kind) {
            val next = it.bytes(0)
            if (next != id) {
                done()
                id = next
                best = Preferred(order)
            }
            best.offer(it.text(1), it.bytes(2))
        }
        done()
        return out
    }

    override fun pending(kind: Int, id: ByteString): Boolean = false
}

/** Keeps the body of the most preferred feed among those offered; feeds of unknown kinds come last. */
internal class Preferred(private val order: List<String>) {
    private var rank = 0
    private var feed = ""
    var body: ByteString? = null
        private set

    fun offer(feed: String, body: ByteString) {
        val place = order.indexOf(feed.substringBefore(':')).let { if (it < 0) order.size else it }
        if (this.body == null || place < rank || place == rank && feed < this.feed) {
            rank = place
            this.feed = feed
            this.body = body
        }
    }
}

/** The bytes as a message would have them; the array is nobody else's. */
internal fun ByteArray.wrap(): ByteString = UnsafeByteOperations.unsafeWrap(this)

internal fun Row.bytes(column: Int): ByteString = blob(column)?.wrap() ?: ByteString.EMPTY
