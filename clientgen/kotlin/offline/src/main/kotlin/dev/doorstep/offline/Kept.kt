package dev.doorstep.offline

import com.google.protobuf.ByteString

/** A file whose bytes are safe in the store and which waits for the mutation that it belongs to. */
data class Kept(
    /** A UUIDv7 in 16 bytes. */
    val id: ByteString,
    /** SHA-256 of the bytes. */
    val sha256: ByteString,
    /** In bytes. */
    val size: Long,
    /** The media type, for example image/jpeg. */
    val media: String,
)
