package dev.doorstep.field

import com.google.protobuf.ByteString
import dev.doorstep.field.v1.TicketState
import dev.doorstep.offline.Draft
import dev.doorstep.offline.Fault
import dev.doorstep.offline.View
import dev.doorstep.offline.codes.HumanCode
import dev.doorstep.offline.codes.Label
import dev.doorstep.offline.toTimestamp
import dev.doorstep.store.v1.OpenTicket
import dev.doorstep.store.v1.OpenTicketByScan
import dev.doorstep.store.v1.Unit
import java.time.Instant

/** The effects that the annotations cannot declare. */
object ByHand : CustomEffects {
    /** Shows the clerk's ticket, unless the unit has an open one, which the office will find too. */
    override fun openTicketByScan(view: View, args: OpenTicketByScan, at: Instant, draft: Draft) {
        val unit = findUnit(view, args.scanned, args.serial)
        if (unit != null && openTicketOf(view, unit.id) != null) return
        OpenTickets.create(draft, args.ticketId) { ticket ->
            ticket.id = args.ticketId
            ticket.state = TicketState.TICKET_STATE_NEW
            ticket.customerName = args.customerName
            ticket.customerPhone = masked(args.customerPhone)
            ticket.openedAt = at.toTimestamp()
            if (unit != null) {
                ticket.unitId = unit.id
                ticket.productName = Products.get(view, unit.productId)?.name?.zh.orEmpty()
            }
        }
    }
}

/**
 * Finds the piece that a scanned text means, among those that the phone holds: by its label (product number and serial
 * number, the serial also typed beside a label that has none), by its short code, or by a bare serial number. null when
 * there is none.
 */
fun findUnit(view: View, scanned: String, serial: String): Unit? {
    val label = readOrNull { Label.parse(scanned) }
    val code = readOrNull { HumanCode.parse(scanned) }
    val bare = if (label == null) setOf(scanned.trim(), serial.trim()) - "" else emptySet()
    val labelled = label?.serial?.ifEmpty { serial.trim() }.orEmpty()
    return Units.all(view).firstOrNull { unit ->
        when {
            label != null && labelled.isNotEmpty() && unit.gtin == label.gtin.digits && unit.serial == labelled -> true
            code != null && readOrNull { HumanCode.parse(unit.humanCode) } == code -> true
            else -> unit.serial in bare
        }
    }
}

private fun <T> readOrNull(read: () -> T): T? = try {
    read()
} catch (_: Fault) {
    null
}

/** Finds the ticket in work for a piece; null when there is none. */
fun openTicketOf(view: View, unit: ByteString): OpenTicket? =
    if (unit.isEmpty) null else OpenTickets.byUnitId(view, unit).firstOrNull()

/** Hides the middle of a phone number: 138****0001. */
private fun masked(phone: String): String {
    if (phone.length < 8 || phone.any { it.code > 0x7f }) return ""
    return phone.take(3) + "****" + phone.takeLast(4)
}
