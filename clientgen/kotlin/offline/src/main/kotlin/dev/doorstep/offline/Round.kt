package dev.doorstep.offline

import com.google.protobuf.ByteString
import dev.doorstep.sync.v1.Poke
import dev.doorstep.sync.v1.PullRequest
import dev.doorstep.sync.v1.PullResponse
import dev.doorstep.sync.v1.PushResponse
import java.security.MessageDigest
import kotlinx.coroutines.sync.withLock

/** What one round did. */
class Report {
    /** How many mutations got their verdict. */
    var pushed: Int = 0
        internal set

    /** The entities that changed, by the checkpoints reached. */
    val changed: List<Changed> get() = changes

    /** The feeds that did not agree with their digest and were sent anew. */
    val repaired: List<String> get() = repairs

    /**
     * The feeds that the device held and that the server sent from their beginning: to repair them, because the device
     * was away longer than removals are kept, or because the database went back in time.
     */
    val reset: List<String> get() = resets

    /** How many files were verified by the server. */
    var uploaded: Int = 0
        internal set

    /** The first error of files that were not. */
    var trouble: Fault? = null
        internal set

    /**
     * How many files have arrived and are still looked at by the server: nothing is wrong and nothing is to be done; a later
     * round has the result. [Client.run] does that round by itself.
     */
    var verifying: Int = 0
        internal set

    /** Files that arrived and are not acceptable; their code says why. They are to be taken again. */
    val refused: List<StoredFile> get() = refusals

    /** The device was taken out of service; what was unsent was handed in and the copy is gone. */
    var wiped: Boolean = false
        internal set

    internal val changes = ArrayList<Changed>()
    internal val repairs = ArrayList<String>()
    internal val resets = ArrayList<String>()
    internal val refusals = ArrayList<StoredFile>()
}

private const val PUSH_COUNT = 100
private const val PUSH_BYTES = 1 shl 20

/**
 * How often one round asks for feeds anew; a server whose digests never agree with its own entries must not keep a phone
 * busy for ever.
 */
private const val MAX_REPAIRS = 3
private const val MAX_PAGES = 100_000

/** See [Client.sync]; what was done before an error stands in [report]. */
internal suspend fun Client.round(report: Report) = syncing.withLock {
    mayTalk()
    try {
        both(report)
        store.trimSpare()
    } catch (e: Fault) {
        if (e.code != Fault.DEVICE_REVOKED) throw e
        handIn(report)
        throw Fault(Fault.DEVICE_REVOKED, cause = e)
    }
}

/**
 * Takes the page that a poke carries, if a pull would be answered with it now; false says that a round is due. The server
 * only remembers what it gave last.
 */
internal suspend fun Client.takes(poke: Poke, report: Report): Boolean {
    val page = poke.page
    if (!page.hasCheckpoint()) return false
    return syncing.withLock {
        val device = store.device()
        val state = store.reading { it.pullState() }
        val talks = device.enrolled && device.ended.isEmpty() && !device.offline
        when {
            !talks || state.first || state.repair.isNotEmpty() -> false

            // A round of our own may have brought just this.
            poke.after != nameOf(state.cursor) -> page.cursor == state.cursor

            // Nothing has changed; the page may be older than what shows.
            page.cursor.isEmpty -> true

            // A page that is older than a verdict would take back what the device shows, and look like a restored server.
            store.reading { it.toldBeyond(page.lastSequence) } -> false

            else -> {
                val done = store.transact { it.stage(page, store.options.feedOrder) }
                report.resets += done.reset
                report.repairs += done.differ
                show(report, done.changed)
                done.differ.isEmpty()
            }
        }
    }
}

/** How a page that a poke carries names the cursor that it goes on from. */
private fun nameOf(cursor: ByteString): ByteString =
    ByteString.copyFrom(MessageDigest.getInstance("SHA-256").digest(cursor.toByteArray()), 0, 8)

/** Tells whether there is a reason not even to try. */
private suspend fun Client.mayTalk() {
    val device = store.device()
    when {
        !device.enrolled -> throw Fault(Fault.NOT_ENROLLED)
        device.ended.isNotEmpty() -> throw Fault(device.ended)
        device.offline -> throw Fault(Fault.PHONE_OFFLINE)
    }
}

/** Does it all once, and pushes and pulls again whenever something is done while files go up: it may take them an hour. */
private suspend fun Client.both(report: Report) {
    val tried = HashSet<ByteString>()
    while (once(report, tried)) {
        // What was done meanwhile goes first.
    }
}

/** Tells whether it stepped aside for what was done meanwhile. */
private suspend fun Client.once(report: Report, tried: MutableSet<ByteString>): Boolean {
    var old: Fault? = null
    try {
        push(report)
    } catch (e: Refusal) {
        if (e.code !in queueWaits) throw e
        old = e
    }
    pull(report)
    if (old == null) pushForgotten(report) // else its queue waits
    if (store.transact { it.prune() }) {
        store.sweep()
        store.renewSpare()
    }
    val sent = upload(report, tried)
    if (sent.aside) return true // what comes next pulls, too, and says again what is too old
    if (sent.moved) pull(report)
    old?.let { throw it }
    return false
}

/** Sends what waits, in order, until the server has it all. */
private suspend fun Client.push(report: Report) {
    var gapped = 0L
    while (true) {
        val batch = store.transact { it.batch(PUSH_COUNT, PUSH_BYTES) }
        if (batch.mutationsCount == 0) return
        val clocked = batch.toBuilder().setDeviceTime(store.options.now().toTimestamp()).build()
        val answer = try {
            call("doorstep.sync.v1.SyncService/Push", clocked, PushResponse.parser())
        } catch (e: Refusal) {
            when (e.code) {
                Fault.CLIENT_TOO_OLD -> store.transact { it.refusedAsOld(batch.getMutations(0).sequence) }

                // The server lacks some that we have verdicts for: its database was restored. Send from there, once.
                Fault.SEQUENCE_GAP -> {
                    val from = e.problem.expectedSequence
                    if (from != 0L && from != gapped) {
                        gapped = from
                        store.transact { it.offerAgain(from) }
                        continue
                    }
                }
            }
            throw e
        }
        store.transact { it.take(answer) }
        // Fewer verdicts than mutations: the next one is for a newer app, and the next call says so.
        val n = answer.verdictsCount
        report.pushed += n
        if (n == 0 ||
            n > batch.mutationsCount
        ) {
            throw Fault(Fault.INTERNAL, "$n verdicts for ${batch.mutationsCount} mutations")
        }
    }
}

/** Asks for pages until a checkpoint whose digests agree. */
private suspend fun Client.pull(report: Report) {
    var forgot = false
    var asked = false
    var repairs = 0
    repeat(MAX_PAGES) {
        val state = store.reading { it.pullState() }
        val request = pullRequest(state).setEarly(state.first && !asked).build()
        asked = true
        val page = try {
            call("doorstep.sync.v1.SyncService/Pull", request, PullResponse.parser())
        } catch (e: Refusal) {
            if (e.code != Fault.CURSOR_MALFORMED || forgot) throw e
            forgot = true
            store.transact { it.forgetCursor() }
            return@repeat
        }
        if (page.hasEarly()) {
            show(report, store.transact { it.early(page, store.options.feedOrder) })
            return@repeat
        }
        val done = store.transact { it.stage(page, store.options.feedOrder) }
        report.resets += done.reset
        if (!done.checkpoint) {
            if (state.first) store.progress()?.let(progress)
            return@repeat
        }
        show(report, done.changed)
        report.repairs += done.differ
        if (done.differ.isEmpty()) return
        if (++repairs > MAX_REPAIRS) throw Fault(Fault.DIGEST_DIFFERS, done.differ.joinToString())
    }
    throw Fault(Fault.INTERNAL, "pages without end")
}

private fun Client.show(report: Report, changed: List<Changed>) {
    report.changes += changed
    store.shows(changed.mapTo(HashSet(), Changed::kind))
}

/** Asks for the next page and says how this device is doing. */
private fun Client.pullRequest(state: PullState): PullRequest.Builder {
    val request = PullRequest.newBuilder()
        .setCursor(
            state.cursor,
        ).setMaxBytes(pageBytes).addAllResetFeeds(state.repair).setUnsent(state.unsent).setPacked(true)
        .setDeviceTime(store.options.now().toTimestamp()).setAppVersion(appVersion)
    if (state.oldest != 0L) request.setOldestUnsent(state.oldest.microsToInstant().toTimestamp())
    return request
}

/**
 * Sends again what the server gave verdicts for and shows that it has no longer: its database was restored from a backup.
 * With something unsent the push asks for it by itself (held_from); this is for the phone that had nothing else to send.
 * The overlay of what was forgotten is back already.
 */
private suspend fun Client.pushForgotten(report: Report) {
    if (!store.reading { it.forgotten() }) return
    push(report)
    pull(report)
}

/**
 * Sends what is unsent as evidence and wipes the copy: the office took this device out of service. What cannot be handed in
 * stays, for an export.
 */
private suspend fun Client.handIn(report: Report) {
    val tried = HashSet<ByteString>()
    do {
        push(report)
        val aside = try {
            upload(report, tried).aside
        } catch (e: Fault) {
            if (e.code != Fault.DEVICE_REVOKED) throw e
            false
        }
    } while (aside)
    store.transact { it.wipeCopy(Fault.DEVICE_REVOKED) }
    store.sweep()
    store.removeAsides()
    store.renewSpare()
    store.scrub()
    store.signals.tellAll()
    report.wiped = true
}
