package dev.doorstep.offline

import dev.doorstep.account.v1.EnrolDeviceResponse
import dev.doorstep.sync.v1.Outcome
import dev.doorstep.sync.v1.PushResponse
import dev.doorstep.sync.v1.Verdict
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.RandomAccessFile
import java.nio.channels.Channels
import java.time.Instant
import java.util.UUID
import kotlin.random.Random
import kotlinx.coroutines.runBlocking
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Protocol
import okhttp3.Response
import okhttp3.ResponseBody.Companion.toResponseBody
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.io.TempDir

private const val PHRASE = "basement 三号"
private const val UNSENT = 60
private const val PAGE = 4096L

/** A damaged store says so and is kept; its work goes on. */
class DamageTest {
    @TempDir
    lateinit var temp: File

    /** It begins like a JPEG. */
    private val photo = byteArrayOf(-1, 0xD8.toByte(), -1) + ByteArray(3_000) { (it * 7 % 251).toByte() }

    private fun fails(code: String, fn: suspend () -> Unit) {
        val error = runCatching { runBlocking { fn() } }.exceptionOrNull()
        assertEquals(code, codeOf(error), error?.stackTraceToString())
    }

    /** A closed store with one action that the server has, then some pages of unsent ones, the last with a photo. */
    private fun harmed(name: String): File = File(temp, name).also { folder ->
        runBlocking {
            phone(folder).use { store ->
                store.take(page((1..40).associateWith { "thing $it" }))
                val sent = store.act("set", text("1 sent"))
                val verdict = Verdict.newBuilder().setSequence(1).setId(sent.id.toBytes())
                    .setOutcome(Outcome.OUTCOME_APPLIED)
                store.transact { it.take(PushResponse.newBuilder().addVerdicts(verdict).build()) }
                repeat(UNSENT - 1) { store.act("set", text("${it + 2} ${"x".repeat(300)}")) }
                store.act("set", text("1 photo"), listOf(store.keep(photo.inputStream())))
            }
        }
    }

    private val damages: Map<String, (File) -> Unit> = mapOf(
        "cut to half" to { it.cut(it.length() / 2) },
        "cut in a page" to { it.cut(it.length() - PAGE / 2) },
        "cut to one page" to { it.cut(PAGE) },
        "empty" to { it.cut(0) },
        "gone" to { it.delete() },
        "another file" to { it.writeText("not a store ".repeat(9999)) },
        "all pages but the first overwritten" to { it.overwrite(1 until it.length() / PAGE) },
        "its first page overwritten" to { it.overwrite(0L..0) },
    )

    private fun File.cut(size: Long) = RandomAccessFile(this, "rw").use { it.setLength(size) }

    private fun File.overwrite(pages: Iterable<Long>) = RandomAccessFile(this, "rw").use { file ->
        for (page in pages) {
            file.seek(page * PAGE)
            file.write(ByteArray(PAGE.toInt()) { 0x5a })
        }
    }

    /** The answer of an office to the enrolment of [who]. */
    private fun client(store: Store, who: EnrolDeviceResponse): Client = Client(
        store,
        OkHttpClient.Builder().addInterceptor { chain ->
            Response.Builder().request(chain.request()).protocol(Protocol.HTTP_1_1).code(200).message("OK")
                .body(who.toByteArray().toResponseBody("application/proto".toMediaType())).build()
        }.build(),
    )

    @TestFactory
    fun `a damaged store says so, is kept, and its work goes on`(): List<DynamicTest> = damages.map { (name, damage) ->
        DynamicTest.dynamicTest(name) {
            val folder = harmed(name)
            val spare = File(folder, "work.log").readBytes()
            damage(File(folder, DATABASE))
            val damaged = File(folder, DATABASE).takeIf { it.exists() }?.readBytes()
            fails(Fault.STORE_DAMAGED) { Store.open(options(folder)).use { it.check() } }
            runBlocking {
                val aside = setAside(options(folder))
                assertArrayEquals(spare, File(aside, "work.log").readBytes())
                Store.open(options(folder)).use { store ->
                    assertFalse(store.device().enrolled)
                    assertEquals(null, asides(folder).single().takenOver)
                    client(store, who(1)).enrol("http://office", "code")
                    goesOn(store)
                    val kept = asides(folder).single()
                    assertEquals(
                        listOf(aside, store.unsent().mutations, 1),
                        listOf(kept.folder, kept.mutations, kept.files),
                    )
                    assertTrue(kept.takenOver != null)
                    if (damaged != null) assertArrayEquals(damaged, File(aside, DATABASE).readBytes())
                    // It is taken over once.
                    client(store, who(1)).enrol("http://office", "code")
                    assertEquals(kept.mutations, store.unsent().mutations)
                }
            }
        }
    }

    /** All that was unsent is there, in its order; what was sent may come again, where nobody can read that it was. */
    private suspend fun goesOn(store: Store) {
        val all = store.waiting()
        assertEquals((1L..all.size).toList(), all.map { it.mutation.seq })
        val waiting = all.filter { it.mutation.args != text("1 sent") }
        assertEquals(
            (2..UNSENT).toList() + 1,
            waiting.map {
                it.mutation.args.toStringUtf8().substringBefore(' ').toInt()
            },
        )
        val file = store.files().single()
        assertEquals(waiting.last().mutation.id, file.mutation)
        store.openFile(file.kept.id).use { assertArrayEquals(photo, Channels.newInputStream(it).readBytes()) }
    }

    @Test
    fun `a damaged store's work opens as a box on another phone`() = runBlocking {
        val folder = harmed("dying")
        File(folder, DATABASE).cut(PAGE)
        val sealed = ByteArrayOutputStream()
        fails(Fault.BOX_PASSPHRASE) { salvageTo(options(folder), folder, sealed, "short") }
        val box = salvageTo(options(folder), folder, sealed, PHRASE)
        assertEquals(listOf(UNSENT + 1, 1), listOf(box.work.size, box.files.size)) // the sent one, too
        phone(File(temp, "other")).use { store ->
            store.import(sealed.toByteArray().inputStream(), PHRASE)
            goesOn(store)
        }
    }

    @Test
    fun `without the spare copy, what is before and behind the damage is read`() = runBlocking {
        val folder = harmed("no copy")
        File(folder, "work.log").delete()
        val database = File(folder, DATABASE)
        assertEquals(UNSENT, salvage(options(folder), folder).work.size)
        val pages = Jdbc(database).use { sql ->
            // Those that hold rows of the outbox, in their order.
            sql.all(
                "SELECT pageno FROM dbstat WHERE name = 'outbox' AND pagetype = 'leaf' ORDER BY path",
            ) { it.long(0) }
        }
        assertTrue(pages.size > 4, "$pages")
        database.overwrite(listOf(pages[pages.size / 2] - 1))
        fails(Fault.STORE_DAMAGED) { Store.open(options(folder)).use { it.check() } }
        val read = salvage(options(folder), folder).work.size
        assertTrue(read in UNSENT - PAGE / 300..UNSENT - 1, "$read of $UNSENT")
    }

    @Test
    fun `another person's damaged store stays where it is`() = runBlocking {
        val folder = harmed("hers")
        File(folder, DATABASE).cut(PAGE)
        val aside = setAside(options(folder))
        Store.open(options(folder)).use { store ->
            client(store, who(2)).enrol("http://office", "code")
            assertEquals(0, store.unsent().mutations)
            store.logout()
            assertEquals(listOf(aside), asides(folder).map { it.folder })
        }
        assertTrue(salvageTo(options(folder), aside, ByteArrayOutputStream(), PHRASE).mutations >= UNSENT)
    }

    @Test
    fun `a store that is in use is not set aside`() = runBlocking {
        val folder = harmed("used")
        phone(folder).use { fails(Fault.STORE_LOCKED) { setAside(options(folder)) } }
    }

    @Test
    fun `whoever logs out takes the damaged store with the customers' names along`() = runBlocking {
        val folder = harmed("leaving")
        File(folder, DATABASE).cut(PAGE)
        setAside(options(folder))
        Store.open(options(folder)).use { store ->
            client(store, who(1)).enrol("http://office", "code")
            store.handOver(store.export(ByteArrayOutputStream(), PHRASE))
            assertEquals(emptyList<Aside>(), asides(folder))
            assertFalse(File(folder, "work.log").exists())
        }
    }

    /** The log of the database is a file of its own; whoever restores one file of two takes the last actions away. */
    @Test
    fun `actions that the database lost come back under their numbers`() = runBlocking {
        val folder = harmed("restored")
        val database = File(folder, DATABASE)
        val old = database.readBytes()
        val before = phone(folder).use { store ->
            repeat(3) { store.act("set", text("9 late")) }
            store.actions()
        }
        database.writeBytes(old)
        phone(folder).use { store ->
            assertEquals(before.map { it.mutation }, store.actions().map { it.mutation })
            assertEquals(before.size + 1L, store.act("set", text("9 later")).seq)
        }
    }

    @Test
    fun `changed words are noticed and never sent`() = runBlocking {
        val folder = harmed("words")
        Jdbc(File(folder, DATABASE)).use { it.run("UPDATE outbox SET args = ? WHERE seq = 7", "8 lie".toByteArray()) }
        fails(Fault.STORE_DAMAGED) { phone(folder).close() }
        assertEquals(UNSENT, salvage(options(folder), folder).work.size) // from the spare copy
        File(folder, "work.log").delete()
        assertEquals(UNSENT - 1, salvage(options(folder), folder).work.size)
    }

    /**
     * Wherever bytes of the database are overwritten: what the store gives is what was saved, or it says that it is damaged; and
     * the work is there in any case.
     */
    @Test
    fun `random bytes in the database never change what was done`() = runBlocking {
        val from = harmed("whole")
        val want = phone(from).use { it.actions() }.associateBy { it.mutation.id }
        val whole = File(from, DATABASE).readBytes()
        val spare = File(from, "work.log").readBytes()
        var noticed = 0
        repeat(TRIES) { n ->
            val random = Random(n)
            val folder = File(temp, "$n").also { it.mkdirs() }
            val at = random.nextInt(whole.size)
            val broken = whole.clone()
            for (i in at until minOf(at + 1 + random.nextInt(64), whole.size)) broken[i] = random.nextInt().toByte()
            File(folder, DATABASE).writeBytes(broken)
            File(folder, "work.log").writeBytes(spare)
            var got = emptyList<Action>()
            val error = runCatching {
                Store.open(options(folder)).use { store ->
                    got = store.actions()
                    store.check()
                }
            }.exceptionOrNull()
            val newer = codeOf(error) == Fault.STORE_UNUSABLE && "newer app" in error?.message.orEmpty()
            if (codeOf(error) == Fault.STORE_DAMAGED || newer) {
                noticed++
            } else {
                assertEquals(null, error, "try $n, byte $at: ${error?.stackTraceToString()}")
                assertEquals(want.size, got.size, "try $n, byte $at")
            }
            for (action in got) assertEquals(want[action.mutation.id]?.mutation, action.mutation, "try $n, byte $at")
            val box = salvage(options(folder), folder)
            assertTrue(box.work.size >= UNSENT, "try $n, byte $at: ${box.work.size}")
            folder.deleteRecursively()
        }
        assertTrue(noticed > 0)
    }

    /** A record that was cut off or changed costs itself alone. */
    @Test
    fun `the spare copy is read around its damage`() = runBlocking {
        val folder = harmed("copy")
        val path = File(folder, "work.log")
        val whole = Spare(folder).read()
        assertEquals(UNSENT + 1, whole.size)
        val bytes = path.readBytes()
        path.writeBytes(bytes.copyOf(bytes.size - 5))
        assertEquals(whole.size - 1, Spare(folder).read().size)
        for (at in listOf(0, 5, 20, bytes.size / 2)) {
            path.writeBytes(bytes.clone().also { it[at] = (it[at] + 1).toByte() })
            assertEquals(whole.size - 1, Spare(folder).read().size, "byte $at")
        }
        path.writeBytes(bytes)
        // When all is with the server the copy holds only the newest, which the numbers count on from.
        phone(folder).use { store ->
            store.transact { it.run("UPDATE outbox SET known = 1") }
            store.transact { it.run("UPDATE file SET state = ?", FileState.DONE.number) }
            store.trimSpare()
        }
        assertEquals(listOf(UNSENT + 1L), Spare(folder).read().map { it.seq })
    }

    private companion object {
        const val TRIES = 100
    }
}
