package dev.doorstep.offline

import com.google.protobuf.ByteString
import dev.doorstep.sync.v1.Checkpoint
import dev.doorstep.sync.v1.Entry as WireEntry
import dev.doorstep.sync.v1.FeedDelta
import dev.doorstep.sync.v1.FeedState
import dev.doorstep.sync.v1.PullResponse
import java.io.File
import java.util.Random
import kotlin.time.DurationUnit
import kotlin.time.measureTime
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** How long a first sync takes to be staged, shown and compared; `go run ./internal/bench` puts the figures down. */
class SpeedTest {
    @TempDir
    lateinit var folder: File

    @Test
    fun `a first sync is applied`() = runBlocking {
        val out = System.getenv("SPEED_OUT")
        // Once is enough to see that it works.
        val times = if (out == null) 1 else 7
        val pages = pages()
        val took = (0 until times).map { n ->
            phone(File(folder, "$n")).use { store ->
                val time =
                    measureTime { pages.forEach { page -> assertEquals(emptyList<String>(), store.take(page).differ) } }
                assertEquals(ENTRIES, store.read { it.list(THING).size })
                time.toDouble(DurationUnit.MILLISECONDS)
            }
        }
        // The first ones warm the JVM up.
        if (out != null) File(out).writeText("""{"entries": $ENTRIES, "body": $BODY, "took": ${took.drop(2)}}""")
    }

    /** A first sync of one feed in pages, the last with the checkpoint. */
    private fun pages(): List<PullResponse> {
        val random = Random(1)
        var sum = 0L
        val entries = List(ENTRIES) { n ->
            val body = ByteArray(BODY).also(random::nextBytes)
            val id = ByteArray(16).also(random::nextBytes)
            sum += digest(THING, id, n + 1L)
            WireEntry.newBuilder().setKind(THING).setId(ByteString.copyFrom(id)).setSequence(n + 1L)
                .setBody(ByteString.copyFrom(body)).build()
        }
        val state = FeedState.newBuilder().setFeed("tech:a").setDigest(sum).setCount(ENTRIES.toLong())
        val chunks = entries.chunked(PAGE)
        return chunks.mapIndexed { n, chunk ->
            val page = PullResponse.newBuilder().setCursor(text("$n"))
                .addFeeds(FeedDelta.newBuilder().setFeed("tech:a").setReset(n == 0).addAllEntries(chunk))
            if (n == chunks.lastIndex) page.setCheckpoint(Checkpoint.newBuilder().addFeeds(state))
            page.build()
        }
    }

    private companion object {
        const val ENTRIES = 20_000
        const val PAGE = 2_000

        /** Bytes of one body. */
        const val BODY = 300
    }
}
