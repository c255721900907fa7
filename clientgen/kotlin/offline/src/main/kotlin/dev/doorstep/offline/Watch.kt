package dev.doorstep.offline

import dev.doorstep.sync.v1.Poke
import dev.doorstep.sync.v1.WatchRequest
import dev.doorstep.sync.v1.WatchResponse
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.catch
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onCompletion
import kotlinx.coroutines.flow.produceIn
import kotlinx.coroutines.launch
import kotlinx.coroutines.selects.select
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull

/** Something that [run] wants the application to know. */
sealed interface Event {
    /** A round was done, and ended early if there is an error. */
    class Round(val report: Report, val error: Fault?) : Event

    /** The watch now stands, or fell. */
    class Connected(val stands: Boolean) : Event

    /** Topics changed that are no feeds, as asked for. */
    class Topics(val topics: List<String>) : Event
}

private val firstWait = 1.seconds
private val lastWait = 1.minutes

/** After how long a watch without any message is given up. */
private val silence = 60.seconds

/**
 * After how many pages in a row that could not be taken a new watch is opened, which tells the server anew what this device
 * holds: its pulls may go to another server.
 */
private const val ENOUGH = 3

/** When files that the server or its store could not take in are offered again, if nothing else happens before. */
private val filesAgain = 10.seconds

/** The codes after which nothing is to be had without a person. */
private val ends = setOf(
    Fault.DEVICE_REVOKED,
    Fault.REFRESH_INVALID,
    Fault.NOT_ENROLLED,
    Fault.STORE_LOCKED,
    Fault.SEQUENCE_REUSED,
)

/** See [Client.run]. */
internal suspend fun Client.stay(topics: List<String>, hear: suspend (Event) -> Unit): Nothing =
    coroutineScope { Watching(this@stay, topics, hear, this).always() }

private class Watching(
    private val client: Client,
    private val topics: List<String>,
    private val hear: suspend (Event) -> Unit,
    private val scope: CoroutineScope,
) {
    /** The watch was up, so that the next waits begin anew. */
    private var stood = false

    /** How many pages in a row were not to be taken. */
    private var strayed = 0

    /** A next round for files that had trouble. */
    private var planned: Job? = null

    suspend fun always(): Nothing {
        var wait = firstWait
        while (true) {
            var after = Duration.ZERO
            var asked = Duration.ZERO
            stood = false
            try {
                after = live()
            } catch (e: Fault) {
                if (e.code in ends) throw e
                if (e.code == Fault.PHONE_OFFLINE) {
                    client.store.woken.receive() // nothing to do until somebody moves the switch
                    continue
                }
                asked = client.spread(e.retryAfter)
            }
            if (stood) wait = firstWait
            var own = after
            if (after == Duration.ZERO) {
                own = client.jitter(wait)
                wait = minOf(wait * 2, lastWait)
            }
            client.pause(maxOf(after, asked), own)
        }
    }

    /** Watches once. It returns how long the server asked to wait; zero when it did not say. */
    private suspend fun live(): Duration {
        strayed = 0
        both()
        val cursor = client.store.reading { it.pullState() }.cursor
        val request = WatchRequest.newBuilder().setCursor(cursor).addAllTopics(topics).setCarry(true).build()
        return coroutineScope {
            val messages = client.watch("doorstep.sync.v1.SyncService/Watch", request, WatchResponse.parser())
                .map<WatchResponse, Heard> { Heard.Message(it) }
                .onCompletion { if (it == null) emit(Heard.End(null)) }
                .catch { emit(Heard.End(it)) }
                .buffer(Channel.RENDEZVOUS).produceIn(this)
            try {
                follow(messages)
            } finally {
                messages.cancel()
                if (stood) withContext(NonCancellable) { hear(Event.Connected(false)) }
            }
        }
    }

    private suspend fun follow(messages: ReceiveChannel<Heard>): Duration {
        while (true) {
            // Each turn has its own silence: a round with large files may have taken longer, and what came meanwhile
            // waits to be read.
            val heard = withTimeoutOrNull(silence) {
                select {
                    messages.onReceive { it }
                    client.store.woken.onReceive { Heard.Woken }
                }
            }
            when (heard) {
                null -> return ended(null)
                Heard.Woken -> both()
                is Heard.End -> return ended(heard.error)
                is Heard.Message -> took(heard.message)?.let { return it }
            }
        }
    }

    /** A watch that ended in disorder. */
    private suspend fun ended(error: Throwable?): Duration {
        when (codeOf(error)) {
            // A round renews the token, or hands in and wipes.
            Fault.TOKEN_EXPIRED, Fault.DEVICE_REVOKED -> both()

            null -> throw Fault(Fault.NO_NETWORK)

            else -> error?.let { throw it }
        }
        return Duration.ZERO
    }

    /** Does what a message says; not null when it was the last, see [live]. */
    private suspend fun took(message: WatchResponse): Duration? {
        if (!stood) {
            stood = true
            hear(Event.Connected(true))
        }
        if (message.hasGoodbye()) {
            val goodbye = message.goodbye
            if (goodbye.code.isEmpty()) return goodbye.retryAfterMs.coerceAtLeast(1).milliseconds
            both()
            return Duration.ZERO
        }
        if (message.hasPoke()) {
            val changed = topics.intersect(message.poke.feedsList.toSet())
            if (changed.isNotEmpty()) hear(Event.Topics(changed.toList()))
            if (takes(message.poke)) {
                strayed = 0
                return null
            }
            both()
            if (message.poke.hasPage() && ++strayed == ENOUGH) return 1.milliseconds
        }
        return null
    }

    /** Takes the page that a poke carries, if it fits, and tells of it. */
    private suspend fun takes(poke: Poke): Boolean {
        val report = Report()
        val taken = client.takes(poke, report)
        if (report.changed.size + report.repaired.size + report.reset.size > 0) hear(Event.Round(report, null))
        return taken
    }

    /** Does a round and tells of it. */
    private suspend fun both() {
        val report = Report()
        var error: Fault? = null
        try {
            client.round(report)
        } catch (e: Fault) {
            error = e
        }
        plan(report)
        hear(Event.Round(report, error))
        // One whose queue waits: all but the queue goes on. New jobs come, photos of what the server has go.
        error?.takeIf { it.code !in queueWaits }?.let { throw it }
    }

    /** Plans a round for files whose time comes by itself: nobody will do or change anything for them. */
    private fun plan(report: Report) {
        // A poke tells the result of a verification, but not that it broke off.
        val trouble = report.trouble
        val passes = report.verifying > 0 || trouble?.code in passing
        if (!passes || planned?.isActive == true) return
        planned = scope.launch {
            delay(maxOf(client.jitter(filesAgain), trouble?.retryAfter ?: Duration.ZERO))
            client.store.nudge()
        }
    }
}

private sealed interface Heard {
    class Message(val message: WatchResponse) : Heard

    /** The stream ended, or is as good as. */
    class End(val error: Throwable?) : Heard

    /** Something is to be sent. */
    data object Woken : Heard
}

/** The trouble of files that passes. */
private val passing = setOf(Fault.UNAVAILABLE, Fault.OVERLOADED, Fault.TIMEOUT)

/** Adds up to half to what the server asks for, by chance: it tells all its phones the same. */
private fun Client.spread(asked: Duration): Duration = asked + asked / 2 - jitter(asked / 2)

/**
 * Waits as long as the server asked, and as long as the own rhythm says. The part of the own rhythm above [firstWait] ends
 * early when there is something new to send: a person who works now should not wait for the end of a wait that began in a
 * tunnel.
 */
private suspend fun Client.pause(asked: Duration, own: Duration) {
    val kept = maxOf(asked, minOf(own, firstWait))
    sleep(kept)
    if (own <= kept) return
    coroutineScope {
        val rest = launch { sleep(own - kept) }
        select {
            rest.onJoin {}
            store.woken.onReceive {}
        }
        rest.cancel()
    }
}

/** Takes up to half off by chance, so that phones do not come back together. */
private fun Client.jitter(d: Duration): Duration = d - d / 2 * random.nextDouble()
