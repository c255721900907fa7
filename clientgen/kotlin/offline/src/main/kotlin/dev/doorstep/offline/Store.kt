package dev.doorstep.offline

import com.google.protobuf.ByteString
import java.io.File
import java.nio.channels.FileChannel
import java.nio.channels.OverlappingFileLockException
import java.nio.file.StandardOpenOption
import java.time.Instant
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.withContext

/** How to open a store. */
class Options(
    /** The folder that holds everything; it is made if absent. */
    val folder: File,
    /** The device's clock. */
    val now: () -> Instant = Instant::now,
    /** Effects by kind of mutation; a kind without one shows only when the server's state has it. */
    val effects: Map<String, Effect> = emptyMap(),
    /**
     * Kinds of feeds, the preferred first: when several feeds hold an entity, the body of the most preferred one
     * shows.
     */
    val feedOrder: List<String> = emptyList(),
    /** Finds the server's public keys for receipts, by key id, among the entities. */
    val keys: (View) -> Map<String, ByteArray> = { emptyMap() },
    /** Checks their signatures. */
    val signatures: Signatures = JavaSignatures,
    /** Whether [Store.keep] takes files that are no pictures, too. */
    val otherFiles: Boolean = false,
    /**
     * Looks by kind of mutation whether it may be saved, with what shows and the arguments: it throws a [Fault] when not, and
     * nothing is saved. For what the server would refuse for sure; see [Store.unguarded].
     */
    val guards: Map<String, (View, ByteString) -> Unit> = emptyMap(),
    /** Opens a database in that file, on Android another one than [Jdbc]. */
    val sql: (File) -> Sql = ::Jdbc,
)

/**
 * Everything that a device keeps: what the server's feeds say, what a person did, and files on their way. It knows no
 * ticket: entities are bytes with a kind and an id, mutations are bytes with a kind. docs/PROTOCOL.md is the contract.
 *
 * What an application may rely on:
 *
 * - [act] returns after the mutation is on disk. Nothing but a verdict of the server ends its being unsent, and nothing
 *   here throws unsent work away: [logout] refuses.
 * - [read] shows one consistent state: what the server had said at the last checkpoint, with the effects of all mutations
 *   on top that this state does not contain yet. An effect disappears in the very step in which the state that contains
 *   it is shown.
 * - A page of changes that is not complete is never shown; after a crash the transfer goes on where it was.
 * - Everything may be called from any thread. One process at a time has the store.
 */
class Store private constructor(internal val options: Options, private val lock: AutoCloseable) :
    Outbox,
    AutoCloseable {
    private val path = File(options.folder, DATABASE)
    internal val files = FileFolder(File(options.folder, FILES))
    internal val spare = Spare(options.folder)
    private val writing = ReentrantLock()
    private val writer: Sql
    private val readers = Readers { open() }
    internal val signals = Signals()
    private val wake = Channel<Unit>(Channel.CONFLATED)

    init {
        val kept = spare.read()
        // SQLite would begin a new one.
        if (path.length() == 0L && kept.isNotEmpty()) throw Fault(Fault.STORE_DAMAGED, "the database is gone")
        writer = open()
        try {
            writer.transaction(IMMEDIATE) { it.upgrade() }
            val lacks = writer.transaction(IMMEDIATE) { it.catchUp(kept) }
            if (lacks.isNotEmpty()) spare.add(lacks)
            // Names, phone numbers and addresses of customers are for the owner of this folder only.
            path.ownerOnly()
            sweep()
            scrub()
        } catch (e: Throwable) {
            writer.close()
            throw e
        }
    }

    private fun open(): Sql {
        val sql = options.sql(path)
        try {
            for (pragma in PRAGMAS) sql.run("PRAGMA $pragma")
        } catch (e: Fault) {
            sql.close()
            throw e
        }
        return sql
    }

    /** Receives after a mutation was made or the switch between offline and online was moved. */
    internal val woken: ReceiveChannel<Unit> get() = wake

    internal fun nudge() {
        wake.trySend(Unit)
    }

    /** Runs [fn] in one durable transaction, away from the caller's thread. */
    internal suspend fun <T> transact(fn: (Sql) -> T): T = withContext(Dispatchers.IO) { blocking(fn) }

    private fun <T> blocking(fn: (Sql) -> T): T = writing.withLock { writer.transaction(IMMEDIATE, fn) }

    /** As [transact]; once it is on disk, the mutation that [fn] returns goes to the spare copy, too. */
    internal suspend fun saving(fn: (Sql) -> Mutation): Mutation = withContext(Dispatchers.IO) {
        val (mutation, records) = blocking { sql ->
            val mutation = fn(sql)
            mutation to sql.spares("WHERE id = ?", mutation.id.toByteArray())
        }
        spare.add(records)
        mutation
    }

    /**
     * Writes the spare copy anew, where [due] says so. Nobody else writes it meanwhile: this holds the write lock, and who adds
     * does so after its own commit.
     */
    internal fun renewSpare(due: (Sql) -> Boolean = { true }) = blocking { if (due(it)) spare.renew(it.sparesDue()) }

    /** Runs [fn] on one consistent state, beside whoever writes. */
    internal suspend fun <T> reading(fn: (Sql) -> T): T =
        withContext(Dispatchers.IO) { readers.lend { it.transaction("BEGIN", fn) } }

    /** Calls [fn] with the state as it is now; the view is valid within that call. */
    suspend fun <T> read(fn: (View) -> T): T = reading { fn(shown(it)) }

    /** The server's state with the effects on top of what it does not contain yet. */
    internal fun shown(sql: Sql): Overlay {
        val view = Overlay(Held(sql, options.feedOrder))
        for (action in sql.actions("WHERE covered = 0 ORDER BY n")) {
            options.effects[action.kind]?.let { view.apply(it(view, action.mutation)) }
        }
        return view
    }

    override suspend fun act(kind: String, args: ByteString, files: List<Kept>): Mutation =
        save(kind, args, files, options.guards[kind])

    /** Saves without asking [Options.guards]: a person decided to send it although it is refused, the server has the last word. */
    val unguarded: Outbox = object : Outbox {
        override suspend fun act(kind: String, args: ByteString, files: List<Kept>): Mutation =
            save(kind, args, files, null)
    }

    private suspend fun save(
        kind: String,
        args: ByteString,
        files: List<Kept>,
        guard: ((View, ByteString) -> Unit)?,
    ): Mutation {
        checkSize(args)
        val at = options.now()
        val mutation = saving { sql ->
            guard?.invoke(shown(sql), args)
            val made = sql.append(uuid7(at), kind, args, at.toMicros().microsToInstant())
            files.forEach { sql.addFile(made, it) }
            made
        }
        this.files.announced(files.map { it.id.name() })
        shows(emptySet())
        nudge()
        return mutation
    }

    /** Tells live queries that entities of these kinds changed, or what was done on this device. */
    internal fun shows(kinds: Set<Int>) = signals.tell(kinds)

    /**
     * Removes bytes that no file names (any more): of what was forgotten or wiped, and copies of an earlier run whose mutation
     * was never written.
     */
    internal fun sweep() = blocking { sql -> files.keepOnly(sql.all("SELECT name FROM file") { it.text(0) }.toSet()) }

    /**
     * Takes what was wiped out of the database's files, too: SQLite leaves the bytes of deleted rows in free pages and in its
     * log. A wipe that was cut off in between is made up for when the store is opened next.
     */
    internal fun scrub(): Unit = writing.withLock {
        if (writer.meta(Meta.SCRUB) == null) return
        // On a connection of its own: VACUUM wants one on which no other statement was left halfway.
        val busy = open().use {
            it.run("VACUUM")
            it.first("PRAGMA wal_checkpoint(TRUNCATE)") { row -> row.int(0) } ?: 0
        }
        // Somebody reads for long: at the next opening.
        if (busy == 0) writer.transaction(IMMEDIATE) { it.setMeta(Meta.SCRUB, null) }
    }

    /** Ends all use of the store and lets the next one in. */
    override fun close() {
        lock.use {
            readers.close()
            writing.withLock { writer.close() }
        }
    }

    companion object {
        /**
         * Opens or makes the store. While another process, or another part of this one, has it open: store_locked. When it is
         * damaged: store_damaged; [setAside] makes room for a new one, which takes over what can be read.
         */
        suspend fun open(options: Options): Store = withContext(Dispatchers.IO) {
            val lock = lockFolder(options.folder)
            try {
                Store(options, lock)
            } catch (e: Throwable) {
                lock.close()
                throw e
            }
        }

        private const val IMMEDIATE = "BEGIN IMMEDIATE"

        private val PRAGMAS = listOf(
            "busy_timeout = 10000",
            // WAL with FULL: a commit that returned is on disk.
            "journal_mode = WAL",
            "synchronous = FULL",
            // A first sync's checkpoint is one transaction: what does not fit into these 16 MiB goes to disk twice.
            "cache_size = -16384",
            "temp_store = MEMORY",
        )
    }
}

/** The database, in the folder of a store. */
internal const val DATABASE = "store.db"

/** The bytes of files, in the folder of a store. */
internal const val FILES = "files"

/** Takes the folder for this process; the system gives it back when the process ends, however it ends. */
internal fun lockFolder(folder: File): AutoCloseable = unusable {
    if (folder.mkdirs()) folder.ownerOnly()
    val channel = FileChannel.open(
        File(folder, "lock").toPath(),
        StandardOpenOption.CREATE,
        StandardOpenOption.WRITE,
    )
    val taken = try {
        channel.tryLock()
    } catch (_: OverlappingFileLockException) {
        null
    }
    if (taken == null) {
        channel.close()
        throw Fault(Fault.STORE_LOCKED)
    }
    channel
}

/** Connections for readers, so that they need not wait for one another. */
private class Readers(private val open: () -> Sql) : AutoCloseable {
    private val idle = ArrayDeque<Sql>()
    private var closed = false

    inline fun <T> lend(fn: (Sql) -> T): T {
        val sql = take() ?: open()
        try {
            return fn(sql)
        } finally {
            give(sql)
        }
    }

    private fun take(): Sql? = synchronized(idle) {
        if (closed) throw Fault(Fault.STORE_UNUSABLE, "closed")
        idle.removeLastOrNull()
    }

    private fun give(sql: Sql) {
        val kept = synchronized(idle) { (!closed && idle.size < MOST_IDLE).also { if (it) idle.addLast(sql) } }
        if (!kept) sql.close()
    }

    override fun close() = synchronized(idle) {
        closed = true
        idle.forEach(Sql::close)
        idle.clear()
    }

    private companion object {
        const val MOST_IDLE = 4
    }
}
