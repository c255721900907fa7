package dev.doorstep.offline.codes

import dev.doorstep.offline.Fault

/**
 * The short code under a symbol, for people whose scanner or label is damaged: eight characters, the last a check
 * letter that catches every wrong character and every exchange of two. It identifies; it is never proof of anything.
 */
@JvmInline
value class HumanCode private constructor(
    /** Without the hyphen. */
    val characters: String,
) {
    /** The code as it is printed: XXXX-XXXX. */
    override fun toString(): String = characters.take(4) + "-" + characters.drop(4)

    companion object {
        /** Those that look like another are left out, and read as what they look like. */
        const val ALPHABET = "0123456789ACDEFGHJKMNPQRTVWXY"

        const val LENGTH = 8

        private val lookAlikes = mapOf(
            'O' to '0',
            'I' to '1',
            'L' to '1',
            'Z' to '2',
            'S' to '5',
            'B' to '8',
            'U' to 'V',
        )

        /**
         * Reads what a person typed: any case, hyphens and spaces anywhere, look-alikes for what they look like.
         *
         * @throws Fault code_unreadable, code_check_digit
         */
        fun parse(typed: String): HumanCode {
            val characters = typed.filter { it !in "- \u2011\u2013" }.map { typedChar ->
                typedChar.uppercaseChar().let { lookAlikes[it] ?: it }
            }
            val digits = characters.map { ALPHABET.indexOf(it) }
            if (digits.size != LENGTH ||
                digits.any { it < 0 }
            ) {
                throw unreadable("the short code has $LENGTH characters of $ALPHABET")
            }
            if (check(digits) != digits.last()) throw Fault(Fault.CODE_CHECK_DIGIT)
            return HumanCode(characters.joinToString(""))
        }

        /** The last digit is the one that makes the sum divisible by 29, with the weights 2, 3, … 8, 1. */
        private fun check(digits: List<Int>): Int {
            val base = ALPHABET.length
            val sum = digits.take(LENGTH - 1).withIndex().sumOf { (i, digit) -> (i + 2) * digit }
            return (base - sum % base) % base
        }
    }
}
