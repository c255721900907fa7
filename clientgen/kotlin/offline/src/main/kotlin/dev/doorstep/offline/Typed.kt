package dev.doorstep.offline

import com.google.protobuf.ByteString
import com.google.protobuf.GeneratedMessageLite
import com.google.protobuf.InvalidProtocolBufferException
import com.google.protobuf.MessageLite
import com.google.protobuf.Parser
import com.google.protobuf.Timestamp
import java.time.Instant

/** Reads the entities of one kind as their messages. Generated clients have one for each kind. */
open class Table<T : GeneratedMessageLite<T, B>, B : GeneratedMessageLite.Builder<T, B>>(
    /** The number of the kind in feeds. */
    val kind: Int,
    private val none: T,
) {
    /** Reads one entity; null when the device does not hold it or cannot read it. */
    fun get(view: View, id: ByteString): T? = view.get(kind, id)?.let(::decode)

    /** Reads all entities of the kind, by id; what cannot be read is left out. */
    fun all(view: View): List<T> = view.list(kind).mapNotNull { decode(it.body) }

    /** Reads the entities for which the test holds, by id. */
    fun where(view: View, test: (T) -> Boolean): List<T> = all(view).filter(test)

    /** Tells whether something that is not yet in the server's state shows on the entity. */
    fun pending(view: View, id: ByteString): Boolean = view.pending(kind, id)

    /**
     * The same without what is personal or secret, which nothing may print: what goes to a log goes through here
     * first. A message's own toString prints all of it.
     */
    open fun redacted(message: T): T = message

    /**
     * Changes an entity in place; nothing happens when the device does not hold it. Without a change it shows as
     * pending.
     */
    fun edit(draft: Draft, id: ByteString, change: (B) -> Unit = {}) {
        if (draft.has(kind, id)) {
            draft.get<B>(kind, id)?.let(change)
            return
        }
        val held = get(draft.view, id) ?: return
        change(draft.put(kind, id, held.toBuilder()))
    }

    /** Makes an entity; nothing happens when there is one of that id. */
    fun create(draft: Draft, id: ByteString, fill: (B) -> Unit) {
        if (draft.has(kind, id) || get(draft.view, id) != null) return
        fill(draft.put(kind, id, none.toBuilder()))
    }

    /** Makes an entity go. */
    fun delete(draft: Draft, id: ByteString) {
        if (get(draft.view, id) != null) draft.drop(kind, id)
    }

    @Suppress("UNCHECKED_CAST") // a message's parser makes its messages
    private fun decode(body: ByteString): T? = decode(none.parserForType as Parser<T>, body)
}

/** Collects what an effect changes. What [view] gives stays as it was before the effect. */
class Draft(val view: View) {
    /** In the order in which they were begun; null for what goes. */
    private val next = LinkedHashMap<Pair<Int, ByteString>, MessageLite.Builder?>()

    internal fun has(kind: Int, id: ByteString): Boolean = (kind to id) in next

    @Suppress("UNCHECKED_CAST") // all entities of a kind are of one message
    internal fun <B : MessageLite.Builder> get(kind: Int, id: ByteString): B? = next[kind to id] as B?

    internal fun <B : MessageLite.Builder> put(kind: Int, id: ByteString, builder: B): B {
        next[kind to id] = builder
        return builder
    }

    internal fun drop(kind: Int, id: ByteString) {
        next[kind to id] = null
    }

    internal fun changes(): List<Change> = next.map { (entity, builder) ->
        Change(entity.first, entity.second, builder?.build()?.toByteString())
    }
}

/** Writes mutations to disk: the store. */
interface Outbox {
    /**
     * Writes a mutation with the files that belong to it, and returns when it is safe on disk. It works without a
     * network and with an expired login, but not before the device was enrolled.
     */
    suspend fun act(kind: String, args: ByteString, files: List<Kept> = emptyList()): Mutation
}

/** One kind of mutation with its arguments. Generated clients have one for each kind. */
class Mutator<T : MessageLite>(
    /** Its name on the wire, for example visit.accept. */
    val kind: String,
    private val parser: Parser<T>,
    private val rules: (String, T) -> Unit = { _, _ -> },
    private val may: (View, T) -> Boolean = { _, _ -> true },
) {
    /** Tells whether an application should offer it now. The server has the last word. */
    fun offered(view: View, args: T): Boolean = may(view, args)

    /**
     * Does it, with the files that belong to it: returns when it is safe on disk. Arguments that the server would park in any
     * state of things are refused, and nothing is saved.
     *
     * @throws Misfit names the field
     */
    suspend fun act(outbox: Outbox, args: T, vararg files: Kept): Mutation {
        check(args)
        return outbox.act(kind, args.toByteString(), files.asList())
    }

    /** Refuses what [act] refuses. */
    fun check(args: T) = rules("", args)

    /**
     * Makes the effect of the kind out of a function on its arguments, the device's clock when it was done, and a
     * draft. Where the mutation is not offered it shows nothing, nor where its arguments cannot be read.
     */
    fun effectBy(change: (View, T, Instant, Draft) -> Unit): Effect = { view, done ->
        val draft = Draft(view)
        val args = decode(parser, done.args)
        if (args != null && offered(view, args)) change(view, args, done.at, draft)
        draft.changes()
    }
}

/** The time as messages carry it. */
fun Instant.toTimestamp(): Timestamp = Timestamp.newBuilder().setSeconds(epochSecond).setNanos(nano).build()

/** The time that a message carries. */
fun Timestamp.toInstant(): Instant = Instant.ofEpochSecond(seconds, nanos.toLong())

private fun <T : MessageLite> decode(parser: Parser<T>, body: ByteString): T? = try {
    parser.parseFrom(body)
} catch (_: InvalidProtocolBufferException) {
    null
}
