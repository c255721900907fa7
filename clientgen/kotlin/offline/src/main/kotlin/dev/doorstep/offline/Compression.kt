package dev.doorstep.offline

import com.github.luben.zstd.ZstdInputStream
import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.InputStream
import java.util.zip.GZIPInputStream
import java.util.zip.GZIPOutputStream

/** Takes a zstd frame apart, to at most [limit] bytes. */
internal fun unzstd(data: ByteArray, at: Int, size: Int, limit: Int): ByteArray = try {
    readAll(ZstdInputStream(ByteArrayInputStream(data, at, size)), limit)
} catch (e: IOException) {
    throw Fault(Fault.INTERNAL, "zstd", e)
}

/** Takes off the compression that a server names. */
internal fun decompressed(body: InputStream, encoding: String?): InputStream = when (encoding) {
    null, "", "identity" -> body
    "gzip" -> GZIPInputStream(body)
    "zstd" -> ZstdInputStream(body)
    else -> throw IOException("compressed by $encoding")
}

internal fun gzip(data: ByteArray): ByteArray {
    val out = ByteArrayOutputStream(data.size / 2)
    GZIPOutputStream(out).use { it.write(data) }
    return out.toByteArray()
}

/** Reads to the end; more than [limit] bytes are an error. */
internal fun readAll(from: InputStream, limit: Int): ByteArray = from.use {
    val out = ByteArrayOutputStream()
    val buffer = ByteArray(16 shl 10)
    var n = it.read(buffer)
    while (n >= 0) {
        if (out.size() + n > limit) throw IOException("more than $limit bytes")
        out.write(buffer, 0, n)
        n = it.read(buffer)
    }
    out.toByteArray()
}
