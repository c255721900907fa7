package dev.doorstep.sample.meter

import com.google.protobuf.ByteString
import com.google.protobuf.MessageLite
import dev.doorstep.offline.Draft
import dev.doorstep.offline.Entities
import dev.doorstep.offline.Item
import dev.doorstep.offline.Mutation
import dev.doorstep.offline.Overlay
import dev.doorstep.offline.View
import dev.doorstep.offline.toInstant
import dev.doorstep.sample.meter.v1.CloseRoute
import dev.doorstep.sample.meter.v1.DropPhoto
import dev.doorstep.sample.meter.v1.Meter
import dev.doorstep.sample.meter.v1.MissMeter
import dev.doorstep.sample.meter.v1.ReadMeter
import dev.doorstep.sample.meter.v1.Reading
import dev.doorstep.sample.meter.v1.Route
import dev.doorstep.sample.meter.v1.Status
import dev.doorstep.sample.meter.v1.TagMeter
import dev.doorstep.sample.meter.v1.TakePhoto
import java.time.Instant
import java.util.UUID
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

private fun id(n: Int): ByteString = ByteString.copyFrom(ByteArray(16).also { it[15] = n.toByte() })

private fun bytes(vararg values: Int): ByteString = ByteString.copyFrom(ByteArray(values.size) { values[it].toByte() })

private val meterId = id(1)
private val routeId = id(2)
private val one = id(3)
private val two = id(4)
private val absent = id(9)
private val at = Instant.parse("2026-11-23T09:00:00Z")

/** The effect that the annotations leave to the application. */
private object ByHand : CustomEffects {
    override fun closeRoute(view: View, args: CloseRoute, at: Instant, draft: Draft) {
        for (meter in Meters.byRouteId(view, args.routeId)) {
            Meters.edit(draft, meter.id) { it.clearTags().addTags("closed") }
        }
    }
}

private val meter: Meter = Meter.newBuilder()
    .setId(meterId)
    .setRouteId(routeId)
    .setStatus(Status.STATUS_DUE)
    .setVisits(2)
    .addTags("dog")
    .addTags("dark")
    .addReadings(Reading.newBuilder().setId(one).setKwh(7))
    .build()

/** The rules of docs/NEW-LANGUAGE.md, each tried on the trade that uses all that annotations can say. */
class EffectTest {
    private val view = Overlay(
        Entities(
            Routes.kind to Item(routeId, Route.newBuilder().setId(routeId).setName("north").build().toByteString()),
            Meters.kind to Item(meterId, meter.toByteString()),
        ),
    )

    /** Lets the effect of one mutation show, and returns how many entities it changed. */
    private fun act(kind: String, args: MessageLite): Int {
        val changes = effects(ByHand).getValue(kind)(view, mutation(kind, args.toByteString()))
        view.apply(changes)
        return changes.size
    }

    private fun mutation(kind: String, args: ByteString) = Mutation(UUID(0, 1), 1, kind, args, at)

    private fun shown(): Meter = Meters.get(view, meterId)!!

    @Test
    fun `a reading shows at once`() {
        val read = ReadMeter.newBuilder()
            .setId(two)
            .setMeterId(meterId)
            .setKwh(9)
            .setStreet("Elm")
            .setByCamera("c1")
            .build()
        assertTrue(readMeter.offered(view, read), "a due meter can be read")
        assertEquals(1, act("meter.read", read))
        assertEquals(Status.STATUS_READ, shown().status)
        assertEquals(3, shown().visits)
        assertEquals("Elm", shown().address.street)
        assertEquals(at, shown().readAt.toInstant())
        assertEquals(2, shown().readingsCount)
        val reading = shown().getReadings(1)
        assertEquals(9, reading.kwh)
        assertEquals("c1", reading.byCamera)
        assertEquals(at, reading.at.toInstant())
        assertFalse(readMeter.offered(view, read), "a meter that was read is not offered again")
        assertEquals(0, act("meter.read", read), "and shows nothing more")
    }

    @Test
    fun `an element is replaced by its key`() {
        act("meter.read", ReadMeter.newBuilder().setId(one).setMeterId(meterId).setKwh(8).setByEye(false).build())
        assertEquals(listOf(8L), shown().readingsList.map { it.kwh })
        assertEquals(
            Reading.SourceCase.BY_EYE,
            shown().getReadings(0).sourceCase,
            "of a choice the one that was made is kept, false as it is",
        )
    }

    @Test
    fun `an effect may depend on the arguments`() {
        act("meter.miss", MissMeter.newBuilder().setMeterId(meterId).setNote("nobody").build())
        assertEquals(Status.STATUS_DUE, shown().status)
        assertEquals("nobody", shown().note)
        assertTrue(shown().hasFloor())
        assertEquals(3, shown().visits)
    }

    @Test
    fun `two effects on one entity add up`() {
        act("meter.miss", MissMeter.newBuilder().setMeterId(meterId).setFinal(true).build())
        assertEquals(Status.STATUS_UNREACHABLE, shown().status)
        assertEquals(3, shown().visits)
    }

    @Test
    fun `elements are added and taken away`() {
        val tag = TagMeter.newBuilder().setMeterId(meterId).setTag("lamp").setInsteadOf("dark").setDropReading(one)
        act("meter.tag", tag.build())
        assertEquals(listOf("dog", "lamp"), shown().tagsList)
        assertEquals(0, shown().readingsCount)
    }

    @Test
    fun `entities are made once and go`() {
        val take = TakePhoto.newBuilder().setId(one).setMeterId(meterId).setSha256(bytes(1))
        assertEquals(1, act("photo.take", take.build()))
        assertEquals(0, act("photo.take", take.setSha256(bytes(2)).build()), "an entity is made once")
        val photo = Photos.get(view, one)
        assertNotNull(photo)
        assertEquals("north", photo!!.routeName)
        assertEquals(bytes(1), photo.sha256)
        assertEquals(listOf(photo), Photos.byMeterId(view, meterId))
        assertTrue(Photos.pending(view, one))
        assertFalse(Meters.pending(view, meterId))
        assertEquals(
            0,
            act("photo.take", TakePhoto.newBuilder().setId(two).setMeterId(absent).build()),
            "what goes through an entity that is not here does not happen",
        )
        assertEquals(1, act("photo.drop", DropPhoto.newBuilder().setPhotoId(one).build()))
        assertNull(Photos.get(view, one))
    }

    @Test
    fun `what is written by hand uses the same tables`() {
        assertEquals(1, act("route.close", CloseRoute.newBuilder().setRouteId(routeId).build()))
        assertEquals(listOf("closed"), shown().tagsList)
        assertEquals(1, Meters.byStatusAddressStreet(view, Status.STATUS_DUE, "").size)
    }

    @Test
    fun `rubbish has no effect`() {
        for ((kind, effect) in effects(ByHand)) {
            assertEquals(0, effect(view, mutation(kind, bytes(0xff))).size, kind)
            if (kind != "photo.take") {
                assertEquals(0, effect(Entities(), mutation(kind, ByteString.EMPTY)).size, "$kind on nothing")
            }
        }
    }

    @Test
    fun `what is sensitive is not in what may be printed`() {
        val known = shown().toBuilder().setAddress(
            shown().address.toBuilder().setStreet("Elm").setPhone("555 0100"),
        ).build()
        val printed = Meters.redacted(known)
        assertEquals("Elm", printed.address.street)
        assertFalse("555" in printed.toString())
        assertTrue("555" in known.toString(), "a message's own toString prints all")
        val secret = ByteString.copyFromUtf8("555 0100")
        for (text in listOf(mutation("meter.read", secret), Item(one, secret))) {
            assertFalse("555" in text.toString(), text.toString())
        }
    }
}
