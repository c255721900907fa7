package dev.doorstep.offline

import com.google.protobuf.ByteString
import java.time.Instant
import java.util.UUID

/** An entity with its body, byte for byte as the server sent it or as an effect made it. [id] has 16 bytes. */
class Item(val id: ByteString, val body: ByteString) {
    /** Names the entity and not what it holds, which may be personal. */
    override fun toString(): String = "${hex(id)} (${body.size()} bytes)"
}

/** What an effect does to one entity: a new [body], or its removal when that is null. */
class Change(val kind: Int, val id: ByteString, val body: ByteString?) {
    override fun toString(): String = "$kind ${hex(id)} (${body?.let { "${it.size()} bytes" } ?: "removed"})"
}

/** One thing that a person did on this device. */
data class Mutation(
    /** A UUIDv7, which never changes. */
    val id: UUID,
    /** Counts the device's mutations from 1. It changes when the device enrols anew. */
    val seq: Long,
    val kind: String,
    /** The arguments, at most 512 KiB. */
    val args: ByteString,
    /** When it was done, by the device's clock, in microseconds. */
    val at: Instant,
) {
    /** Leaves the arguments out, which may be personal. */
    override fun toString(): String = "$kind $seq $id at $at (${args.size()} bytes)"
}

/**
 * One consistent state: what the server had said at the last checkpoint, with the effects on top of everything that
 * was done on this device and that this state does not contain yet.
 */
interface View {
    /** The body of an entity; null when the device does not hold it. */
    fun get(kind: Int, id: ByteString): ByteString?

    /** All entities of a kind, by id. */
    fun list(kind: Int): List<Item>

    /** Tells whether an effect that the server's state does not contain yet shows on the entity. */
    fun pending(kind: Int, id: ByteString): Boolean
}

/**
 * Tells what a mutation will most likely change, so that it shows before the server has answered. It is pure: the same
 * view and mutation give the same changes. What it cannot understand changes nothing.
 */
typealias Effect = (View, Mutation) -> List<Change>

/** A view with the changes of effects on top of another one. It is for one thread at a time. */
class Overlay(private val base: View) : View {
    private val changes = HashMap<Pair<Int, ByteString>, Change>()

    /** Puts changes on top, over earlier ones of the same entities. */
    fun apply(changed: List<Change>) = changed.forEach { changes[it.kind to it.id] = it }

    /** The kinds of the entities on which changes are. */
    internal fun kinds(): Set<Int> = changes.keys.mapTo(HashSet()) { it.first }

    override fun get(kind: Int, id: ByteString): ByteString? {
        val change = changes[kind to id] ?: return base.get(kind, id)
        return change.body
    }

    override fun list(kind: Int): List<Item> {
        val mine = changes.values.filter { it.kind == kind }
        if (mine.isEmpty()) return base.list(kind)
        val kept = base.list(kind).filter { (kind to it.id) !in changes }
        val shown = mine.mapNotNull { change -> change.body?.let { Item(change.id, it) } }
        return (kept + shown).sortedWith(compareBy(ids) { it.id })
    }

    override fun pending(kind: Int, id: ByteString): Boolean = (kind to id) in changes || base.pending(kind, id)
}

/** A view of some entities alone, on no store: to try effects on. */
class Entities(private vararg val held: Pair<Int, Item>) : View {
    override fun get(kind: Int, id: ByteString): ByteString? =
        held.firstOrNull { it.first == kind && it.second.id == id }?.second?.body

    override fun list(kind: Int): List<Item> =
        held.filter { it.first == kind }.map { it.second }.sortedWith(compareBy(ids) { it.id })

    override fun pending(kind: Int, id: ByteString): Boolean = false
}

/** Orders ids as bytes without a sign. */
internal val ids: Comparator<ByteString> = ByteString.unsignedLexicographicalComparator()

internal fun hex(bytes: ByteString): String = bytes.joinToString("") { "%02x".format(it) }
