package dev.doorstep.offline

/** One entry of a feed, as a page brings it. */
internal class Entry(val kind: Int, val id: ByteArray, val seq: Long, val removed: Boolean) {
    var body: ByteArray = none

    private companion object {
        val none = ByteArray(0)
    }
}

/** What one pack may stand for: bodies, and 32 bytes an entry. */
private const val MAX_BYTES = 16 shl 20

/** Bounds the columns once decompressed; they are never more than a little larger than the bodies. */
private const val MAX_PLAIN = 2 * MAX_BYTES
private const val MAX_DEPTH = 8
private const val MAX_COLUMNS = 256

/** Gets the entries out of a pack (docs/PROTOCOL.md, section 10). Foreign bytes are a [Fault], never anything else. */
internal fun unpack(pack: ByteArray): List<Entry> {
    if (pack.size < 2 || pack[0].toInt() != 1) malformed("version")
    val head = Bytes(pack, 1, pack.size)
    val size = head.size()
    if (size > head.left) malformed("length")
    val plain = unzstd(pack, head.at, size, MAX_PLAIN)
    val columns = Columns(Bytes(plain, 0, plain.size), Bytes(pack, head.at + size, pack.size))
    return columns.entries()
}

internal fun malformed(what: String): Nothing = throw Fault(Fault.INTERNAL, "pack: $what")

/** Bytes with a place in them. */
private class Bytes(val data: ByteArray, var at: Int, private val end: Int) {
    val left: Int get() = end - at

    fun byte(): Int = if (at < end) data[at++].toInt() and 0xff else malformed("length")

    fun varint(): Long {
        var v = 0L
        for (shift in 0..63 step 7) {
            val b = byte()
            if (shift == 63 && b > 1) malformed("number")
            v = v or ((b and 0x7f).toLong() shl shift)
            if (b < 0x80) return v
        }
        malformed("number")
    }

    /** A number of things that are here, or a length. */
    fun size(): Int = varint().let { if (it in 0..MAX_PLAIN) it.toInt() else malformed("length") }

    /** Passes n bytes and says where they begin. */
    fun skip(n: Int): Int {
        if (n > left) malformed("length")
        return at.also { at += n }
    }
}

/** Where bodies are put together. */
private class Out(private val limit: Int) {
    private var data = ByteArray(1 shl 12)
    private var begin = 0
    private var end = 0
    private var total = 0L

    private fun room(n: Int) {
        if (total + (end - begin) + n > limit) malformed("too large")
        if (end + n > data.size) data = data.copyOf(maxOf(2 * data.size, end + n))
    }

    val mark: Int get() = end

    fun put(from: ByteArray, at: Int, n: Int) {
        room(n)
        from.copyInto(data, end, at, at + n)
        end += n
    }

    fun varint(value: Long) {
        room(10)
        end = write(end, value)
    }

    private fun write(from: Int, value: Long): Int {
        var v = value
        var i = from
        while (v and 0x7f.inv() != 0L) {
            data[i++] = (v and 0x7f or 0x80).toByte()
            v = v ushr 7
        }
        data[i++] = v.toByte()
        return i
    }

    /** Puts the length of what came since the mark in front of it. */
    fun lengthAt(mark: Int) {
        val n = end - mark
        val head = varintSize(n.toLong())
        room(head)
        data.copyInto(data, mark + head, mark, end)
        write(mark, n.toLong())
        end += head
    }

    /** Takes what was put together since the last time. */
    fun take(): ByteArray {
        val body = data.copyOf(end)
        total += end
        end = 0
        return body
    }
}

private fun varintSize(v: Long): Int = (64 - (v or 1).countLeadingZeroBits() + 6) / 7

private fun unzigzag(v: Long): Long = (v ushr 1) xor -(v and 1)

/** A column of byte strings: equal lengths lie side by side, others have their ends. */
private class Strings(
    private val data: ByteArray,
    private val base: Int,
    private val size: Int,
    private val ends: IntArray?,
) {
    var index: IntArray? = null

    private fun place(i: Int): Int = index?.get(i) ?: i

    val bytes: ByteArray get() = data

    fun begin(i: Int): Int = place(i).let { n ->
        base + if (ends == null) {
            n * size
        } else if (n == 0) {
            0
        } else {
            ends[n - 1]
        }
    }

    fun end(i: Int): Int = place(i).let { n -> base + if (ends == null) (n + 1) * size else ends[n] }

    fun copy(i: Int): ByteArray = data.copyOfRange(begin(i), end(i))
}

/** A place of length-delimited values, ready to be put together one after the other. */
private class Field(private val leaf: Strings?, private val shapes: Strings?, private val columns: List<Column>) {
    private var next = 0

    /** Puts the next value at the end. */
    fun put(out: Out) {
        val i = next++
        if (leaf != null) return out.put(leaf.bytes, leaf.begin(i), leaf.end(i) - leaf.begin(i))
        val shape = checkNotNull(shapes).let { Bytes(it.bytes, it.begin(i), it.end(i)) }
        var near = 0
        while (shape.left > 0) {
            val from = shape.at
            val tag = shape.varint()
            out.put(shape.data, from, shape.at - from)
            near = columns.place(tag, near)
            columns[near++].put(out)
        }
    }

    /** Puts the next value with its length in front. */
    fun sized(out: Out) {
        if (leaf != null) {
            out.varint((leaf.end(next) - leaf.begin(next)).toLong())
            return put(out)
        }
        val mark = out.mark
        put(out)
        out.lengthAt(mark)
    }
}

/** What the messages of a place hold under one tag. */
private class Column(val tag: Long) {
    var count = 0
    private var next = 0
    private var ints: LongArray? = null
    private var fixed: Strings? = null
    private var field: Field? = null

    fun read(columns: Columns, depth: Int) {
        when ((tag and 7).toInt()) {
            0 -> ints = columns.ints(count)
            2 -> field = columns.field(count, depth + 1)
            1 -> fixed = columns.fixed(count, 8)
            5 -> fixed = columns.fixed(count, 4)
            else -> malformed("wire type")
        }
    }

    fun put(out: Out) {
        val k = next++
        ints?.let { return out.varint(it[k]) }
        fixed?.let { return out.put(it.bytes, it.begin(k), it.end(k) - it.begin(k)) }
        field?.sized(out)
    }
}

/** Where the column of a tag is, looked for from a place on; -1 when there is none. */
private fun List<Column>.place(tag: Long, near: Int): Int {
    for (i in near until size) if (this[i].tag == tag) return i
    for (i in 0 until minOf(near, size)) if (this[i].tag == tag) return i
    return -1
}

/** Takes columns off a pack. */
private class Columns(private val plain: Bytes, private val noise: Bytes) {
    /** Counts what columns hold, so that a few bytes cannot claim billions. */
    private var values = 0L
    private val last = HashMap<Int, LongArray>()

    private fun count(n: Int) {
        values += n
        if (values > MAX_BYTES) malformed("too many values")
    }

    fun entries(): List<Entry> {
        val n = plain.size()
        if (n.toLong() * 32 > MAX_BYTES) malformed("too large")
        val kinds = ints(n)
        val seqs = ints(n)
        val ids = strings(n)
        val out = List(n) { i ->
            if (ids.end(i) - ids.begin(i) != 16 || kinds[i] ushr 32 != 0L ||
                seqs[i] !in 0..(1L shl 62)
            ) {
                malformed("entry")
            }
            Entry((kinds[i] ushr 1).toInt(), ids.copy(i), seqs[i], kinds[i] and 1 == 1L)
        }
        val bodies = Out(MAX_BYTES - 32 * n)
        for ((_, live) in out.filterNot(Entry::removed).groupBy(Entry::kind)) {
            val field = field(live.size, 0)
            for (entry in live) {
                field.put(bodies)
                entry.body = bodies.take()
            }
        }
        if (plain.left + noise.left > 0) malformed("length")
        return out
    }

    fun ints(n: Int): LongArray {
        val mode = plain.byte()
        val beside = last[n]
        if (mode > 2 || mode == 2 && beside == null || n > plain.left) malformed("column")
        count(n)
        val out = LongArray(n)
        var before = 0L
        for (i in 0 until n) {
            val v = plain.varint()
            before = when (mode) {
                0 -> v
                1 -> before + unzigzag(v)
                else -> checkNotNull(beside)[i] + unzigzag(v)
            }
            out[i] = before
        }
        last[n] = out
        return out
    }

    fun strings(n: Int): Strings {
        val mode = plain.byte()
        count(n)
        return when (mode) {
            0 -> different(n)
            1 -> planes(n)
            2 -> named(n)
            else -> malformed("column")
        }
    }

    private fun named(n: Int): Strings {
        val names = plain.size()
        if (names > n || n > plain.left) malformed("names")
        val out = different(names)
        out.index = IntArray(n) { plain.varint().let { if (it in 0 until names) it.toInt() else malformed("name") } }
        return out
    }

    private fun different(n: Int): Strings {
        if (n > plain.left) malformed("column")
        var end = 0
        val ends = IntArray(n) {
            val length = plain.size()
            if (length > MAX_PLAIN - end) malformed("length")
            end += length
            end
        }
        return Strings(plain.data, plain.skip(end), 0, ends)
    }

    private fun planes(n: Int): Strings {
        val size = plain.size()
        if (size !in 1..64) malformed("length")
        val noisy = plain.skip((size + 7) / 8)
        if (n.toLong() * size > plain.left + noise.left) malformed("length")
        val data = ByteArray(n * size)
        for (p in 0 until size) {
            val from = if (plain.data[noisy + p / 8].toInt() shr p % 8 and 1 == 1) noise else plain
            val at = from.skip(n)
            for (i in 0 until n) data[i * size + p] = from.data[at + i]
        }
        return Strings(data, 0, size, null)
    }

    fun fixed(n: Int, size: Int): Strings = strings(n).also { s ->
        for (i in 0 until n) if (s.end(i) - s.begin(i) != size) malformed("fixed")
    }

    fun field(n: Int, depth: Int): Field = when (plain.byte()) {
        0 -> Field(strings(n), null, emptyList())
        1 -> if (depth < MAX_DEPTH) messages(n, depth) else malformed("depth")
        else -> malformed("field")
    }

    private fun messages(n: Int, depth: Int): Field {
        val shapes = strings(n)
        val columns = ArrayList<Column>()
        for (i in 0 until n) {
            val shape = Bytes(shapes.bytes, shapes.begin(i), shapes.end(i))
            var near = 0
            while (shape.left > 0) {
                val tag = shape.varint()
                if (tag !in 8 until (1L shl 32)) malformed("shape")
                count(1)
                near = columns.place(tag, near)
                if (near < 0) {
                    if (columns.size == MAX_COLUMNS) malformed("columns")
                    near = columns.size
                    columns += Column(tag)
                }
                columns[near++].count++
            }
        }
        columns.forEach { it.read(this, depth) }
        return Field(null, shapes, columns)
    }
}
