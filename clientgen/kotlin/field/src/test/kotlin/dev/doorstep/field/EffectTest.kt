package dev.doorstep.field

import com.google.protobuf.ByteString
import com.google.protobuf.MessageLite
import dev.doorstep.field.v1.AddNote
import dev.doorstep.field.v1.AddPart
import dev.doorstep.field.v1.AddSurcharge
import dev.doorstep.field.v1.AnswerTask
import dev.doorstep.field.v1.AttachProof
import dev.doorstep.field.v1.ClaimPoolTicket
import dev.doorstep.field.v1.Customer
import dev.doorstep.field.v1.EntityKind
import dev.doorstep.field.v1.PoolTicket
import dev.doorstep.field.v1.PriceItem
import dev.doorstep.field.v1.Product
import dev.doorstep.field.v1.ProofKind
import dev.doorstep.field.v1.ProofState
import dev.doorstep.field.v1.SignSignature
import dev.doorstep.field.v1.TaskAnswer
import dev.doorstep.field.v1.Ticket
import dev.doorstep.field.v1.TicketState
import dev.doorstep.field.v1.Visit
import dev.doorstep.field.v1.VisitAccept
import dev.doorstep.field.v1.VisitArrive
import dev.doorstep.field.v1.VisitCannotComplete
import dev.doorstep.field.v1.VisitComplete
import dev.doorstep.field.v1.VisitState
import dev.doorstep.field.v1.VisitTravel
import dev.doorstep.offline.Entities
import dev.doorstep.offline.Item
import dev.doorstep.offline.Mutation
import dev.doorstep.offline.Overlay
import dev.doorstep.offline.toInstant
import dev.doorstep.store.v1.OpenTicketByScan
import dev.doorstep.store.v1.Unit
import dev.doorstep.types.v1.Label
import dev.doorstep.types.v1.Money
import java.time.Instant
import java.util.UUID
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

private fun id(n: Int): ByteString = ByteString.copyFrom(ByteArray(16).also { it[15] = n.toByte() })

private val ticketId = id(1)
private val visitId = id(2)
private val itemId = id(3)
private val unitId = id(4)
private val productId = id(5)
private val newId = id(6)
private val at = Instant.parse("2026-11-23T09:00:00Z")

/** One job in a state, with a price item, and one unit in the shop. */
private class Phone(state: VisitState) {
    val view = Overlay(
        Entities(
            held(
                EntityKind.ENTITY_KIND_TICKET,
                ticketId,
                Ticket.newBuilder().setId(ticketId).setState(TicketState.TICKET_STATE_NEW),
            ),
            held(
                EntityKind.ENTITY_KIND_VISIT,
                visitId,
                Visit.newBuilder().setId(visitId).setTicketId(ticketId).setState(state)
                    .addAnswers(TaskAnswer.newBuilder().setStep("a").setCheck(false)),
            ),
            held(
                EntityKind.ENTITY_KIND_PRICE_ITEM,
                itemId,
                PriceItem.newBuilder().setId(itemId).setName(Label.newBuilder().setZh("软管"))
                    .setPrice(Money.newBuilder().setMinor(2500).setCurrency("CNY")),
            ),
            held(
                EntityKind.ENTITY_KIND_POOL_TICKET,
                ticketId,
                PoolTicket.newBuilder().setId(ticketId).setNumber("T-1"),
            ),
            held(
                EntityKind.ENTITY_KIND_UNIT,
                unitId,
                Unit.newBuilder().setId(unitId).setProductId(productId).setGtin("06901234567892").setSerial("SN1")
                    .setHumanCode("K7M3-9QX8"),
            ),
            held(
                EntityKind.ENTITY_KIND_PRODUCT,
                productId,
                Product.newBuilder().setId(productId).setName(Label.newBuilder().setZh("热水器")),
            ),
        ),
    )

    val visit: Visit get() = Visits.get(view, visitId)!!
    val ticket: Ticket get() = Tickets.get(view, ticketId)!!

    fun act(kind: String, args: MessageLite.Builder) =
        view.apply(effects(ByHand).getValue(kind)(view, Mutation(UUID(0, 1), 1, kind, args.build().toByteString(), at)))

    private fun held(kind: EntityKind, id: ByteString, message: MessageLite.Builder) =
        kind.number to Item(id, message.build().toByteString())
}

class EffectTest {
    private class Move(
        val kind: String,
        val args: MessageLite.Builder,
        val from: Set<VisitState>,
        val to: VisitState,
        val ticket: TicketState,
    )

    @Test
    fun `visits move as their state allows`() {
        val moves = listOf(
            Move(
                "visit.accept",
                VisitAccept.newBuilder().setVisitId(visitId),
                setOf(VisitState.VISIT_STATE_DISPATCHED),
                VisitState.VISIT_STATE_ACCEPTED,
                TicketState.TICKET_STATE_IN_PROGRESS,
            ),
            Move(
                "visit.arrive",
                VisitArrive.newBuilder().setVisitId(visitId),
                setOf(
                    VisitState.VISIT_STATE_ACCEPTED,
                    VisitState.VISIT_STATE_TRAVELING,
                    VisitState.VISIT_STATE_ON_BREAK,
                ),
                VisitState.VISIT_STATE_ON_SITE,
                TicketState.TICKET_STATE_IN_PROGRESS,
            ),
            Move(
                "visit.complete",
                VisitComplete.newBuilder().setVisitId(visitId),
                setOf(VisitState.VISIT_STATE_ON_SITE, VisitState.VISIT_STATE_ON_BREAK),
                VisitState.VISIT_STATE_COMPLETED,
                TicketState.TICKET_STATE_COMPLETED,
            ),
            Move(
                "visit.cannot_complete",
                VisitCannotComplete.newBuilder().setVisitId(visitId).setReason("x"),
                setOf(
                    VisitState.VISIT_STATE_ACCEPTED,
                    VisitState.VISIT_STATE_TRAVELING,
                    VisitState.VISIT_STATE_ON_SITE,
                    VisitState.VISIT_STATE_ON_BREAK,
                ),
                VisitState.VISIT_STATE_CANNOT_COMPLETE,
                TicketState.TICKET_STATE_CANNOT_COMPLETE,
            ),
            Move(
                "visit.cannot_complete",
                VisitCannotComplete.newBuilder().setVisitId(visitId).setReason("x").setPartially(true),
                setOf(VisitState.VISIT_STATE_ON_SITE, VisitState.VISIT_STATE_ON_BREAK),
                VisitState.VISIT_STATE_PARTIALLY_COMPLETED,
                TicketState.TICKET_STATE_IN_PROGRESS,
            ),
        )
        for (move in moves) {
            for (now in VisitState.entries - VisitState.UNRECOGNIZED) {
                val phone = Phone(now)
                phone.act(move.kind, move.args)
                val moved = now in move.from
                assertEquals(if (moved) move.to else now, phone.visit.state, "${move.kind} on $now")
                val ticket = if (moved) move.ticket else TicketState.TICKET_STATE_NEW
                assertEquals(ticket, phone.ticket.state, "${move.kind} on $now")
            }
        }
    }

    @Test
    fun `facts keep their device time`() {
        val phone = Phone(VisitState.VISIT_STATE_DISPATCHED)
        phone.act("visit.accept", VisitAccept.newBuilder().setVisitId(visitId))
        phone.act("visit.travel", VisitTravel.newBuilder().setVisitId(visitId))
        phone.act("visit.arrive", VisitArrive.newBuilder().setVisitId(visitId))
        phone.act("visit.complete", VisitComplete.newBuilder().setVisitId(visitId))
        val visit = phone.visit
        for (time in listOf(visit.acceptedAt, visit.travelingAt, visit.arrivedAt, visit.finishedAt)) {
            assertEquals(at, time.toInstant())
        }
    }

    @Test
    fun `a later answer replaces the earlier`() {
        val phone = Phone(VisitState.VISIT_STATE_ON_SITE)
        phone.act("task.answer", AnswerTask.newBuilder().setVisitId(visitId).setStep("a").setCheck(true))
        phone.act("task.answer", AnswerTask.newBuilder().setVisitId(visitId).setStep("b").setNumber(0.4))
        phone.act("task.answer", AnswerTask.newBuilder().setVisitId(visitId).setStep("b").setText("x"))
        assertEquals(listOf("a", "b"), phone.visit.answersList.map { it.step })
        assertTrue(phone.visit.getAnswers(0).check)
        assertEquals("x", phone.visit.getAnswers(1).text)
    }

    @Test
    fun `what is added shows on the ticket`() {
        val phone = Phone(VisitState.VISIT_STATE_ON_SITE)
        phone.act(
            "part.add",
            AddPart.newBuilder().setId(newId).setVisitId(visitId).setPriceItemId(itemId).setQuantity(2),
        )
        phone.act(
            "surcharge.add",
            AddSurcharge.newBuilder().setId(newId).setVisitId(visitId).setPriceItemId(itemId).setQuantity(1),
        )
        phone.act("note.add", AddNote.newBuilder().setId(newId).setTicketId(ticketId).setText("老化"))
        val part = phone.ticket.partsList.single()
        assertEquals(listOf("软管", 2, 2500L), listOf(part.name, part.quantity, part.unitPrice.minor))
        assertEquals(1, phone.ticket.surchargesCount)
        assertEquals("老化", phone.ticket.notesList.single().text)
    }

    @Test
    fun `proofs await their bytes`() {
        val phone = Phone(VisitState.VISIT_STATE_ON_SITE)
        phone.act(
            "proof.attach",
            AttachProof.newBuilder().setId(
                newId,
            ).setVisitId(visitId).setStep("before").setKind(ProofKind.PROOF_KIND_BEFORE).setSize(5),
        )
        phone.act(
            "signature.sign",
            SignSignature.newBuilder().setId(id(7)).setVisitId(visitId).setStep("sign").setSignerName("王"),
        )
        val (photo, signature) = Proofs.all(phone.view)
        assertEquals(ProofState.PROOF_STATE_AWAITING, photo.state)
        assertEquals(ticketId, photo.ticketId)
        assertEquals(ProofKind.PROOF_KIND_SIGNATURE, signature.kind)
        assertEquals("王", signature.signerName)
        assertFalse("王" in Proofs.redacted(signature).toString())
    }

    @Test
    fun `a claim shows as pending and takes nothing`() {
        val phone = Phone(VisitState.VISIT_STATE_ON_SITE)
        phone.act("pool.claim", ClaimPoolTicket.newBuilder().setTicketId(ticketId))
        assertEquals(1, PoolTickets.all(phone.view).size)
        assertTrue(PoolTickets.pending(phone.view, ticketId))
    }

    @Test
    fun `a second scan finds the ticket that the phone opened`() {
        val scans =
            listOf(
                "https://id.example/01/06901234567892/21/SN1",
                "]Q1https://id.example/01/06901234567892/21/SN1?utm=50%off",
                "(01)06901234567892(21)SN1",
                "（０１）06901234567892（21）SN1",
                "k7m3 9qx8",
                "SN1",
            )
        for (scanned in scans) {
            val phone = Phone(VisitState.VISIT_STATE_ON_SITE)
            val scan = OpenTicketByScan.newBuilder().setTicketId(
                newId,
            ).setScanned(scanned).setCustomerPhone("13800000001")
            phone.act("store.open_ticket", scan)
            val ticket = openTicketOf(phone.view, unitId)!!
            assertEquals("热水器", ticket.productName, scanned)
            assertEquals("138****0001", ticket.customerPhone)
            phone.act("store.open_ticket", scan.setTicketId(id(7)))
            assertEquals(listOf(newId), OpenTickets.all(phone.view).map { it.id }, scanned)
            assertNull(openTicketOf(phone.view, ByteString.EMPTY))
        }
    }

    @Test
    fun `nothing prints what is the customer's`() {
        val customer = Customer.newBuilder().setName("王小明").setPhone("13800000001").setAddress("人民路").setVip(true)
        val printed = Tickets.redacted(Ticket.newBuilder().setId(ticketId).setCustomer(customer).build())
        for (secret in listOf("王小明", "13800000001", "人民路")) assertFalse(secret in printed.toString())
        assertTrue(printed.customer.vip)
    }

    @Test
    fun `every kind of entity has its table`() {
        val tables = listOf(
            Products, ProductClasses, Templates, PriceItems, Reasons, VerifyKeys, PlanVersions, Tickets, Visits, Proofs,
            Notices, Profiles, PoolTickets, Decisions, EarningLines, Units, OpenTickets,
        )
        val kinds = EntityKind.entries.filter { it != EntityKind.UNRECOGNIZED }.map { it.number }.filter { it != 0 }
        assertEquals(kinds.toSet(), tables.map { it.kind }.toSet())
    }
}
