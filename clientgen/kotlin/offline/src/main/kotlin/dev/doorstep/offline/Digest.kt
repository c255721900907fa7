package dev.doorstep.offline

private const val OFFSET = -0x340d631b7bdddcdbL // 14695981039346656037
private const val PRIME = 1099511628211L
private const val FIRST = -0x40a7b892e31b1a47L // 0xbf58476d1ce4e5b9
private const val SECOND = -0x6b2fb644ecceee15L // 0x94d049bb133111eb

/** The digest of one live entry (docs/PROTOCOL.md, section 6). That of a feed is the sum, modulo 2^64. */
internal fun digest(kind: Int, id: ByteArray, seq: Long): Long {
    var h = OFFSET
    for (shift in 24 downTo 0 step 8) h = (h xor (kind ushr shift and 0xff).toLong()) * PRIME
    for (b in id) h = (h xor (b.toLong() and 0xff)) * PRIME
    for (shift in 56 downTo 0 step 8) h = (h xor (seq ushr shift and 0xff)) * PRIME
    h = h xor (h ushr 30)
    h *= FIRST
    h = h xor (h ushr 27)
    h *= SECOND
    return h xor (h ushr 31)
}
