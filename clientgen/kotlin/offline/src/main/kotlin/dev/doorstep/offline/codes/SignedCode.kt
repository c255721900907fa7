package dev.doorstep.offline.codes

import dev.doorstep.offline.Fault
import dev.doorstep.offline.JavaSignatures
import dev.doorstep.offline.Signatures
import java.nio.ByteBuffer
import java.time.Instant
import java.util.UUID

/** A public key that is trusted until [notAfter]; null: as long as it is known. */
class TrustedKey(val ed25519: ByteArray, val notAfter: Instant? = null)

/**
 * The content of a signed code: the text in a symbol that says "the company issued this". A phone checks it without a
 * network by the keys of its org feed; that a code was revoked only the server knows. See docs/CODES.md.
 */
data class SignedCode(
    val kind: Kind,
    /** The key that signed it: eight characters. */
    val keyId: String,
    /** The code's own id; its last five bytes are those of the company's id. */
    val id: UUID,
    /** The first moment at which it holds no more; null for never. */
    val expires: Instant?,
) {
    /** What a code stands for. */
    enum class Kind { UNIT, ENTRY, TICKET }

    /** Tells whether the code is of this company. */
    fun isOf(org: UUID): Boolean = (id.leastSignificantBits xor org.leastSignificantBits) and 0xff_ffff_ffff == 0L

    companion object {
        /** The number of characters of every code. */
        const val LENGTH = 144

        private const val HEADER = 1 + 5 + 16 + 4
        private const val VERSION = 1

        /** Keeps a signature over a code from being taken for one over anything else. */
        private const val DOMAIN = "doorstep code v1\n"

        /**
         * Finds the text of a signed code in a scanned text: the text itself, or what stands after /c/ in a link. null
         * when there is none.
         */
        fun find(scanned: String): String? {
            var text = scanned.trim().substringBefore('?').substringBefore('#')
            val at = text.lowercase().lastIndexOf("/c/")
            if (at >= 0) text = text.drop(at + 3).trimEnd('/')
            return text.takeIf { it.length == LENGTH && it.none { char -> char == '/' || char == ':' } }
        }

        /**
         * Reads a code and checks key, signature and expiry at a time. Every failure is code_unknown, with the reason
         * only in the hidden cause: who forged a code learns nothing.
         *
         * @throws Fault code_unknown
         */
        fun verify(
            text: String,
            now: Instant,
            keys: Map<String, TrustedKey>,
            signatures: Signatures = JavaSignatures,
        ): SignedCode {
            val bytes = base32(text.map { it.uppercaseChar() }) ?: throw unknown("not a signed code")
            val code = parse(bytes)
            val key = keys[code.keyId]?.takeIf { it.notAfter == null || now < it.notAfter }
            val signed = DOMAIN.toByteArray() + bytes.copyOf(HEADER)
            val signature = bytes.copyOfRange(HEADER, bytes.size)
            when {
                key == null -> throw unknown("signed by a key that is not trusted")
                !signatures.verify(key.ed25519, signed, signature) -> throw unknown("the signature is wrong")
                code.expires != null && now >= code.expires -> throw unknown("expired")
            }
            return code
        }

        private fun parse(bytes: ByteArray): SignedCode {
            val head = ByteBuffer.wrap(bytes)
            val first = head.get().toInt() and 0xff
            val kind = Kind.entries.getOrNull((first and 15) - 1)
            if (first shr 4 != VERSION || kind == null) throw unknown("not a signed code")
            val key = ByteArray(5).also(head::get)
            val id = UUID(head.getLong(), head.getLong())
            val expires = head.getInt().toLong() and 0xffff_ffff
            return SignedCode(kind, base32(key), id, if (expires == 0L) null else Instant.ofEpochSecond(expires))
        }

        private fun unknown(why: String) = Fault(Fault.CODE_UNKNOWN, cause = unreadable(why))

        private const val LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

        /** Decodes 144 characters of base32 (RFC 4648), which are 90 bytes without a bit left over. */
        private fun base32(text: List<Char>): ByteArray? {
            if (text.size != LENGTH) return null
            val out = ByteArray(LENGTH * 5 / 8)
            for ((i, char) in text.withIndex()) {
                val five = LETTERS.indexOf(char)
                if (five < 0) return null
                for (bit in 0 until 5) {
                    val at = i * 5 + bit
                    if (five and (16 shr bit) != 0) out[at / 8] = (out[at / 8].toInt() or (128 shr at % 8)).toByte()
                }
            }
            return out
        }

        /** Encodes five bytes in lower case, as key ids are written. */
        private fun base32(five: ByteArray): String {
            val bits = five.fold(0L) { sum, byte -> (sum shl 8) or (byte.toLong() and 0xff) }
            return (35 downTo 0 step 5).map { LETTERS[(bits shr it).toInt() and 31] }.joinToString("").lowercase()
        }
    }
}
