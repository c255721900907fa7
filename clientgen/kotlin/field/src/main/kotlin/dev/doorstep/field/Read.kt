package dev.doorstep.field

import dev.doorstep.offline.View
import dev.doorstep.offline.codes.TrustedKey
import dev.doorstep.offline.toInstant

/** The bytes of an Ed25519 public key. */
private const val KEY_SIZE = 32

/** Prefers a technician's own feed, which shows most, over the shop's and the team's. */
val feedOrder: List<String> = listOf("tech", "store", "team", "org")

/** Finds the server's public keys for receipts, by key id. */
fun receiptKeys(view: View): Map<String, ByteArray> =
    VerifyKeys.byUse(view, "receipt").filter { it.ed25519.size() == KEY_SIZE }.associate {
        it.keyId to
            it.ed25519.toByteArray()
    }

/** Finds the company's public keys for codes, by key id: with them a phone without network checks what it scans. */
fun codeKeys(view: View): Map<String, TrustedKey> =
    VerifyKeys.byUse(view, "code").filter { it.ed25519.size() == KEY_SIZE }.associate {
        it.keyId to TrustedKey(it.ed25519.toByteArray(), if (it.hasNotAfter()) it.notAfter.toInstant() else null)
    }
