package dev.doorstep.offline

import com.google.protobuf.ByteString
import com.google.protobuf.InvalidProtocolBufferException
import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.file.Files
import java.nio.file.attribute.PosixFilePermissions
import java.security.SecureRandom
import java.time.DateTimeException
import java.time.Instant
import java.time.temporal.ChronoUnit
import java.util.UUID
import java.util.concurrent.atomic.AtomicLong

/** The 16 bytes of an id. */
fun UUID.toBytes(): ByteString =
    ByteBuffer.allocate(16).putLong(mostSignificantBits).putLong(leastSignificantBits).array().wrap()

/** The id of 16 bytes; null when they are not 16. */
fun ByteString.toUuid(): UUID? {
    if (size() != 16) return null
    val b = asReadOnlyByteBuffer()
    return UUID(b.getLong(), b.getLong())
}

internal fun Row.uuid(column: Int): UUID = bytes(column).toUuid() ?: UUID(0, 0)

private val random = SecureRandom()

private val lastId = AtomicLong()

/** A new id that sorts by time; those of one millisecond sort as they were made (RFC 9562, 6.2, method 1). */
internal fun uuid7(at: Instant): UUID {
    // Behind the time, 12 bits that count on from a random start in their lower half.
    val fresh = at.toEpochMilli() shl 12 or (random.nextLong() and 0x7ff)
    val next = lastId.updateAndGet { if (it ushr 12 == fresh ushr 12) it + 1 else fresh }
    return UUID(next ushr 12 shl 16 or 0x7000 or (next and 0xfff), Long.MIN_VALUE or (random.nextLong() ushr 2))
}

internal fun Instant.toMicros(): Long = ChronoUnit.MICROS.between(Instant.EPOCH, this)

internal fun Long.microsToInstant(): Instant = Instant.EPOCH.plus(this, ChronoUnit.MICROS)

/** Nobody but the owner reads or writes it, where the system knows owners. */
internal fun File.ownerOnly() {
    try {
        Files.setPosixFilePermissions(
            toPath(),
            PosixFilePermissions.fromString(if (isDirectory) "rwx------" else "rw-------"),
        )
    } catch (_: UnsupportedOperationException) {
        // The folders of an account are its own there.
    }
}

/**
 * What the database gives and cannot be what was saved is store_damaged; with [skip], null. The database notices damage to its
 * structure by itself.
 */
internal inline fun <T> readable(skip: Boolean = false, fn: () -> T): T? = try {
    fn()
} catch (e: InvalidProtocolBufferException) {
    if (skip) null else throw Fault(Fault.STORE_DAMAGED, cause = e)
} catch (e: ArithmeticException) { // a time that is none
    if (skip) null else throw Fault(Fault.STORE_DAMAGED, cause = e)
} catch (e: DateTimeException) {
    if (skip) null else throw Fault(Fault.STORE_DAMAGED, cause = e)
} catch (e: Fault) {
    if (skip && e.code == Fault.STORE_DAMAGED) null else throw e
}

/** What the disk does not do is store_unusable. */
internal inline fun <T> unusable(fn: () -> T): T = try {
    fn()
} catch (e: IOException) {
    throw Fault(Fault.STORE_UNUSABLE, cause = e)
}
