package dev.doorstep.field

import com.google.protobuf.ByteString
import com.google.protobuf.MessageLite
import dev.doorstep.field.v1.EntityKind
import dev.doorstep.field.v1.PartUsed
import dev.doorstep.field.v1.PriceItemKind
import dev.doorstep.field.v1.Proof
import dev.doorstep.field.v1.ProofKind
import dev.doorstep.field.v1.SignSignature
import dev.doorstep.field.v1.Step
import dev.doorstep.field.v1.StepKind
import dev.doorstep.field.v1.Surcharge
import dev.doorstep.field.v1.Template
import dev.doorstep.field.v1.Ticket
import dev.doorstep.field.v1.Visit
import dev.doorstep.field.v1.VisitComplete
import dev.doorstep.offline.Entities
import dev.doorstep.offline.Fault
import dev.doorstep.offline.Item
import dev.doorstep.offline.View
import dev.doorstep.types.v1.Money
import java.io.File
import java.util.Base64
import java.util.HexFormat
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory

/** What sync/conformance/vectors/agreement.json says of signatures and what they cover. */
class AgreementTest {
    private val cases = Json.parseToJsonElement(File("../../../sync/conformance/vectors/agreement.json").readText())
        .jsonObject.getValue("cases").jsonArray.map { it.jsonObject }

    private fun JsonObject.text(name: String): String = getValue(name).jsonPrimitive.content

    private fun JsonObject.bytes(name: String): ByteString =
        ByteString.copyFrom(Base64.getDecoder().decode(this[name]?.jsonPrimitive?.content.orEmpty()))

    private fun JsonObject.money(): Money = getValue("unitPrice").jsonObject.let {
        Money.newBuilder().setMinor(it.text("minor").toLong()).setCurrency(it.text("currency")).build()
    }

    private fun <T> JsonObject.list(name: String, read: (JsonObject) -> T): List<T> =
        getValue(name).jsonArray.map(JsonElement::jsonObject).map(read)

    private fun ticket(json: JsonObject): Ticket = Ticket.newBuilder().setId(json.bytes("id"))
        .addAllParts(
            json.list("parts") {
                PartUsed.newBuilder().setId(it.bytes("id")).setPriceItemId(it.bytes("priceItemId"))
                    .setName(it.text("name")).setQuantity(it.getValue("quantity").jsonPrimitive.int)
                    .setUnitPrice(it.money()).setAgreedBy(it.bytes("agreedBy")).build()
            },
        )
        .addAllSurcharges(
            json.list("surcharges") {
                Surcharge.newBuilder().setId(it.bytes("id")).setPriceItemId(it.bytes("priceItemId"))
                    .setName(it.text("name")).setQuantity(it.getValue("quantity").jsonPrimitive.int)
                    .setUnitPrice(it.money()).setAgreedBy(it.bytes("agreedBy")).build()
            },
        ).build()

    private fun template(json: JsonObject): Template = Template.newBuilder().addAllSteps(
        json.list("steps") {
            Step.newBuilder().setKey(it.text("key")).setKind(StepKind.valueOf(it.text("kind"))).build()
        },
    ).build()

    private fun proof(json: JsonObject): Proof = Proof.newBuilder().setId(json.bytes("id"))
        .setTicketId(json.bytes("ticketId")).setKind(ProofKind.valueOf(json.text("kind")))
        .setContentHash(json.bytes("contentHash")).build()

    @TestFactory
    fun `a signature covers what it shows`(): List<DynamicTest> = cases.map { case ->
        DynamicTest.dynamicTest(case.text("name")) {
            val ticket = ticket(case.getValue("ticket").jsonObject)
            val lines = Agreement.lines(ticket)
            assertEquals(case.text("text"), Agreement.text(ticket.id, lines))
            assertEquals(case.text("hash"), HexFormat.of().formatHex(Agreement.hash(ticket.id, lines).toByteArray()))
            val open = Agreement.open(
                ticket,
                template(case.getValue("template").jsonObject),
                case.list("proofs", ::proof),
            )
            assertEquals(case.getValue("open").jsonArray.map { it.jsonPrimitive.content }, open.map { it.name })
        }
    }

    private fun id(n: Int): ByteString = ByteString.copyFrom(ByteArray(16).also { it[15] = n.toByte() })

    @Test
    fun `a visit is not completed while the customer has not agreed to what is charged`() {
        val money = Money.newBuilder().setMinor(8000).setCurrency("CNY")
        val charge = Surcharge.newBuilder().setId(id(4)).setPriceItemId(id(5)).setName("高空作业").setQuantity(1)
            .setUnitPrice(money)
        val ticket = Ticket.newBuilder().setId(id(1)).setTemplateId(id(3)).addSurcharges(charge).build()
        val sign = Step.newBuilder().setKey("sign").setKind(StepKind.STEP_KIND_SIGNATURE)
        fun held(kind: Int, id: ByteString, entity: MessageLite) = kind to Item(id, entity.toByteString())
        val visit = Visit.newBuilder().setId(id(2)).setTicketId(id(1)).build()
        val job = listOf(
            held(EntityKind.ENTITY_KIND_TICKET_VALUE, id(1), ticket),
            held(EntityKind.ENTITY_KIND_VISIT_VALUE, id(2), visit),
            held(
                EntityKind.ENTITY_KIND_TEMPLATE_VALUE,
                id(3),
                Template.newBuilder().setId(id(3)).addSteps(sign).build(),
            ),
        )
        fun view(vararg proofs: Proof): View {
            val photos = proofs.map { held(EntityKind.ENTITY_KIND_PROOF_VALUE, it.id, it) }
            return Entities(*(job + photos).toTypedArray())
        }
        val guard = fieldOptions(File("unused")).guards.getValue(visitComplete.kind)
        val done = VisitComplete.newBuilder().setVisitId(id(2)).build().toByteString()
        val refused = assertThrows(Fault::class.java) { guard(view(), done) }
        assertEquals("charges_not_agreed: 高空作业 × 1", refused.message)
        val shown = SignSignature.newBuilder().covering(ticket)
        assertEquals(listOf(PriceItemKind.PRICE_ITEM_KIND_SURCHARGE), shown.linesList.map { it.kind })
        val signed = Proof.newBuilder().setId(id(6)).setTicketId(id(1)).setKind(ProofKind.PROOF_KIND_SIGNATURE)
            .setContentHash(shown.contentHash).build()
        guard(view(signed), done)
        // The office has the last word on a visit that is not here.
        guard(view(), VisitComplete.newBuilder().setVisitId(id(9)).build().toByteString())
    }
}
