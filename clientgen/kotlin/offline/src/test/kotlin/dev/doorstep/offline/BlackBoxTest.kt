package dev.doorstep.offline

import java.io.ByteArrayOutputStream
import java.io.File
import java.nio.channels.Channels
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

private const val PHRASE = "basement 三号"

/** Unsent work from one store to another. */
class BlackBoxTest {
    @TempDir
    lateinit var folder: File

    private fun store(name: String): Store = runBlocking { phone(File(folder, name)) }

    private fun code(fn: suspend () -> Unit): String? = codeOf(assertThrows(Fault::class.java) { runBlocking { fn() } })

    /** It begins like a JPEG. */
    private val photo = byteArrayOf(-1, 0xD8.toByte(), -1) + ByteArray(70_000) { (it * 7 % 251).toByte() }

    @Test
    fun `unsent work goes to another phone and counts once`() = runBlocking {
        val dying = store("dying")
        dying.act("set", text("1 a"))
        val kept = dying.keep(photo.inputStream(), "image/jpeg")
        dying.act("set", text("2 b"), listOf(kept))
        val sealed = ByteArrayOutputStream()
        val box = dying.export(sealed, PHRASE)
        assertEquals(2, box.mutations)
        val fresh = store("fresh")
        for (known in listOf(0, 2)) {
            assertEquals(known, fresh.import(sealed.toByteArray().inputStream(), PHRASE).known)
        }
        assertEquals(dying.actions().map { it.mutation }, fresh.actions().map { it.mutation })
        assertEquals(mapOf(1 to "a", 2 to "b"), fresh.things())
        assertEquals(Unsent(2, 1, photo.size.toLong()), fresh.unsent())
        fresh.openFile(kept.id).use { assertArrayEquals(photo, Channels.newInputStream(it).readBytes()) }
        dying.handOver(box)
        assertTrue(dying.unsent().isEmpty)
        assertFalse(dying.device().enrolled)
        dying.close()
        fresh.close()
    }

    @Test
    fun `a box that is not all of it does not empty the phone`() = runBlocking {
        val phone = store("phone")
        phone.act("set", text("1 a"))
        val box = phone.export(ByteArrayOutputStream(), PHRASE)
        phone.act("set", text("2 b"))
        assertEquals(Fault.UNSENT_WORK, code { phone.handOver(box) })
        assertEquals(mapOf(1 to "a", 2 to "b"), phone.things())
        phone.close()
    }

    @Test
    fun `what does not open leaves the phone as it was`() = runBlocking {
        val from = store("from")
        from.act("set", text("1 a"), listOf(from.keep(photo.inputStream(), "image/jpeg")))
        assertEquals(Fault.BOX_PASSPHRASE, code { from.export(ByteArrayOutputStream(), "short") })
        val sealed = ByteArrayOutputStream().also { from.export(it, PHRASE) }.toByteArray()
        val to = store("to")
        val damaged = sealed.clone().also { it[it.size / 2] = (it[it.size / 2] + 1).toByte() }
        for (bytes in listOf(damaged, sealed.copyOf(sealed.size - 1), ByteArray(0))) {
            assertEquals(Fault.BOX_UNREADABLE, code { to.import(bytes.inputStream(), PHRASE) })
        }
        assertEquals(Fault.BOX_UNREADABLE, code { to.import(sealed.inputStream(), PHRASE + "x") })
        assertTrue(to.unsent().isEmpty)
        val stranger = Store.open(options(File(folder, "stranger")))
        assertEquals(Fault.NOT_ENROLLED, code { stranger.import(sealed.inputStream(), PHRASE) })
        stranger.transact { it.enrolled("http://office", who(1).toBuilder().setOrgId(id(101)).build()) }
        assertEquals(Fault.BOX_FOREIGN, code { stranger.import(sealed.inputStream(), PHRASE) })
        listOf(from, to, stranger).forEach(Store::close)
    }
}
