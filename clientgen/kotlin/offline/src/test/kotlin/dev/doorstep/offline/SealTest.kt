package dev.doorstep.offline

import java.io.ByteArrayOutputStream
import java.io.File
import java.io.InputStream
import java.util.Base64
import java.util.HexFormat
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory

private const val PHRASE = "basement 三号"

private fun file(size: Int): ByteArray = ByteArray(size) { (it * 7 % 251).toByte() }

private fun InputStream.drain(): ByteArray = use { it.readBytes() }

/** A box as its bytes: sealed and opened, also across languages. */
class SealTest {
    @TestFactory
    fun `boxes of all languages open`(): List<DynamicTest> {
        val vectors = Json.parseToJsonElement(
            File("../../../sync/conformance/vectors/blackbox.json").readText(),
        ).jsonObject
        return vectors.getValue("boxes").jsonArray.map { it.jsonObject }.map { box ->
            DynamicTest.dynamicTest(box.text("by")) { open(box) }
        }
    }

    private fun JsonObject.text(name: String) = getValue(name).jsonPrimitive.content

    private fun open(box: JsonObject) {
        val opener = Opener(Base64.getDecoder().decode(box.text("sealed")).inputStream(), box.text("passphrase"))
        val tar = TarReader(opener)
        assertEquals("work.json", tar.next())
        val work = box.getValue("work").jsonObject
        assertEquals(work, Json.parseToJsonElement(tar.bytes.readBytes().decodeToString()))
        for (one in work.getValue("files").jsonArray.map { it.jsonObject }) {
            assertEquals(one.text("id"), tar.next())
            assertArrayEquals(file(one.text("size").toInt()), tar.bytes.readBytes())
        }
        assertNull(tar.next())
        assertEquals(0, opener.readBytes().count { it != 0.toByte() }, "behind the end")
    }

    @Test
    fun `what was sealed opens, whatever its size`() {
        for (size in listOf(0, 1, 65_535, 65_536, 65_537, 200_000)) {
            assertArrayEquals(file(size), Opener(seal(file(size)).inputStream(), PHRASE).drain(), "$size")
        }
    }

    @Test
    fun `what was changed or cut, or has another passphrase, does not open`() {
        val sealed = seal(file(70_000))
        val head = 15 + 16
        val damaged = sealed.clone().also { it[it.size / 2] = (it[it.size / 2] + 1).toByte() }
        val longer = sealed.clone().also { it[head] = 0x7f }
        val lastGone = sealed.copyOf(head + 4 + 65_536 + 16)
        val wrong = listOf(damaged, longer, lastGone, sealed.copyOf(sealed.size - 100), sealed.copyOf(20), ByteArray(0))
        for (bytes in wrong) {
            assertEquals(
                Fault.BOX_UNREADABLE,
                codeOf(
                    assertThrows(Fault::class.java) {
                        Opener(bytes.inputStream(), PHRASE).drain()
                    },
                ),
            )
        }
        val other = assertThrows(Fault::class.java) { Opener(sealed.inputStream(), PHRASE + "x").drain() }
        assertEquals(Fault.BOX_UNREADABLE, codeOf(other))
    }

    private fun seal(bytes: ByteArray): ByteArray {
        val out = ByteArrayOutputStream()
        Sealer(out, PHRASE).use { it.write(bytes) }
        return out.toByteArray()
    }

    /** The vector of draft-irtf-cfrg-xchacha, 2.2.1. */
    @Test
    fun `keys are made as the draft says`() {
        val hex = HexFormat.of()
        val key = hex.parseHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        val nonce = hex.parseHex("000000090000004a0000000031415927")
        assertEquals(
            "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc",
            hex.formatHex(hChaCha20(key, nonce)),
        )
    }

    @Test
    fun `an archive is read as it was written`() {
        val out = ByteArrayOutputStream()
        val sizes = listOf(0, 1, 511, 512, 513, 70_000)
        val tar = TarWriter(out)
        for (size in sizes) tar.add("file-$size", size.toLong(), 1_795_000_000, file(size).inputStream())
        tar.end()
        val skipping = TarReader(out.toByteArray().inputStream())
        for (size in sizes) assertEquals("file-$size", skipping.next())
        val reading = TarReader(out.toByteArray().inputStream())
        for (size in sizes) {
            reading.next()
            assertArrayEquals(file(size), reading.bytes.readBytes())
        }
        assertNull(reading.next())
        val cut = TarReader(out.toByteArray().copyOf(out.size() - 2000).inputStream())
        val thrown = assertThrows(Fault::class.java) { while (cut.next() != null) cut.bytes.readBytes() }
        assertEquals(Fault.BOX_UNREADABLE, codeOf(thrown))
    }
}
