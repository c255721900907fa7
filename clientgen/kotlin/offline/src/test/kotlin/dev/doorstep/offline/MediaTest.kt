package dev.doorstep.offline

import java.io.File
import java.util.Base64
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.io.TempDir

/** What sync/conformance/vectors/picture.json says of first bytes and of files that are taken. */
class MediaTest {
    @TempDir
    lateinit var folder: File

    private val vectors =
        Json.parseToJsonElement(File("../../../sync/conformance/vectors/picture.json").readText()).jsonObject

    private fun JsonObject.text(name: String) = this[name]?.jsonPrimitive?.content.orEmpty()

    private fun JsonObject.head(): ByteArray = Base64.getDecoder().decode(text("head"))

    private fun each(name: String, check: (JsonObject) -> Unit): List<DynamicTest> =
        vectors.getValue(name).jsonArray.map { it.jsonObject }
            .map { DynamicTest.dynamicTest(it.text("says")) { check(it) } }

    @TestFactory
    fun `the type of a picture is told by its first bytes`() = each("types") {
        assertEquals(it.text("type"), sniff(it.head()).orEmpty())
    }

    @TestFactory
    fun `a file that is taken is kept as what it is, or refused`() = each("kept") { case ->
        runBlocking {
            Store.open(Options(File(folder, case.text("says")), otherFiles = "any" in case)).use { store ->
                val kept = runCatching { store.keep(case.head().inputStream(), case.text("declared")) }
                assertEquals(case.text("media"), kept.getOrNull()?.media.orEmpty())
                assertEquals(case.text("code"), codeOf(kept.exceptionOrNull()).orEmpty())
                val there = kept.getOrNull()?.let { store.openFile(it.id).use { file -> file.size().toInt() } }
                assertEquals(if (kept.isSuccess) case.head().size else null, there)
            }
        }
    }
}
