package dev.doorstep.offline

import com.google.protobuf.ByteString
import dev.doorstep.sync.v1.Checkpoint
import dev.doorstep.sync.v1.Entry as WireEntry
import dev.doorstep.sync.v1.FeedDelta
import dev.doorstep.sync.v1.FeedState
import dev.doorstep.sync.v1.Outcome
import dev.doorstep.sync.v1.PullResponse
import dev.doorstep.sync.v1.Verdict
import java.io.File
import java.util.Base64
import java.util.UUID
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.io.TempDir

/** What sync/conformance/vectors says of pure functions. */
class VectorTest {
    @TempDir
    lateinit var folder: File

    private fun vectors(name: String) =
        Json.parseToJsonElement(File("../../../sync/conformance/vectors/$name.json").readText()).jsonObject

    private fun JsonObject.list(name: String) = (this[name] as? JsonArray).orEmpty()

    private fun JsonObject.objects(name: String) = list(name).map { it.jsonObject }

    private fun JsonObject.text(name: String) = this[name]?.let { it as? JsonPrimitive }?.content.orEmpty()

    private fun JsonObject.number(name: String) = text(name).toULong().toLong()

    private fun JsonObject.uuid(name: String) = UUID.fromString(text(name))

    private fun base64(text: String): ByteArray = Base64.getDecoder().decode(text)

    @Test
    fun `digests agree`() {
        val vectors = vectors("digest")
        val each = vectors.objects("entries").map { e ->
            digest(e.text("kind").toInt(), e.uuid("id").toByteArray(), e.number("sequence")).also {
                assertEquals(e.number("digest"), it, e.toString())
            }
        }
        for (feed in vectors.objects("feeds")) {
            val sum = feed.list("entries").sumOf { each[it.jsonPrimitive.int] }
            assertEquals(feed.number("digest"), sum)
        }
    }

    @Test
    fun `receipts verify, and no changed one does`() {
        val vectors = vectors("receipt")
        val key = base64(vectors.text("key"))
        for (case in vectors.objects("cases")) {
            val at = case.text("at").toLong().microsToInstant()
            val verdict = Verdict.newBuilder().setSequence(case.number("sequence")).setServerTime(at.toTimestamp())
                .setOutcome(Outcome.valueOf("OUTCOME_${case.text("outcome").uppercase()}")).build()
            val args = ByteString.copyFrom(base64(case.text("args")))
            val mutation = Mutation(case.uuid("id"), verdict.sequence, case.text("kind"), args, at)
            val action = Action(
                mutation,
                device = case.uuid("device"),
                judgedAs = case.uuid("device"),
                tried = true,
                verdict = verdict,
                waits = false,
                covered = false,
                seen = false,
            )
            val text = receiptText(case.uuid("org"), action)
            assertEquals(case.text("text"), text.decodeToString())
            val signature = base64(case.text("signature"))
            assertTrue(JavaSignatures.verify(key, text, signature))
            signature[7] = (signature[7] + 1).toByte()
            assertFalse(JavaSignatures.verify(key, text, signature))
        }
    }

    @Test
    fun `packs stand for what they stand for`() {
        val vectors = vectors("pack")
        for (case in vectors.objects("cases")) {
            val got = unpack(base64(case.text("pack")))
            val want = case.objects("entries")
            assertEquals(want.size, got.size)
            for ((w, g) in want.zip(got)) {
                assertEquals(w.text("kind"), g.kind.toString())
                assertArrayEquals(w.uuid("id").toByteArray(), g.id)
                assertEquals(w.number("sequence"), g.seq)
                assertEquals(w["removed"]?.jsonPrimitive?.boolean ?: false, g.removed)
                assertArrayEquals(base64(w.text("body").takeIf { it != "null" }.orEmpty()), g.body)
            }
        }
        for (bad in vectors.list("refused")) {
            assertThrows(Fault::class.java) { unpack(base64(bad.jsonPrimitive.content)) }
        }
    }

    @TestFactory
    fun `pages apply`(): List<DynamicTest> = vectors("pages").objects("cases").mapIndexed { n, case ->
        DynamicTest.dynamicTest(case.text("says")) {
            runBlocking {
                phone(File(folder, "$n")).use { store -> case.objects("pages").forEach { applies(store, it) } }
            }
        }
    }

    private suspend fun applies(store: Store, step: JsonObject) {
        val then = step.getValue("then").jsonObject
        val done = store.take(page(step.getValue("page").jsonObject))
        assertEquals(then.getValue("checkpoint").jsonPrimitive.boolean, done.checkpoint)
        val state = store.reading { it.pullState() }
        assertEquals(then.text("cursor"), state.cursor.toStringUtf8())
        assertEquals(then.list("repair").map { it.jsonPrimitive.content }, state.repair)
        val shows = HashMap<String, HashMap<String, String>>()
        store.reading { sql ->
            sql.query("SELECT feed, id, body FROM entry") {
                shows.getOrPut(it.text(0), ::HashMap)[it.bytes(1).byteAt(15).toString()] = it.bytes(2).toStringUtf8()
            }
        }
        val want = then.getValue("shows").jsonObject.mapValues { (_, feed) ->
            feed.jsonObject.mapValues { it.value.jsonPrimitive.content }
        }
        assertEquals(want, shows)
    }

    private fun page(json: JsonObject): PullResponse {
        val page = PullResponse.newBuilder().setCursor(text(json.text("cursor")))
        json.list("dropped_feeds").forEach { page.addDroppedFeeds(it.jsonPrimitive.content) }
        for (feed in json.objects("feeds")) {
            val delta = FeedDelta.newBuilder().setFeed(feed.text("feed")).setReset(feed.text("reset") == "true")
            for (e in feed.objects("entries")) {
                delta.addEntries(
                    WireEntry.newBuilder().setKind(e.text("kind").toInt()).setId(e.uuid("id").toBytes())
                        .setSequence(
                            e.number("sequence"),
                        ).setRemoved(e.text("removed") == "true").setBody(text(e.text("body"))),
                )
            }
            page.addFeeds(delta)
        }
        (json["checkpoint"] as? JsonObject)?.let { checkpoint ->
            val states = checkpoint.objects("feeds").map { feed ->
                FeedState.newBuilder().setFeed(feed.text("feed")).setSequence(feed.number("sequence"))
                    .setDigest(feed.number("digest")).setCount(feed.number("count")).build()
            }
            page.setCheckpoint(Checkpoint.newBuilder().addAllFeeds(states))
        }
        return page.build()
    }
}
