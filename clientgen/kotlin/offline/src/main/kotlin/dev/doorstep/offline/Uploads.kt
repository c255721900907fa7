package dev.doorstep.offline

import com.google.protobuf.ByteString
import java.nio.channels.FileChannel

/** How an application's server takes files. */
interface Uploads {
    /**
     * The requests for the bytes that the object store lacks, none when all are there. Calling it again resumes. [bytes]
     * are the [size] bytes of the file, for a server that wants to sign their hashes.
     */
    suspend fun start(file: ByteString, bytes: FileChannel, size: Long): List<Part>

    /** Has the server verify the bytes. It may be repeated. */
    suspend fun finish(file: ByteString): Finished
}

/** One request to the object store that only these bytes satisfy. */
class Part(
    val method: String,
    val url: String,
    val headers: List<Pair<String, String>>,
    val offset: Long,
    val length: Long,
)

/** The server's lasting answer about a file. */
class Finished(
    /** It is kept with the file: the receipt. */
    val answer: ByteString,
    /** A code when the bytes are not acceptable; empty when they were verified. */
    val refusal: String,
)
