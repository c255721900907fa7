package dev.doorstep.offline.codes

import dev.doorstep.offline.Fault

/**
 * What a product's label says. It names a product or a piece of it and gives no authority: whoever can read a box can
 * copy its number.
 */
data class Label(
    val gtin: Gtin,
    /** The batch, up to 20 characters; may be empty. */
    val lot: String = "",
    /** The piece, up to 20 characters; may be empty. */
    val serial: String = "",
    /** The web host of a Digital Link; empty for other forms. */
    val host: String = "",
    /** What stands in a Digital Link's path before /01/. */
    val prefix: String = "",
) {
    companion object {
        /** The most that a scanned text may have, in bytes. */
        const val MAX_LENGTH = 500

        /**
         * Reads what scanners read from product labels: GS1 Digital Links, element strings of DataMatrix and QR, and
         * plain EAN and UPC numbers.
         *
         * @throws Fault code_unreadable (not such a text, or no product in it), code_check_digit, too_large
         */
        fun parse(scanned: String): Label {
            if (scanned.toByteArray().size >
                MAX_LENGTH
            ) {
                throw Fault(Fault.TOO_LARGE, "a scanned code has at most $MAX_LENGTH bytes")
            }
            val cleaned = clean(scanned)
            if (cleaned.isEmpty()) throw unreadable("the code is empty")
            val (content, text) = unwrap(cleaned)
            return when (content) {
                Content.ELEMENTS -> parseElements(text)
                Content.NUMBER -> Label(Gtin.parse(text))
                Content.NUMBER_ADD_ON -> Label(Gtin.parse(text.take(13)))
                Content.PLAIN -> parsePlain(text)
            }
        }

        /** Reads what nothing says the form of. */
        private fun parsePlain(text: String): Label = when {
            isLink(text) -> parseLink(text)
            text.isDigits() && text.length <= 14 -> Label(Gtin.parse(text))
            text[0] == '(' || text[0] == SEPARATOR -> parseElements(text)
            text.startsWith("01") && text.length >= 16 -> parseElements(text)
            else -> parseOther(text)
        }

        /** Any other identifier may come first, too. It is an element string only if it names a product. */
        private fun parseOther(text: String): Label = try {
            parseElements(text)
        } catch (fault: Fault) {
            if (fault.code == Fault.CODE_CHECK_DIGIT) throw fault
            throw unreadable("neither a product link, an element string nor a product number")
        }

        /** Tells whether a serial number that somebody typed could stand on a label. */
        fun isSerial(text: String): Boolean = text.length in 1..20 && text.all { it in '!'..'z' && it !in "#$@[\\]^`" }

        /**
         * Writes the Digital Link of one piece, or of the product when serial is empty. base is the company's own
         * address, for example https://id.example.com.
         */
        fun link(base: String, gtin: Gtin, serial: String = ""): String {
            val product = base.trimEnd('/') + "/01/" + gtin.digits
            return if (serial.isEmpty()) product else product + "/21/" + escaped(serial)
        }

        private fun escaped(text: String): String = buildString {
            for (byte in text.toByteArray()) {
                val char = byte.toInt().toChar()
                if (char in 'A'..'Z' || char in 'a'..'z' || char in '0'..'9' || char in "-._") {
                    append(char)
                } else {
                    append("%%%02X".format(byte))
                }
            }
        }
    }
}

/** How scanners transmit FNC1 after an identifier of variable length. */
internal const val SEPARATOR = '\u001d'

/** Collects the identifiers of a label; a second, different value of one is refused. */
internal class Parts {
    private var gtin: Gtin? = null
    private var lot = ""
    private var serial = ""

    fun set(identifier: String, value: String) {
        when (identifier) {
            "01" -> {
                val read = Gtin.parse(value)
                if (gtin != null && gtin != read) throw unreadable("two product numbers in one code")
                gtin = read
            }

            "10" -> lot = once(identifier, lot, value)

            "21" -> serial = once(identifier, serial, value)
        }
    }

    private fun once(identifier: String, before: String, value: String): String {
        if (!Label.isSerial(
                value,
            )
        ) {
            throw unreadable("($identifier) is not 1 to 20 characters of those that labels have")
        }
        if (before.isNotEmpty() && before != value) throw unreadable("($identifier) stands twice in one code")
        return value
    }

    fun label(host: String = "", prefix: String = ""): Label =
        Label(gtin ?: throw unreadable("the code names no product (01)"), lot, serial, host, prefix)
}
