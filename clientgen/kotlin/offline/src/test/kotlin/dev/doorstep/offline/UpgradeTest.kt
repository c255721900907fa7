package dev.doorstep.offline

import java.io.File
import java.util.UUID
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.io.TempDir

/** Stores of all earlier versions, frozen in src/test/resources, are brought up with everything that is in them. */
class UpgradeTest {
    @TempDir
    lateinit var temp: File

    private fun frozen(version: Int, folder: File) {
        folder.mkdirs()
        val statements = File("src/test/resources/store-$version.sql").readText()
        Jdbc(File(folder, DATABASE)).use { sql ->
            statements.split(";\n").map(String::trim).filter(String::isNotEmpty).forEach { sql.run(it) }
        }
    }

    /** What makes the tables and indexes, by name, without regard to line ends. */
    private fun schema(folder: File): Map<String, String> = Jdbc(File(folder, DATABASE)).use { sql ->
        sql.all("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL") {
            it.text(0) to it.text(1).replace(Regex("\\s+"), " ")
        }.toMap()
    }

    @TestFactory
    fun `a store of an earlier version is brought up with all that is in it`(): List<DynamicTest> =
        (1..upgrades.size).map { version ->
            DynamicTest.dynamicTest("version $version") {
                val folder = File(temp, "$version")
                frozen(version, folder)
                runBlocking { repeat(2) { holdsAll(folder) } } // the second time there is nothing to do
                val fresh = File(temp, "fresh-$version")
                runBlocking { phone(fresh).close() }
                assertEquals(schema(fresh), schema(folder))
            }
        }

    private suspend fun holdsAll(folder: File) = Store.open(options(folder)).use { store ->
        store.check()
        assertEquals("https://old.example", store.device().server)
        assertEquals(mapOf(1 to "uno", 2 to "dos"), store.things())
        assertEquals(Unsent(2, 1, 5), store.unsent())
        assertEquals(listOf(UUID(0, 0x1a), UUID(0, 0x1b)), store.waiting().map { it.mutation.id })
        assertEquals(listOf(1L, 2L), store.transact { it.batch(10, 1000) }.mutationsList.map { it.sequence })
        // Done under an earlier identity and judged: it waits for nothing.
        assertEquals(false, store.action(UUID(0, 0x19)).waits)
    }

    /** Whoever adds a version freezes it. */
    @Test
    fun `the newest version is frozen, too`() = runBlocking {
        val newest = File(temp, "newest")
        frozen(upgrades.size, newest)
        phone(File(temp, "fresh")).close()
        assertEquals(schema(File(temp, "fresh")), schema(newest))
    }
}
