package dev.doorstep.field

import com.google.protobuf.ByteString
import com.google.protobuf.InvalidProtocolBufferException
import dev.doorstep.field.v1.PriceItemKind
import dev.doorstep.field.v1.Proof
import dev.doorstep.field.v1.ProofKind
import dev.doorstep.field.v1.SignSignature
import dev.doorstep.field.v1.SignedLine
import dev.doorstep.field.v1.StepKind
import dev.doorstep.field.v1.Template
import dev.doorstep.field.v1.Ticket
import dev.doorstep.field.v1.VisitComplete
import dev.doorstep.offline.Fault
import dev.doorstep.offline.View
import dev.doorstep.offline.toUuid
import dev.doorstep.types.v1.Money
import java.security.MessageDigest
import java.util.TreeMap
import java.util.UUID

/**
 * What a customer's signature covers: the parts and surcharges that it shows, as they are, and nothing that was added or altered
 * afterwards (docs/PROOF.md). The office goes by the same rule.
 */
object Agreement {
    /** What a ticket charges, by id: parts and surcharges with their sums. */
    fun lines(ticket: Ticket): List<SignedLine> {
        val parts = ticket.partsList.map {
            line(it.id, PriceItemKind.PRICE_ITEM_KIND_PART, it.priceItemId, it.name, it.quantity, it.unitPrice)
        }
        val surcharges = ticket.surchargesList.map {
            line(it.id, PriceItemKind.PRICE_ITEM_KIND_SURCHARGE, it.priceItemId, it.name, it.quantity, it.unitPrice)
        }
        return sorted(parts + surcharges)
    }

    private fun line(
        id: ByteString,
        kind: PriceItemKind,
        item: ByteString,
        name: String,
        quantity: Int,
        unit: Money,
    ): SignedLine {
        val sum = Money.newBuilder().setMinor(unit.minor * Integer.toUnsignedLong(quantity)).setCurrency(unit.currency)
        return SignedLine.newBuilder().setId(id).setKind(kind).setPriceItemId(item).setName(name)
            .setQuantity(quantity).setUnitPrice(unit).setSum(sum).build()
    }

    /** The sums of the lines, one a currency, by the currency's name. */
    fun totals(lines: List<SignedLine>): List<Money> {
        val sums = TreeMap<String, Long>()
        for (line in lines) sums.merge(line.sum.currency, line.sum.minor, Long::plus)
        return sums.map { (currency, minor) -> Money.newBuilder().setMinor(minor).setCurrency(currency).build() }
    }

    /** The canonical form of what a signature covers: UTF-8, a line each, the lines by their ids. */
    fun text(ticket: ByteString, lines: List<SignedLine>): String = buildString {
        append("doorstep terms 1\nticket ${name(ticket)}\n")
        for (line in sorted(lines)) {
            append("${kinds[line.kind].orEmpty()} ${name(line.id)} ${name(line.priceItemId)} ")
            append("${Integer.toUnsignedString(line.quantity)} × ${line.unitPrice.minor} = ")
            append("${line.sum.minor} ${line.sum.currency} ${oneLine(line.name)}\n")
        }
        for (sum in totals(lines)) append("total ${sum.minor} ${sum.currency}\n")
    }

    /** What a signature binds as its content_hash: SHA-256 of [text]. */
    fun hash(ticket: ByteString, lines: List<SignedLine>): ByteString =
        ByteString.copyFrom(MessageDigest.getInstance("SHA-256").digest(text(ticket, lines).encodeToByteArray()))

    /**
     * The lines of a ticket to which the customer has not agreed as they are, by what a device holds; while there are any, the
     * job is not to be completed. A signature that shows exactly what the ticket charges covers all of it; else the office's
     * word counts line by line. Agreement is asked for where the checklist has a signature step, or somebody signed.
     */
    fun open(ticket: Ticket, template: Template?, proofs: List<Proof>): List<SignedLine> {
        val lines = lines(ticket)
        val hash = hash(ticket.id, lines)
        val signatures = proofs.filter {
            it.kind == ProofKind.PROOF_KIND_SIGNATURE && it.ticketId == ticket.id
        }
        if (signatures.any { it.contentHash == hash }) return emptyList()
        val agreed = ticket.partsList.filter { !it.agreedBy.isEmpty }.map { it.id } +
            ticket.surchargesList.filter { !it.agreedBy.isEmpty }.map { it.id }
        val asked = signatures.isNotEmpty() || lines.any { it.id in agreed } ||
            template?.stepsList.orEmpty().any { it.kind == StepKind.STEP_KIND_SIGNATURE }
        return if (asked) lines.filter { it.id !in agreed } else emptyList()
    }

    /** The same of the ticket of a visit, by what the device holds; none when it does not hold the visit. */
    fun open(view: View, visit: ByteString): List<SignedLine> {
        val ticket = Visits.get(view, visit)?.let { Tickets.get(view, it.ticketId) } ?: return emptyList()
        return open(ticket, Templates.get(view, ticket.templateId), Proofs.all(view))
    }

    private val kinds = mapOf(
        PriceItemKind.PRICE_ITEM_KIND_PART to "part",
        PriceItemKind.PRICE_ITEM_KIND_SURCHARGE to "surcharge",
    )

    private fun sorted(lines: List<SignedLine>): List<SignedLine> =
        lines.sortedWith(compareBy(ByteString.unsignedLexicographicalComparator()) { it.id })

    /** What is no id is the zero id. */
    private fun name(id: ByteString): String = (id.toUuid() ?: UUID(0, 0)).toString()

    /** Keeps a name from looking like another line. */
    private fun oneLine(name: String): String = name.map {
        if (it < ' ' ||
            it == '\u007f'
        ) {
            ' '
        } else {
            it
        }
    }.joinToString("")
}

/** Names in the arguments what a signature shows: the ticket's lines as they are, their sums, and the hash over them. */
fun SignSignature.Builder.covering(ticket: Ticket): SignSignature.Builder {
    val lines = Agreement.lines(ticket)
    return clearLines().addAllLines(lines).clearTotals().addAllTotals(Agreement.totals(lines))
        .setContentHash(Agreement.hash(ticket.id, lines))
}

/** Refuses to complete a visit while something is charged that the customer has not agreed to: charges_not_agreed. */
internal fun guardCompletion(view: View, args: ByteString) {
    val visit = try {
        VisitComplete.parseFrom(args).visitId
    } catch (_: InvalidProtocolBufferException) {
        return // the office says what is wrong with it
    }
    val open = Agreement.open(view, visit)
    if (open.isNotEmpty()) throw Fault(Fault.CHARGES_NOT_AGREED, open.joinToString { "${it.name} × ${it.quantity}" })
}
