package dev.doorstep.offline

// What a picture is, by its first bytes. The vectors are sync/conformance/vectors/picture.json.

/** How many of the first bytes [sniff] looks at. */
internal const val HEAD_SIZE: Int = 512

private const val HEIC = "image/heic"
private const val AVIF = "image/avif"

private val heic = setOf("heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs")
private val avif = setOf("avif", "avis")

/** Brands that name only the container of stills. */
private val container = setOf("mif1", "mif2", "msf1", "miaf")

/** The media type of a picture by its first bytes; null for what the server does not take for one. */
internal fun sniff(bytes: ByteArray): String? {
    val head = String(bytes, 0, minOf(bytes.size, HEAD_SIZE), Charsets.ISO_8859_1)
    return when {
        head.startsWith("\u00FF\u00D8\u00FF") -> "image/jpeg"
        head.startsWith("\u0089PNG\r\n\u001A\n") -> "image/png"
        head.length < 16 -> null
        head.startsWith("RIFF") && head.startsWith("WEBP", 8) -> "image/webp"
        head.startsWith("ftyp", 4) -> sniffBrands(head)
        else -> null
    }
}

private fun sniffBrands(head: String): String? {
    val major = head.substring(8, 12)
    typeOf(major)?.let { return it }
    if (major !in container) return null
    val box = (0..3).fold(0L) { n, i -> n shl 8 or head[i].code.toLong() }
    val end = minOf(head.length.toLong(), box).toInt()
    return (16..end - 4 step 4).firstNotNullOfOrNull { typeOf(head.substring(it, it + 4)) } ?: HEIC
}

private fun typeOf(brand: String): String? = when (brand) {
    in heic -> HEIC
    in avif -> AVIF
    else -> null
}

/**
 * Under which type a file is kept, by its first bytes: what an app calls it is often wrong or missing, and the server
 * believes the bytes. What can never be verified is refused when it is taken, while the picture can still be taken:
 * file_empty, proof_not_picture.
 */
internal fun mediaOf(declared: String, head: ByteArray, otherFiles: Boolean): String {
    if (head.isEmpty()) throw Fault(Fault.FILE_EMPTY)
    sniff(head)?.let { return it }
    if (!otherFiles || declared.startsWith("image/", ignoreCase = true)) throw Fault(Fault.PROOF_NOT_PICTURE)
    return declared.ifEmpty { "application/octet-stream" }
}
