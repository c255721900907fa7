package dev.doorstep.offline

import java.io.DataInputStream
import java.io.EOFException
import java.io.InputStream
import java.io.OutputStream

private const val BLOCK = 512

/** Writes an archive as tar (POSIX ustar) does, of plain files with short names. */
internal class TarWriter(private val to: OutputStream) {
    /** Adds a file; exactly [size] bytes are taken from [bytes]. [at] is in seconds since 1970. */
    fun add(name: String, size: Long, at: Long, bytes: InputStream) {
        val head = ByteArray(BLOCK)
        fun put(offset: Int, text: String) = text.toByteArray().copyInto(head, offset)
        fun number(offset: Int, digits: Int, value: Long) = put(offset, value.toString(8).padStart(digits, '0'))
        put(0, name)
        number(100, 7, 384) // the owner may read and write
        number(108, 7, 0)
        number(116, 7, 0)
        number(124, 11, size)
        number(136, 11, at)
        put(148, " ".repeat(8))
        put(156, "0")
        put(257, "ustar\u000000")
        number(148, 6, head.sumOf { it.toLong() and 0xff })
        head[154] = 0
        to.write(head)
        val copied = bytes.copyTo(to)
        if (copied != size) throw Fault(Fault.STORE_UNUSABLE, "$name has $copied bytes and not $size")
        to.write(ByteArray(padding(size)))
    }

    /** Writes the end of the archive. */
    fun end() = to.write(ByteArray(2 * BLOCK))
}

/** Reads such an archive, file by file. What is no archive gives box_unreadable. */
internal class TarReader(from: InputStream) {
    private val from = DataInputStream(from)
    private var left = 0L
    private var padding = 0

    /** The next file's name; null at the end. Its bytes stand in [bytes]. */
    fun next(): String? {
        val head = ByteArray(BLOCK)
        try {
            from.skipNBytes(left + padding)
            from.readFully(head)
        } catch (e: EOFException) {
            throw Fault(Fault.BOX_UNREADABLE, "the archive is cut", e)
        }
        left = 0
        padding = 0
        if (head.all { it == 0.toByte() }) return null
        val sum = head.indices.sumOf { if (it in 148..155) 32L else head[it].toLong() and 0xff }
        if (number(head, 148, 8) != sum || head[156] !in plain) throw Fault(Fault.BOX_UNREADABLE, "no archive")
        left = number(head, 124, 12)
        padding = padding(left)
        return text(head, 0, 100)
    }

    /** The bytes of the file that [next] named, valid until the next one. */
    val bytes: InputStream = object : InputStream() {
        override fun read(): Int = if (left == 0L) -1 else from.read().also { if (it >= 0) left-- else cut() }

        override fun read(to: ByteArray, offset: Int, length: Int): Int {
            if (left == 0L) return -1
            val n = from.read(to, offset, minOf(length.toLong(), left).toInt())
            if (n < 0) cut()
            left -= n
            return n
        }
    }

    private fun cut(): Nothing = throw Fault(Fault.BOX_UNREADABLE, "the archive is cut")

    private fun text(head: ByteArray, offset: Int, length: Int): String =
        head.copyOfRange(offset, offset + length).takeWhile { it != 0.toByte() }.toByteArray().decodeToString()

    private fun number(head: ByteArray, offset: Int, length: Int): Long =
        text(head, offset, length).trim().toLongOrNull(8) ?: throw Fault(Fault.BOX_UNREADABLE, "no archive")

    private companion object {
        val plain = setOf('0'.code.toByte(), 0.toByte())
    }
}

private fun padding(size: Long): Int = ((BLOCK - size % BLOCK) % BLOCK).toInt()
