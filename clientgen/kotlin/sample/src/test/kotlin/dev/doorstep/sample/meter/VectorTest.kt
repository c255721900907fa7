package dev.doorstep.sample.meter

import com.google.protobuf.ByteString
import com.google.protobuf.MessageLite
import dev.doorstep.offline.Draft
import dev.doorstep.offline.Entities
import dev.doorstep.offline.Item
import dev.doorstep.offline.Mutation
import dev.doorstep.offline.View
import dev.doorstep.sample.meter.v1.CloseRoute
import dev.doorstep.sample.meter.v1.Meter
import dev.doorstep.sample.meter.v1.Photo
import dev.doorstep.sample.meter.v1.Route
import java.io.File
import java.time.Instant
import java.util.Base64
import java.util.UUID
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

/** What effects show is the same in all languages. */
class VectorTest {
    private object None : CustomEffects {
        override fun closeRoute(view: View, args: CloseRoute, at: Instant, draft: Draft) = Unit
    }

    @TestFactory
    fun `effects change what those of all languages do`(): List<DynamicTest> {
        val file = File("../../../sync/conformance/vectors/effects.json")
        return Json.parseToJsonElement(file.readText()).jsonObject.getValue("vectors").jsonArray.map {
            val vector = it.jsonObject
            DynamicTest.dynamicTest(vector.text("name")) { check(vector) }
        }
    }

    private fun check(vector: JsonObject) {
        val held = vector.list("holds").map { it.kind() to Item(it.bytes("id"), it.bytes("body")) }
        val kind = vector.text("kind")
        val done = Mutation(UUID(0, 1), 1, kind, vector.bytes("args"), Instant.parse(vector.text("at")))
        val changes = effects(None).getValue(kind)(Entities(*held.toTypedArray()), done)
        assertEquals(
            vector.list("changes").map {
                Triple(it.kind(), it.bytes("id"), it["body"]?.let { _ -> message(it.kind(), it.bytes("body")) })
            },
            changes.map { Triple(it.kind, it.id, it.body?.let { body -> message(it.kind, body) }) },
        )
    }

    private fun message(kind: Int, body: ByteString): MessageLite = when (kind) {
        Routes.kind -> Route.parseFrom(body)
        Meters.kind -> Meter.parseFrom(body)
        else -> Photo.parseFrom(body)
    }

    private fun JsonObject.text(name: String) = getValue(name).jsonPrimitive.content

    private fun JsonObject.kind() = text("kind").toInt()

    private fun JsonObject.bytes(name: String): ByteString =
        ByteString.copyFrom(Base64.getDecoder().decode(this[name]?.jsonPrimitive?.content.orEmpty()))

    private fun JsonObject.list(name: String) = this[name]?.jsonArray.orEmpty().map { it.jsonObject }
}
