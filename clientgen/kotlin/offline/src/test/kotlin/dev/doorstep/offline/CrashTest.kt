package dev.doorstep.offline

import java.io.File
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class CrashTest {
    @TempDir
    lateinit var folder: File

    /** The phone in a process of its own. */
    private fun start(): Process = ProcessBuilder(
        File(System.getProperty("java.home"), "bin/java").path,
        "-XX:TieredStopAtLevel=1",
        "-cp",
        System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path"),
        "dev.doorstep.offline.VictimKt",
        folder.path,
    ).redirectError(ProcessBuilder.Redirect.INHERIT).start()

    @Test
    fun `a killed phone loses nothing that was saved`() {
        var saved = 0
        for (life in 0 until LIVES) {
            val phone = start()
            var said = 0
            phone.inputStream.bufferedReader().forEachLine {
                assertEquals("saved", it)
                saved++
                if (++said == 3 + 17 * life) phone.toHandle().destroyForcibly() // in the middle of whatever it does
            }
            assertTrue(phone.waitFor(1, TimeUnit.MINUTES))
        }
        runBlocking {
            phone(folder).use { store ->
                val found = store.waiting()
                // One more may have been saved than was said in each life.
                assertTrue(found.size in saved..saved + LIVES, "said $saved times saved, found ${found.size}")
                assertEquals((1..found.size).map(Int::toLong), found.map { it.mutation.seq })
                val things = store.things()
                assertEquals(things[1], things[2], "half a page shows")
                assertEquals(emptyList<String>(), store.reading { it.pullState() }.repair)
                assertEquals("ok", store.reading { sql -> sql.first("PRAGMA integrity_check") { it.text(0) } })
            }
        }
    }

    @Test
    fun `a second process is told that the store is locked`() = runBlocking {
        phone(folder).use {
            val second = start()
            assertEquals("store_locked", second.inputStream.bufferedReader().readText().trim())
            assertEquals(0, second.waitFor())
        }
    }

    private companion object {
        const val LIVES = 4
    }
}
