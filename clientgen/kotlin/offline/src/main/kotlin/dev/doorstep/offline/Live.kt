package dev.doorstep.offline

import com.google.protobuf.ByteString
import java.util.concurrent.CopyOnWriteArraySet
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flow

/**
 * A result that follows what the device shows: the first as of now, then one whenever it is another. It is worked out
 * anew only when a kind of entity that it read has changed, and of several changes while the reader was busy the last
 * counts. [query] may not keep the view.
 */
fun <T> Store.live(query: (View) -> T): Flow<T> = flow {
    val hearer = Hearer()
    signals.add(hearer)
    try {
        var last: Result<T>? = null
        while (true) {
            val changed = hearer.take()
            last = reading { sql ->
                val view = shown(sql)
                val before = last
                if (before != null && !before.mayDiffer(changed, view.kinds())) {
                    before.with(view.kinds())
                } else {
                    Noting(view).let { Result(query(it), it.read, view.kinds()) }
                }
            }
            emit(last.value)
            hearer.wait()
        }
    } finally {
        signals.remove(hearer)
    }
}.distinctUntilChanged()

/** What a query gave, the kinds that it read, and those on which effects showed. */
private class Result<T>(val value: T, private val read: Set<Int>, private val overlaid: Set<Int>) {
    /** Tells whether the query may give something else now. */
    fun mayDiffer(changed: Set<Int>?, overlaidNow: Set<Int>): Boolean =
        changed == null || read.any { it in changed || it in overlaid || it in overlaidNow }

    fun with(overlaidNow: Set<Int>) = Result(value, read, overlaidNow)
}

/** Notes the kinds that a query reads. */
private class Noting(private val view: View) : View {
    val read = HashSet<Int>()

    override fun get(kind: Int, id: ByteString): ByteString? {
        read += kind
        return view.get(kind, id)
    }

    override fun list(kind: Int): List<Item> {
        read += kind
        return view.list(kind)
    }

    override fun pending(kind: Int, id: ByteString): Boolean {
        read += kind
        return view.pending(kind, id)
    }
}

/** Tells those who follow what shows that it changed. */
internal class Signals {
    private val hearers = CopyOnWriteArraySet<Hearer>()

    fun add(hearer: Hearer) = hearers.add(hearer)

    fun remove(hearer: Hearer) = hearers.remove(hearer)

    /** Entities of these kinds changed, and effects on any kind may have. */
    fun tell(kinds: Set<Int>) = hearers.forEach { it.tell(kinds) }

    /** Everything may have changed. */
    fun tellAll() = hearers.forEach { it.tell(null) }
}

/** Gathers what changed until its owner takes it. */
internal class Hearer {
    private val news = Channel<Unit>(Channel.CONFLATED)
    private var kinds: MutableSet<Int>? = HashSet()

    fun tell(changed: Set<Int>?) {
        synchronized(this) { if (changed == null) kinds = null else kinds?.addAll(changed) }
        news.trySend(Unit)
    }

    /** The kinds that changed since the last time; null when all may have. */
    fun take(): Set<Int>? = synchronized(this) { kinds.also { kinds = HashSet() } }

    suspend fun wait() = news.receive()
}
