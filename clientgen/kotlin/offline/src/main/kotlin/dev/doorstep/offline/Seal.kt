package dev.doorstep.offline

import java.io.DataInputStream
import java.io.EOFException
import java.io.InputStream
import java.io.OutputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.GeneralSecurityException
import java.security.SecureRandom
import javax.crypto.Cipher
import javax.crypto.spec.IvParameterSpec
import javax.crypto.spec.SecretKeySpec
import org.bouncycastle.crypto.generators.Argon2BytesGenerator
import org.bouncycastle.crypto.params.Argon2Parameters

/*
 * The seal of a black box, the same in all languages: "doorstep box 1\n", 16 bytes of salt, then chunks. A chunk is
 * 4 bytes of length (big endian) and that many bytes of XChaCha20-Poly1305 over at most 64 KiB; its nonce is the
 * chunk's number, the last chunk has the top bit of the nonce set, so that a cut file does not open. The key is
 * argon2id (3 passes, 64 MiB, 4 lanes) of the passphrase and the salt.
 */
private val magic = "doorstep box 1\n".toByteArray()
private const val SALT = 16
private const val CHUNK = 64 shl 10
private const val TAG = 16

private fun keyOf(passphrase: String, salt: ByteArray): ByteArray {
    val parameters = Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
        .withVersion(Argon2Parameters.ARGON2_VERSION_13)
        .withIterations(3)
        .withMemoryAsKB(64 shl 10)
        .withParallelism(4)
        .withSalt(salt)
        .build()
    val key = ByteArray(32)
    Argon2BytesGenerator().apply { init(parameters) }.generateBytes(passphrase.toByteArray(), key)
    return key
}

/** Encrypts what is written to it, chunk by chunk. [close] writes the last chunk and leaves [to] open. */
internal class Sealer(private val to: OutputStream, passphrase: String, random: SecureRandom = SecureRandom()) :
    OutputStream() {
    private val chunks: Chunks
    private val pending = ByteArray(CHUNK)
    private var size = 0

    init {
        val salt = ByteArray(SALT).also(random::nextBytes)
        to.write(magic + salt)
        chunks = Chunks(keyOf(passphrase, salt))
    }

    override fun write(byte: Int) = write(byteArrayOf(byte.toByte()))

    override fun write(bytes: ByteArray, offset: Int, length: Int) {
        var from = offset
        while (from < offset + length) {
            if (size == CHUNK) chunk(last = false)
            val n = minOf(CHUNK - size, offset + length - from)
            bytes.copyInto(pending, size, from, from + n)
            size += n
            from += n
        }
    }

    override fun close() {
        chunk(last = true)
        to.flush()
    }

    private fun chunk(last: Boolean) {
        val sealed = chunks.seal(pending.copyOf(size), last)
        to.write(ByteBuffer.allocate(4).putInt(sealed.size).array())
        to.write(sealed)
        size = 0
    }
}

/**
 * Decrypts what a [Sealer] wrote, of any language. Bytes that were changed, cut or sealed with another passphrase give
 * box_unreadable, and none of them comes through.
 */
internal class Opener(from: InputStream, passphrase: String) : InputStream() {
    private val from = DataInputStream(from)
    private val chunks: Chunks
    private var open = ByteArray(0)
    private var at = 0
    private var done = false

    init {
        val head = unreadable { ByteArray(magic.size + SALT).also(this.from::readFully) }
        if (!head.copyOf(magic.size).contentEquals(magic)) throw Fault(Fault.BOX_UNREADABLE)
        chunks = Chunks(keyOf(passphrase, head.copyOfRange(magic.size, head.size)))
    }

    override fun read(): Int {
        val one = ByteArray(1)
        return if (read(one, 0, 1) < 0) -1 else one[0].toInt() and 0xff
    }

    override fun read(bytes: ByteArray, offset: Int, length: Int): Int {
        while (at == open.size) {
            if (done) return -1
            chunk()
        }
        val n = minOf(length, open.size - at)
        open.copyInto(bytes, offset, at, at + n)
        at += n
        return n
    }

    private fun chunk() = unreadable {
        val size = from.readInt()
        if (size !in TAG..CHUNK + TAG) throw Fault(Fault.BOX_UNREADABLE, "chunk of $size bytes")
        val sealed = ByteArray(size).also(from::readFully)
        open = try {
            chunks.open(sealed, last = false)
        } catch (_: GeneralSecurityException) {
            chunks.open(sealed, last = true).also { done = true }
        }
        chunks.next()
        at = 0
    }

    private fun <T> unreadable(fn: () -> T): T = try {
        fn()
    } catch (e: EOFException) {
        throw Fault(Fault.BOX_UNREADABLE, "cut", e)
    } catch (e: GeneralSecurityException) {
        throw Fault(Fault.BOX_UNREADABLE, cause = e)
    }
}

/** Seals and opens chunks under consecutive numbers. */
private class Chunks(private val key: ByteArray) {
    private var number = 0L

    fun seal(bytes: ByteArray, last: Boolean): ByteArray = cipher(Cipher.ENCRYPT_MODE, last).doFinal(bytes).also {
        next()
    }

    fun open(bytes: ByteArray, last: Boolean): ByteArray = cipher(Cipher.DECRYPT_MODE, last).doFinal(bytes)

    fun next() {
        number++
    }

    /** XChaCha20-Poly1305: the first 16 bytes of the nonce make a key of their own, the last 8 are the nonce under it. */
    private fun cipher(mode: Int, last: Boolean): Cipher {
        val long = ByteArray(16).also { if (last) it[0] = 0x80.toByte() }
        val short = ByteBuffer.allocate(12).putInt(0).putLong(number).array()
        return Cipher.getInstance("ChaCha20-Poly1305").apply {
            init(mode, SecretKeySpec(hChaCha20(key, long), "ChaCha20"), IvParameterSpec(short))
            updateAAD(magic)
        }
    }
}

/** The function of draft-irtf-cfrg-xchacha that makes a key of a key and 16 bytes of nonce. */
internal fun hChaCha20(key: ByteArray, nonce: ByteArray): ByteArray {
    val state = IntArray(16)
    "expand 32-byte k".toByteArray().let { words(it).copyInto(state) }
    words(key).copyInto(state, 4)
    words(nonce).copyInto(state, 12)
    repeat(10) {
        for (i in 0..3) state.quarter(i, 4 + i, 8 + i, 12 + i)
        for (i in 0..3) state.quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    }
    val out = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN)
    for (i in (0..3) + (12..15)) out.putInt(state[i])
    return out.array()
}

private fun words(bytes: ByteArray): IntArray {
    val from = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
    return IntArray(bytes.size / 4) { from.getInt() }
}

private fun IntArray.quarter(a: Int, b: Int, c: Int, d: Int) {
    this[a] += this[b]
    this[d] = (this[d] xor this[a]).rotateLeft(16)
    this[c] += this[d]
    this[b] = (this[b] xor this[c]).rotateLeft(12)
    this[a] += this[b]
    this[d] = (this[d] xor this[a]).rotateLeft(8)
    this[c] += this[d]
    this[b] = (this[b] xor this[c]).rotateLeft(7)
}
