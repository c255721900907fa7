package dev.doorstep.offline.codes

/**
 * The length of the value of identifiers that need no separator, by their first two digits (GS1 General
 * Specifications, figure 7.8.5-2), less the digits of the identifier itself.
 */
private val fixedLength: Map<String, Int> =
    mapOf("00" to 18, "01" to 14, "02" to 14, "03" to 14, "04" to 16, "20" to 2, "41" to 13) +
        (11..19).associate { "$it" to 6 } + (31..36).associate { "$it" to 6 }

/** How many digits an identifier has, by its first two; 0 for one that GS1 never gave out. */
private fun identifierLength(two: String): Int = when (two[0]) {
    '0', '1', '9' -> 2
    '2' -> if (two in "23".."25") 3 else 2
    '3' -> if (two == "30" || two == "37") 2 else 4
    '4' -> if (two == "43") 4 else 3
    '7' -> if (two == "71") 3 else 4
    '8' -> 4
    else -> 0
}

/** Reads an element string with separators, and the form that people print, with identifiers in parentheses. */
internal fun parseElements(text: String): Label {
    val parts = Parts()
    if (text[0] == '(') bracketed(text, parts) else separated(text, parts)
    return parts.label()
}

private fun separated(text: String, parts: Parts) {
    var rest = text.trimStart(SEPARATOR)
    while (rest.isNotEmpty()) {
        val two = rest.take(2)
        if (two.length < 2 || !two.isDigits()) throw unreadable("an identifier is missing")
        val digits = identifierLength(two)
        if (digits == 0 || rest.length <= digits || !rest.take(digits).isDigits()) {
            throw unreadable("the code ends in the middle of an identifier")
        }
        val identifier = rest.take(digits)
        rest = rest.drop(digits)
        val length = fixedLength[two] ?: rest.indexOf(SEPARATOR).let { if (it < 0) rest.length else it }
        if (rest.length < length) throw unreadable("the value of ($identifier) is cut off")
        parts.set(identifier, rest.take(length))
        rest = rest.drop(length).trimStart(SEPARATOR)
    }
}

/** A parenthesis may also belong to a serial number: only one with two to four digits begins an element. */
private val identifier = Regex("""\(([0-9]{2,4})\)""")

private fun bracketed(text: String, parts: Parts) {
    val found = identifier.findAll(text).toList()
    if (found.isEmpty() || found[0].range.first != 0) throw unreadable("an identifier in parentheses is missing")
    for ((i, one) in found.withIndex()) {
        val end = if (i + 1 < found.size) found[i + 1].range.first else text.length
        parts.set(one.groupValues[1], text.substring(one.range.last + 1, end))
    }
}
