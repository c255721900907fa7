package dev.doorstep.offline

import java.io.ByteArrayOutputStream
import java.io.File
import java.nio.file.Path
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Names, addresses and photos of customers are gone from the disk when the app says that they are. */
class WipeTest {
    @TempDir
    lateinit var temp: Path
    private val folder: File get() = temp.toFile()

    private val secret = "MrsRosaOfMarketStreet"

    /** Whether what was told in confidence is anywhere in the files of the database. */
    private fun onDisk(): Boolean = listOf("store.db", "store.db-wal").any {
        val file = File(folder, it)
        file.exists() && secret in file.readBytes().toString(Charsets.ISO_8859_1)
    }

    private suspend fun filled(): Store = phone(folder).also { store ->
        store.take(page(mapOf(1 to secret)))
        store.read { it.list(THING) } // a reader's connection stays open
        assertTrue(onDisk())
    }

    @Test
    fun `a phone that logged out holds nothing of its customers`() = runBlocking {
        filled().use { store ->
            store.logout()
            assertFalse(onDisk())
        }
    }

    @Test
    fun `a phone that handed its work over holds nothing of it, nor its photos`() = runBlocking {
        filled().use { store ->
            store.act("set", text("1 $secret"), listOf(store.keep(secret.byteInputStream(), "text/plain")))
            val box = store.export(ByteArrayOutputStream(), "a passphrase")
            store.handOver(box)
            assertFalse(onDisk())
            assertEquals(0, File(folder, "files").list().orEmpty().size)
        }
    }

    @Test
    fun `a phone that was cut off while it wiped itself ends that when it is opened next`() = runBlocking {
        filled().use { store -> store.transact { it.wipeCopy(Fault.DEVICE_REVOKED) } }
        phone(folder).use { assertFalse(onDisk()) }
    }
}
