package dev.doorstep.offline

import com.google.protobuf.ByteString
import dev.doorstep.account.v1.EnrolDeviceResponse
import dev.doorstep.account.v1.Tokens
import dev.doorstep.sync.v1.Checkpoint
import dev.doorstep.sync.v1.Entry as WireEntry
import dev.doorstep.sync.v1.FeedDelta
import dev.doorstep.sync.v1.FeedState
import dev.doorstep.sync.v1.PullResponse
import java.io.File
import java.time.Instant
import java.util.UUID

/** The kind of what tests hold. */
internal const val THING = 7

/** One id for each number, in their order. */
internal fun id(n: Int): ByteString = UUID(0, n.toLong()).toBytes()

internal fun text(s: String): ByteString = ByteString.copyFromUtf8(s)

/** The effect of "set id body" and "drop id". */
private val set: Effect = { _, done ->
    done.args.toStringUtf8().split(' ').let { listOf(Change(THING, id(it[0].toInt()), text(it[1]))) }
}

internal fun options(folder: File) = Options(
    otherFiles = true,
    folder = folder,
    now = { Instant.parse("2026-11-23T08:00:00.123456789Z") },
    effects = mapOf("set" to set),
    feedOrder = listOf("tech"),
)

/** A store of a device that was enrolled. */
internal suspend fun phone(folder: File): Store = Store.open(options(folder)).also { store ->
    if (!store.device().enrolled) store.transact { it.enrolled("http://office", who(1)) }
}

internal fun who(user: Int): EnrolDeviceResponse = EnrolDeviceResponse.newBuilder()
    .setOrgId(id(100)).setUserId(id(200 + user)).setDeviceId(uuid7(Instant.EPOCH).toBytes())
    .setTokens(Tokens.newBuilder().setAccess("a").setRefresh("r")).build()

/** Everything that shows, by number. */
internal suspend fun Store.things(): Map<Int, String> = read { view ->
    view.list(THING).associate { it.id.byteAt(15).toInt() to it.body.toStringUtf8() }
}

/** A page with these things in a feed, the last of its round if a checkpoint is wanted. */
internal fun page(
    things: Map<Int, String>,
    feed: String = "tech:a",
    last: Long = 0,
    checkpoint: Boolean = true,
): PullResponse {
    val delta = FeedDelta.newBuilder().setFeed(feed)
    var sum = 0L
    for ((n, body) in things) {
        delta.addEntries(WireEntry.newBuilder().setKind(THING).setId(id(n)).setSequence(n.toLong()).setBody(text(body)))
        sum += digest(THING, id(n).toByteArray(), n.toLong())
    }
    val page = PullResponse.newBuilder().addFeeds(delta).setCursor(text("c")).setLastSequence(last)
    if (checkpoint) {
        val state = FeedState.newBuilder().setFeed(feed).setDigest(sum).setCount(things.size.toLong())
        page.setCheckpoint(Checkpoint.newBuilder().addFeeds(state))
    }
    return page.build()
}

internal suspend fun Store.take(page: PullResponse): Applied = transact { it.stage(page, options.feedOrder) }
    .also { done -> shows(done.changed.mapTo(HashSet(), Changed::kind)) }
