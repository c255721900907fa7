package dev.doorstep.conformance

import java.io.File
import java.util.UUID
import kotlin.time.Duration
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** A story of sync/conformance/scenarios. */
internal class Scenario(file: File) {
    private val json = Json.parseToJsonElement(file.readText()).jsonObject
    val name: String = file.nameWithoutExtension
    val says: String = json.text("says").orEmpty()
    val setup: String = json.getValue("setup").toString()
    val phones: Map<String, JsonObject> = json.getValue("phones").jsonObject.mapValues { it.value.jsonObject }
    val steps: List<Step> = json.getValue("steps").jsonArray.map { Step(it.jsonObject) }

    companion object {
        fun all(): List<Scenario> = File(repository, "sync/conformance/scenarios").listFiles { f ->
            f.extension == "json"
        }.orEmpty().sorted().map(::Scenario)
    }
}

/** One step, with what a phone does and sees in it. */
internal class Step(val json: JsonObject) {
    val phone = json.text("phone")
    val act = json.text("do")
    val fails = json.text("fails").orEmpty()
    val shows = counts("shows")
    val labels = json["labels"]?.jsonObject?.mapValues { it.value.jsonPrimitive.content }
    val shown = json["shown"]?.jsonPrimitive?.int
    val early = json["early"]?.jsonPrimitive?.boolean
    val unsent = json["unsent"]?.jsonPrimitive?.int
    val verdicts = words("verdicts")
    val files = words("files")
    val bytes = json["bytes"]?.jsonPrimitive?.int ?: 0

    fun text(name: String): String? = json.text(name)

    private fun counts(name: String) = json[name]?.jsonObject?.mapValues { it.value.jsonPrimitive.int }

    private fun words(name: String) = (json[name] as? JsonArray)?.map { it.jsonPrimitive.content }
}

internal fun JsonObject.text(name: String): String? = this[name]?.jsonPrimitive?.content

internal fun JsonObject.ids(name: String): Map<String, UUID> =
    getValue(name).jsonObject.mapValues { UUID.fromString(it.value.jsonPrimitive.content) }

/** A duration as scenarios write it: 9m, -1000h. */
internal fun duration(text: String): Duration = Duration.parse(text)
