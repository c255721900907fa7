package dev.doorstep.offline

import dev.doorstep.sync.v1.Outcome
import dev.doorstep.sync.v1.PushResponse
import dev.doorstep.sync.v1.Verdict
import java.io.ByteArrayOutputStream
import java.io.File
import java.nio.channels.Channels
import java.nio.file.Files
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class StoreTest {
    @TempDir
    lateinit var folder: File

    private suspend fun fails(code: String, fn: suspend () -> Unit) {
        val error = runCatching { fn() }.exceptionOrNull()
        assertEquals(code, codeOf(error), error?.stackTraceToString())
    }

    @Test
    fun `what is done shows at once, and after a restart`() = runBlocking {
        phone(folder).use { store ->
            store.take(page(mapOf(1 to "one", 2 to "two")))
            val first = store.act("set", text("1 uno"))
            val second = store.act("set", text("3 tres"))
            assertEquals(listOf(1L, 2L), listOf(first.seq, second.seq))
            assertEquals(mapOf(1 to "uno", 2 to "two", 3 to "tres"), store.things())
            assertTrue(store.read { it.pending(THING, id(1)) && !it.pending(THING, id(2)) })
        }
        phone(folder).use { store ->
            assertEquals(mapOf(1 to "uno", 2 to "two", 3 to "tres"), store.things())
            assertEquals(Unsent(2, 0, 0), store.unsent())
            assertEquals("1 uno", store.waiting().first().mutation.args.toStringUtf8())
        }
    }

    @Test
    fun `nothing of a page shows before its checkpoint`() = runBlocking {
        phone(folder).use { store ->
            store.take(page(mapOf(1 to "one"), checkpoint = false))
            assertEquals(emptyMap<Int, String>(), store.things())
            store.take(page(mapOf(2 to "two"), feed = "team:b"))
            assertEquals(mapOf(1 to "one", 2 to "two"), store.things())
        }
    }

    @Test
    fun `an effect leaves in the step that shows the state with it`() = runBlocking {
        phone(folder).use { store ->
            store.take(page(mapOf(1 to "one")))
            val done = store.act("set", text("1 uno"))
            val verdict = Verdict.newBuilder().setSequence(
                1,
            ).setId(done.id.toBytes()).setOutcome(Outcome.OUTCOME_APPLIED)
            store.transact { it.take(PushResponse.newBuilder().addVerdicts(verdict).build()) }
            assertEquals(mapOf(1 to "uno"), store.things(), "a verdict alone ends nothing")
            store.take(page(mapOf(1 to "UNO"), last = 1))
            assertEquals(mapOf(1 to "UNO"), store.things())
            assertFalse(store.read { it.pending(THING, id(1)) })
        }
    }

    @Test
    fun `the preferred feed's body shows`() = runBlocking {
        phone(folder).use { store ->
            store.take(page(mapOf(1 to "masked"), feed = "pool:a"))
            store.take(page(mapOf(1 to "whole"), feed = "tech:a"))
            assertEquals(mapOf(1 to "whole"), store.things())
            store.take(page(mapOf(1 to "masked again"), feed = "pool:a"))
            assertEquals(mapOf(1 to "whole"), store.things())
        }
    }

    @Test
    fun `a second one is told that the store is locked`() = runBlocking {
        phone(folder).use { fails(Fault.STORE_LOCKED) { Store.open(options(folder)) } }
        phone(folder).close()
    }

    @Test
    fun `a store of a newer app is left alone`() = runBlocking {
        phone(folder).close()
        Jdbc(File(folder, "store.db")).use { it.run("PRAGMA user_version = 99") }
        fails(Fault.STORE_UNUSABLE) { Store.open(options(folder)) }
        Jdbc(File(folder, "store.db")).use { sql -> assertEquals(99L, sql.first("PRAGMA user_version") { it.long(0) }) }
    }

    @Test
    fun `logging out refuses while anything is unsent`() = runBlocking {
        phone(folder).use { store ->
            store.act("set", text("1 uno"))
            fails(Fault.UNSENT_WORK) { store.logout() }
            assertEquals(1, store.unsent().mutations)
            fails(Fault.UNSENT_WORK) { store.transact { it.enrolled("http://office", who(2)) } }
        }
    }

    @Test
    fun `logging out refuses while nobody has dealt with what the server did not do`() = runBlocking {
        for (outcome in listOf(Outcome.OUTCOME_REJECTED, Outcome.OUTCOME_PARKED)) {
            val own = File(folder, outcome.name)
            phone(own).use { store ->
                val done = store.act("set", text("1 uno"))
                val verdict = Verdict.newBuilder().setSequence(1).setId(done.id.toBytes()).setOutcome(outcome)
                store.transact { it.take(PushResponse.newBuilder().addVerdicts(verdict).build()) }
                assertTrue(store.unsent().isEmpty)
                fails(Fault.UNACKNOWLEDGED) { store.logout() }
                assertEquals(done.id, store.attention().single().mutation.id)
                store.markSeen(done.id)
                store.logout()
                assertFalse(store.device().enrolled)
            }
        }
    }

    @Test
    fun `whoever exports may hand over what nobody has dealt with`() = runBlocking {
        phone(folder).use { store ->
            val done = store.act("set", text("1 uno"))
            val verdict = Verdict.newBuilder().setSequence(1).setId(done.id.toBytes())
                .setOutcome(Outcome.OUTCOME_REJECTED)
            store.transact { it.take(PushResponse.newBuilder().addVerdicts(verdict).build()) }
            store.handOver(store.export(ByteArrayOutputStream(), "a passphrase"))
            assertFalse(store.device().enrolled)
        }
    }

    @Test
    fun `enrolling anew numbers what is unsent from one`() = runBlocking {
        phone(folder).use { store ->
            val first = store.act("set", text("1 uno"))
            val second = store.act("set", text("2 dos"))
            val verdict = Verdict.newBuilder().setSequence(
                1,
            ).setId(first.id.toBytes()).setOutcome(Outcome.OUTCOME_APPLIED)
            store.transact { it.take(PushResponse.newBuilder().addVerdicts(verdict).build()) }
            assertEquals(second.id, store.waiting().single().mutation.id)
            store.transact { it.enrolled("http://office", who(1)) }
            // What has a verdict goes, too: nobody knows whether the office that this device is of now has it.
            val sent = store.transact { it.batch(10, 1000) }.mutationsList
            assertEquals(listOf(first.id.toBytes(), second.id.toBytes()), sent.map { it.id })
            assertEquals(listOf(1L, 2L), sent.map { it.sequence })
            assertEquals(3, store.act("set", text("3 tres")).seq)
        }
    }

    @Test
    fun `words said anew are unseen and bring their files again`() = runBlocking {
        phone(folder).use { store ->
            val done = store.act("set", text("1 uno"), listOf(store.keep("bytes".byteInputStream(), "text/plain")))
            val verdict = Verdict.newBuilder().setSequence(1).setId(done.id.toBytes())
                .setOutcome(Outcome.OUTCOME_REJECTED)
            store.transact { sql ->
                sql.take(PushResponse.newBuilder().addVerdicts(verdict).build())
                sql.files().forEach { sql.setFile(it.copy(state = FileState.DONE)) }
            }
            store.markSeen(done.id)
            fails(Fault.SEQUENCE_REUSED) { store.reword(done.id, "put", text("1 one")) }
            store.take(page(mapOf(1 to "one"), last = 0)) // a restored server, that has forgotten it
            store.transact { it.refusedAsOld(1) }
            store.reword(done.id, "put", text("1 one"))
            val now = store.action(done.id)
            assertEquals(listOf(null, false, true), listOf(now.verdict, now.seen, now.waits))
            assertEquals(FileState.WAITING, store.files().single().state)
        }
    }

    @Test
    fun `a file whose bytes are gone is told from one that cannot be read now`() = runBlocking {
        phone(folder).use { store ->
            val names = listOf("whole", "short", "gone", "card pulled")
            val kept = names.map { store.keep(it.byteInputStream(), "text/plain") }
            store.act("set", text("1 uno"), kept)
            val paths = kept.map { store.files.path(it.id.name()) }
            paths[1].writeText("sh")
            paths[2].delete()
            paths[3].delete()
            val loop = paths[3].toPath()
            Files.createSymbolicLink(loop, loop) // opens for nobody
            store.openWhole(kept[0]).close()
            fails(Fault.FILE_GONE) { store.openWhole(kept[1]) }
            fails(Fault.FILE_GONE) { store.openWhole(kept[2]) }
            fails(Fault.STORE_UNUSABLE) { store.openWhole(kept[3]) }
            assertEquals(listOf(false, true, true, false), kept.map(store.files::lacks))
            // Nothing that may come back is left out of a box.
            fails(Fault.STORE_UNUSABLE) { store.export(ByteArrayOutputStream(), "a passphrase") }
        }
    }

    @Test
    fun `bytes of a mutation that was never written go when the store is opened next`() = runBlocking {
        phone(folder).use { store ->
            store.keep("lost".byteInputStream(), "text/plain")
            val kept = store.keep("kept".byteInputStream(), "text/plain")
            store.act("set", text("1 uno"), listOf(kept))
            assertEquals(2, File(folder, "files").list()?.size)
        }
        phone(folder).use { store ->
            val file = store.files().single()
            assertEquals(listOf(file.kept.id.name()), File(folder, "files").list()?.toList())
            assertArrayEquals(
                "kept".toByteArray(),
                store.openFile(file.kept.id).use {
                    Channels.newInputStream(it).readBytes()
                },
            )
        }
    }

    @Test
    fun `what is larger than allowed is refused, and so is a device that belongs to nobody`() = runBlocking {
        phone(folder).use { store ->
            fails(Fault.MUTATION_TOO_LARGE) { store.act("set", text("x".repeat(MAX_ARGS + 1))) }
            fails(Fault.SEQUENCE_REUSED) { store.reword(store.act("set", text("1 uno")).id, "put", text("1 uno")) }
        }
        val other = File(folder, "other")
        Store.open(options(other)).use { store -> fails(Fault.NOT_ENROLLED) { store.act("set", text("1 uno")) } }
    }

    @Test
    fun `a live query follows what it read, and nothing else`() = runBlocking {
        phone(folder).use { store ->
            val heard = Channel<List<String>>(Channel.UNLIMITED)
            var worked = 0
            coroutineScope {
                val following = launch {
                    store.live { view ->
                        worked++
                        view.list(THING).map { it.body.toStringUtf8() }
                    }.collect(heard::send)
                }
                suspend fun next() = withTimeout(60_000) { heard.receive() }
                assertEquals(emptyList<String>(), next())
                store.act("set", text("1 uno"))
                assertEquals(listOf("uno"), next())
                store.take(page(mapOf(1 to "one", 2 to "two"), last = 1))
                assertEquals(listOf("one", "two"), next())
                val before = worked
                store.shows(setOf(THING + 1))
                store.act("set", text("2 dos"))
                assertEquals(listOf("one", "dos"), next())
                assertEquals(before + 1, worked)
                following.cancel()
            }
        }
    }
}
