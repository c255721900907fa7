package dev.doorstep.offline.codes

import dev.doorstep.offline.Fault
import java.io.ByteArrayOutputStream

internal fun isLink(text: String): Boolean =
    text.startsWith("https://", ignoreCase = true) || text.startsWith("http://", ignoreCase = true)

private val form = Regex("""[a-zA-Z]+://(?:[^/?#@]*@)?([^/?#@\s<>"\\^`{|}]+)([^?#]*)(?:\?([^#]*))?(?:#.*)?""")

/**
 * Reads an uncompressed Digital Link: any host, any prefix, then /01/GTIN and after it pairs of identifier and value.
 * Of identifiers in the query, only lot and serial are read.
 */
internal fun parseLink(text: String): Label {
    val link = form.matchEntire(text)
    if (link == null || text.any { it < ' ' || it == '\u007f' }) throw unreadable("the link cannot be read")
    val (host, path, query) = link.destructured
    // Segments are split before they are unescaped: a slash inside a serial number comes as %2F.
    val segments = path.trimEnd('/').split('/')
    // The first 01 that digits follow is the identifier; what stands before it is prefix.
    val at =
        segments.indices.firstOrNull { segments[it] == "01" && it + 1 < segments.size && segments[it + 1].isDigits() }
            ?: throw unreadable("the link holds no product number after /01/")
    val pairs = segments.drop(at)
    if (pairs.size % 2 != 0) throw unreadable("the link ends in the middle of an identifier")
    val parts = Parts()
    for ((identifier, value) in pairs.chunked(2)) {
        if (identifier.length < 2 || !identifier.isDigits()) {
            throw unreadable("the link holds something else behind the product number")
        }
        parts.set(identifier, unescaped(value))
    }
    val asked = query.split('&').map { it.substringBefore('=') to it.substringAfter('=', "") }
    for (name in listOf("10", "21")) {
        asked.filter { decoded(it.first) == name }.forEach { parts.set(name, unescaped(it.second.replace('+', ' '))) }
    }
    return parts.label(host.lowercase(), segments.take(at).joinToString("/").trim('/'))
}

/** The name of a parameter; null when it is not percent-encoded as it should be: then it is another program's own. */
private fun decoded(name: String): String? = try {
    unescaped(name.replace('+', ' '))
} catch (_: Fault) {
    null
}

/** Undoes percent-encoding. Bytes that are no text become characters that no label has. */
private fun unescaped(text: String): String {
    if ('%' !in text) return text
    val out = ByteArrayOutputStream()
    var i = 0
    while (i < text.length) {
        if (text[i] == '%') {
            val byte = text.substring(i + 1, minOf(i + 3, text.length)).takeIf { it.length == 2 }?.toIntOrNull(16)
            out.write(byte ?: throw unreadable("the link is not percent-encoded as it should be"))
            i += 3
        } else {
            out.writeBytes(text[i].toString().toByteArray())
            i++
        }
    }
    return out.toByteArray().decodeToString()
}
