package dev.doorstep.offline.codes

import dev.doorstep.offline.Fault
import dev.doorstep.offline.codeOf
import java.io.File
import java.time.Instant
import java.util.HexFormat
import java.util.UUID
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory

/** What the server's tests read too. */
private fun vectors(name: String): JsonObject {
    val folder = if (name == "token") "server/code/testdata/vectors" else "clientgen/golang/codes/testdata"
    return Json.parseToJsonElement(File("../../../$folder/$name.json").readText()).jsonObject
}

private fun JsonObject.cases(): List<JsonObject> = getValue("cases").jsonArray.map { it.jsonObject }

private fun JsonObject.text(name: String): String = this[name]?.jsonPrimitive?.content.orEmpty()

private fun each(vectors: JsonObject, name: String, check: (JsonObject) -> Unit): List<DynamicTest> =
    vectors.cases().map { DynamicTest.dynamicTest("«${it.text(name).take(60)}»") { check(it) } }

class CodeTest {
    @TestFactory
    fun `labels say what they say to the server`() = each(vectors("gs1"), "name") { case ->
        val error = case.text("error")
        if (error.isEmpty()) {
            val label = Label.parse(case.text("scanned"))
            val read = listOf(label.gtin.digits, label.lot, label.serial, label.host, label.prefix)
            assertEquals(listOf("gtin", "lot", "serial", "host", "prefix").map(case::text), read)
        } else {
            val thrown = assertThrows(Fault::class.java) { Label.parse(case.text("scanned")) }
            assertEquals(error, codeOf(thrown))
        }
    }

    /** ../shared/data/cases/scan: what real scanners hand over, where it is at hand; the vectors are twins of it. */
    @TestFactory
    fun `labels of real scanners say what they should`(): List<DynamicTest> {
        val real = File("../../../../shared/data/cases/scan/labels.tsv")
        val lines = if (real.exists()) real.readLines().filterNot { it.startsWith("#") } else emptyList()
        return lines.map { it.split('\t') }.filter { it.size == 3 }.map { (scanned, product, serial) ->
            DynamicTest.dynamicTest(scanned) {
                val text = Json.parseToJsonElement(scanned).jsonPrimitive.content
                if (product.startsWith("refused")) {
                    assertEquals(
                        "code_check_digit",
                        codeOf(assertThrows(Fault::class.java) { Label.parse(text) }),
                    )
                } else {
                    val label = Label.parse(text)
                    assertEquals(listOf(product, serial), listOf(label.gtin.digits, label.serial))
                }
            }
        }
    }

    @Test
    fun `a link that was written is read back`() {
        val gtin = Gtin.parse("6901234567892")
        for (serial in listOf("SN/1", "a%b", "x+y", "(21)", "")) {
            assertEquals(
                Label(gtin, "", serial, "id.example.com", "p"),
                Label.parse(Label.link("https://ID.example.com/p/", gtin, serial)),
            )
        }
        assertEquals("6901234567892", gtin.ean13)
        assertNull(Gtin.parse("16901234567899").ean13)
        assertTrue(Label.isSerial("SN-1"))
        assertFalse(Label.isSerial("a b"))
    }

    @TestFactory
    fun `short codes are those of the server`() = each(vectors("human"), "typed") { case ->
        val error = case.text("error")
        if (error.isEmpty()) {
            val code = HumanCode.parse(case.text("typed"))
            assertEquals(listOf(case.text("code"), case.text("shown")), listOf(code.characters, code.toString()))
        } else {
            val thrown = assertThrows(Fault::class.java) { HumanCode.parse(case.text("typed")) }
            assertEquals(error, codeOf(thrown))
        }
    }

    @Test
    fun `every wrong character and every exchange of two is noticed`() {
        val right = HumanCode.parse("K7M39QX8").characters
        for (i in right.indices) {
            for (char in HumanCode.ALPHABET.filter {
                it != right[i]
            }) {
                assertWrong(right.replaceRange(i, i + 1, "$char"))
            }
            for (j in 0 until i) {
                val swapped = right.toCharArray().also { it[i] = right[j] }.also { it[j] = right[i] }.concatToString()
                if (swapped != right) assertWrong(swapped)
            }
        }
    }

    private fun assertWrong(typed: String) {
        assertEquals(Fault.CODE_CHECK_DIGIT, codeOf(assertThrows(Fault::class.java) { HumanCode.parse(typed) }), typed)
    }

    @TestFactory
    fun `signed codes hold where the server says so`(): List<DynamicTest> {
        val vectors = vectors("token")
        val keys = vectors.getValue("keys").jsonArray.map { it.jsonObject }.associate {
            val key = HexFormat.of().parseHex(it.text("ed25519_hex"))
            it.text("key_id") to TrustedKey(key, it.text("not_after").takeIf(String::isNotEmpty)?.let(Instant::parse))
        }
        return each(vectors, "name") { case ->
            val verify = { SignedCode.verify(case.text("text"), Instant.parse(case.text("now")), keys) }
            if (case.getValue("valid").jsonPrimitive.boolean) {
                val code = verify()
                assertEquals(case.text("kind").toInt() - 1, code.kind.ordinal)
                assertEquals(case.text("key_id"), code.keyId)
                assertEquals(UUID.fromString(case.text("id")), code.id)
                assertEquals(case.text("expires"), code.expires?.toString().orEmpty())
                assertEquals(case.text("text"), SignedCode.find("HTTPS://HOST.EXAMPLE/C/${case.text("text")}?lang=zh"))
                assertTrue(code.isOf(UUID(0, code.id.leastSignificantBits)))
                assertFalse(code.isOf(UUID(0, code.id.leastSignificantBits xor 1)))
            } else {
                assertEquals(Fault.CODE_UNKNOWN, codeOf(assertThrows(Fault::class.java) { verify() }))
            }
        }
    }

    @Test
    fun `what is no code is not found`() {
        for (scanned in listOf("", "https://id.example.com/01/06901234567892", "https://host/c/", "SN1")) {
            assertNull(SignedCode.find(scanned), scanned)
        }
    }
}
