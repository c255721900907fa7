package dev.doorstep.offline.codes

/** What follows a symbology identifier (ISO/IEC 15424). */
internal enum class Content {
    /** Anything that could also come without an identifier. */
    PLAIN,

    /** Element strings: the symbol began with FNC1. */
    ELEMENTS,

    /** A product number alone. */
    NUMBER,

    /** An EAN-13 with two or five more digits behind it. */
    NUMBER_ADD_ON,
}

/**
 * The identifiers that GS1 uses (GS1 General Specifications, figure 7.8.2-1), and those of the same symbols with
 * extended channels.
 */
private val gs1Symbols: Map<String, Content> =
    mapOf("E0" to Content.NUMBER, "E3" to Content.NUMBER_ADD_ON, "E4" to Content.NUMBER, "I1" to Content.NUMBER) +
        "C1 e0 e1 e2 d2 d5 Q3 Q4 J1 J4".split(' ').associateWith { Content.ELEMENTS }

/** The kinds of symbols that may hold any text, by their letters. */
private const val PLAIN_SYMBOLS = "ACGIdQLzJUh"

/** Symbols read with extended channels: a backslash begins an escape in them. */
private val extended = "Q2 Q4 Q6 d4 d5 d6 J4 J5 z3 z4 z5 L1".split(' ').toSet()

private val channel = Regex("""\\[0-9]{6}""")

/** White space as scanners and people add it; a separator is none. */
private const val SPACES =
    " \t\n\u000b\u000c\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008" +
        "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

/** Tells marks without width: zero-width spaces and joiners, marks of direction, a soft hyphen, a byte-order mark. */
private fun isInvisible(char: Char): Boolean = char in '\u200b'..'\u200f' ||
    char in '\u202a'..'\u202e' ||
    char in '\u2060'..'\u2064' ||
    char in '\u2066'..'\u2069' ||
    char == '\u00ad' ||
    char == '\ufeff'

/**
 * Undoes what scanners' keyboards and copying do to a text: full-width characters of a Chinese input method become the
 * plain ones, the picture of a separator becomes the separator, invisible marks and white space around go.
 */
internal fun clean(scanned: String): String = buildString {
    for (char in scanned) {
        when {
            char in '\uff01'..'\uff5e' -> append(char - 0xff01 + 0x21)
            char == '\u3000' -> append(' ')
            char == '\u3002' -> append('.')
            char == '\u241d' -> append(SEPARATOR)
            isInvisible(char) -> {}
            else -> append(char)
        }
    }
}.trim { it in SPACES }

/** Takes a symbology identifier off a text, and tells what follows it. */
internal fun unwrap(text: String): Pair<Content, String> {
    if (text[0] != ']') return Content.PLAIN to text
    if (text.length < 4) throw unreadable("the code ends too early")
    val id = text.substring(1, 3)
    var rest = text.drop(3)
    if (id in extended) rest = rest.replace(channel, "").replace("""\\""", """\""")
    val content = gs1Symbols[id]
    if (content == null && id[0] !in PLAIN_SYMBOLS) throw unreadable("the symbol is none that holds a product's label")
    return (content ?: Content.PLAIN) to rest
}
