package dev.doorstep.offline

import dev.doorstep.sync.v1.Outcome
import java.security.MessageDigest
import java.util.UUID

/** What the check of a server's signature gave. */
enum class Receipt {
    /** There is no verdict yet. */
    NONE,

    /** The server has signed that it took this very mutation in. */
    GOOD,

    /** Signed by a key that the device does not hold (yet). */
    UNKNOWN_KEY,

    /** The signature does not fit. Keep the mutation and tell the office. */
    BAD,
}

/**
 * Checks the signatures on verdicts (docs/PROTOCOL.md, section 7) with the keys that [Options.keys] finds; without it all
 * keys are unknown.
 */
suspend fun Store.checkReceipts(actions: List<Action>): List<Receipt> = reading { sql ->
    val keys = options.keys(shown(sql))
    val org = sql.device().org
    actions.map { action ->
        val verdict = action.verdict
        val key = verdict?.let { keys[it.key] }
        when {
            verdict == null -> Receipt.NONE
            key == null -> Receipt.UNKNOWN_KEY
            options.signatures.verify(key, receiptText(org, action), verdict.receipt.toByteArray()) -> Receipt.GOOD
            else -> Receipt.BAD
        }
    }
}

/** What a receipt signs: that the office has taken this very mutation in, when, and with what outcome. */
internal fun receiptText(org: UUID, action: Action): ByteArray {
    val verdict = requireNotNull(action.verdict)
    val args = MessageDigest.getInstance("SHA-256").digest(action.mutation.args.toByteArray())
    return buildString {
        appendLine("doorstep receipt 1")
        appendLine("org $org")
        appendLine("device ${action.judgedAs}")
        appendLine("sequence ${verdict.sequence.toULong()}")
        appendLine("id ${action.mutation.id}")
        appendLine("kind ${action.kind}")
        appendLine("args ${hex(args.wrap())}")
        appendLine("outcome ${word(verdict.outcome)}")
        appendLine("at ${verdict.serverTime.toInstant().toMicros()}")
    }.encodeToByteArray()
}

private fun word(outcome: Outcome): String = outcome.name.removePrefix("OUTCOME_").lowercase()
