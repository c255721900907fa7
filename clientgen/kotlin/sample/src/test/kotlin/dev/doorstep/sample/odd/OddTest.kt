package dev.doorstep.sample.odd

import com.google.protobuf.ByteString
import dev.doorstep.offline.Entities
import dev.doorstep.offline.Item
import dev.doorstep.offline.Mutation
import dev.doorstep.offline.Overlay
import dev.doorstep.offline.toTimestamp
import dev.doorstep.sample.odd.v1.Change
import dev.doorstep.sample.odd.v1.Color
import dev.doorstep.sample.odd.v1.Make
import dev.doorstep.sample.odd.v1.String as StringMessage
import java.time.Instant
import java.util.UUID
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

private fun id(n: Int): ByteString = ByteString.copyFrom(ByteArray(16).also { it[15] = n.toByte() })

private val at = Instant.parse("2026-11-23T09:00:00.123456Z")

/** The number of a color that this client does not know. */
private const val GREEN = 77

class OddTest {
    private val key: StringMessage.Key = StringMessage.Key.newBuilder().setId(id(1)).setPin("1234").build()

    private val deep: StringMessage.Part = StringMessage.Part.newBuilder()
        .setPin("1234")
        .setDeeper(StringMessage.Deeper.newBuilder().setCount(5).addKeys(key))
        .build()

    private val strange: StringMessage =
        StringMessage.newBuilder().setId(id(1)).setViewId(id(2)).setColorValue(GREEN).addKeys(key).build()

    private val red: StringMessage =
        StringMessage.newBuilder().setId(id(2)).setViewId(id(1)).setColor(Color.COLOR_RED).setDeep(deep).build()

    private val view = Overlay(Entities(held(strange), held(red)))

    private fun held(one: StringMessage) = Strings.kind to Item(one.id, one.toByteString())

    private fun act(kind: String, args: ByteString) =
        view.apply(effects().getValue(kind)(view, Mutation(UUID(0, 1), 1, kind, args, at)))

    @Test
    fun `what is made holds every kind of value`() {
        val make = Make.newBuilder().setId(id(3)).setViewId(id(1)).setColorValue(GREEN).addColorsValue(GREEN)
        make.setChosenValue(GREEN).addTags("a")
        assertTrue(dev.doorstep.sample.odd.make.offered(view, make.build()))
        act("odd.make", make.build().toByteString())
        val made = Strings.get(view, id(3))!!
        assertEquals("a \"quoted\" \$word \\ \n", made.text)
        assertEquals(Int.MIN_VALUE, made.small)
        assertEquals(UInt.MAX_VALUE, made.uSmall.toUInt())
        assertEquals(Long.MIN_VALUE, made.big)
        assertEquals(ULong.MAX_VALUE, made.uBig.toULong())
        assertEquals(1.5f, made.f)
        assertEquals(Double.NEGATIVE_INFINITY, made.d)
        assertEquals(at.toTimestamp(), made.at)
        assertEquals(deep, made.deep)
        assertEquals(listOf("a"), made.tagsList)
    }

    @Test
    fun `numbers of enums that the client does not know survive`() {
        val make = Make.newBuilder().setId(id(3)).setViewId(id(1)).setColorValue(GREEN).addColorsValue(GREEN)
        act("odd.make", make.setChosenValue(GREEN).build().toByteString())
        val made = Strings.get(view, id(3))!!
        assertEquals(GREEN, made.colorValue)
        assertEquals(listOf(GREEN), made.colorsValueList)
        assertEquals(GREEN, made.chosenValue)
        assertEquals(GREEN, made.maybeValue)
        act("odd.change", Change.newBuilder().setObjectId(id(3)).setColorValue(GREEN).build().toByteString())
        assertEquals(listOf(GREEN), Strings.get(view, id(3))!!.colorsValueList)
    }

    @Test
    fun `a message that is not there leaves none behind`() {
        act("odd.change", Change.newBuilder().setObjectId(id(2)).setMuch(9).setPart(deep).build().toByteString())
        val changed = Strings.get(view, id(2))!!
        assertEquals(2, changed.deep.deeper.count, "what is set comes before what is added")
        assertFalse(changed.deep.deeper.hasAt())
        assertEquals(deep, changed.part)
        assertEquals(9, changed.uBig)
        assertEquals(0.5, changed.d)
        assertEquals(listOf(id(2), ByteString.EMPTY), changed.keysList.map { it.id })
        act("odd.change", Change.newBuilder().setObjectId(id(2)).build().toByteString())
        assertFalse(Strings.get(view, id(2))!!.hasPart())
    }

    @Test
    fun `secrets within lists and messages are taken out too`() {
        val all = Strings.get(view, id(2))!!.toBuilder().addKeys(key).setPart(deep).build()
        val printed = Strings.redacted(all)
        assertFalse("1234" in printed.toString(), printed.toString())
        assertEquals(5, printed.deep.deeper.count)
        assertEquals(listOf(key.id), printed.keysList.map { it.id })
    }
}
