package dev.doorstep.offline.codes

import dev.doorstep.offline.Fault

/**
 * A Global Trade Item Number, always 14 digits: shorter ones are padded with zeros on the left, so that the same
 * product compares equal whichever symbol carried it.
 */
@JvmInline
value class Gtin private constructor(val digits: String) {
    /** The number as shops print it, 13 digits; null for a packing level that needs 14. */
    val ean13: String? get() = if (digits[0] == '0') digits.drop(1) else null

    override fun toString(): String = digits

    companion object {
        private val lengths = setOf(8, 12, 13, 14)

        /**
         * Reads 8, 12, 13 or 14 digits and checks the last one.
         *
         * @throws Fault code_unreadable, code_check_digit
         */
        fun parse(text: String): Gtin {
            if (text.length !in lengths ||
                !text.isDigits()
            ) {
                throw unreadable("a product number has 8, 12, 13 or 14 digits")
            }
            val want = checkDigit(text.dropLast(1))
            if (text.last() != want) throw Fault(Fault.CODE_CHECK_DIGIT, "the last digit of $text should be $want")
            if (text.all { it == '0' }) throw unreadable("a product number of zeros only")
            return Gtin(text.padStart(14, '0'))
        }

        /** Computes the check digit of the digits before it: from the right, weights 3, 1, 3, … */
        fun checkDigit(digits: String): Char {
            val sum = digits.reversed().withIndex().sumOf { (i, digit) -> (digit - '0') * (if (i % 2 == 0) 3 else 1) }
            return '0' + (10 - sum % 10) % 10
        }
    }
}

internal fun unreadable(detail: String) = Fault(Fault.CODE_UNREADABLE, detail)

internal fun String.isDigits(): Boolean = isNotEmpty() && all { it in '0'..'9' }
