package dev.doorstep.offline

import java.security.GeneralSecurityException
import java.security.KeyFactory
import java.security.Signature
import java.security.spec.X509EncodedKeySpec

/** Checks Ed25519 signatures. [JavaSignatures] is it on a JVM; Android has Ed25519 of its own from API 33 on. */
fun interface Signatures {
    /** Tells whether the signature over the text is of the key, which has 32 bytes. */
    fun verify(key: ByteArray, text: ByteArray, signature: ByteArray): Boolean
}

/** By the providers of the platform. */
object JavaSignatures : Signatures {
    /** What stands before the 32 bytes in a key's X.509 form. */
    private val prefix = byteArrayOf(0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0)

    override fun verify(key: ByteArray, text: ByteArray, signature: ByteArray): Boolean = try {
        val public = KeyFactory.getInstance("Ed25519").generatePublic(X509EncodedKeySpec(prefix + key))
        val check = Signature.getInstance("Ed25519")
        check.initVerify(public)
        check.update(text)
        check.verify(signature)
    } catch (_: GeneralSecurityException) {
        false
    }
}
