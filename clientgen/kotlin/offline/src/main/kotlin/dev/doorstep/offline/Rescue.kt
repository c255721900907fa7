package dev.doorstep.offline

import java.io.File
import java.io.IOException
import java.io.OutputStream
import java.nio.channels.FileChannel
import java.nio.file.Files
import java.nio.file.NoSuchFileException
import java.nio.file.StandardOpenOption
import java.security.MessageDigest
import java.time.Instant
import java.time.ZoneOffset
import java.time.format.DateTimeFormatter
import java.util.UUID
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.withContext
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.put

/** Begins the name of a folder, within the store's, that holds a damaged store. */
private const val ASIDE = "damaged-"

/** Within that folder: what of it went into the store that came after. */
private const val ASIDE_NOTE = "taken-over.json"

/** A damaged store that is kept. */
class Aside(
    val folder: File,
    /** When its work went into the store that came after, by the device's clock; null while nobody has taken it over. */
    val takenOver: Instant?,
    /** How many mutations were taken over. */
    val mutations: Int,
    /** How many files were taken over. */
    val files: Int,
)

/** Looks through the whole store for damage: store_damaged. It reads all of the database. */
suspend fun Store.check() = reading { sql ->
    val says = sql.first("PRAGMA quick_check(1)") { it.text(0) }
    if (says != "ok") throw Fault(Fault.STORE_DAMAGED, says.orEmpty())
    sql.actions("ORDER BY n")
    sql.files()
    sql.device()
}

/** The damaged stores that are kept in a store's folder, oldest first. */
suspend fun asides(folder: File): List<Aside> = withContext(Dispatchers.IO) { asidesIn(folder) }

private fun asidesIn(folder: File): List<Aside> =
    folder.listFiles { f -> f.isDirectory && f.name.startsWith(ASIDE) }.orEmpty().sortedBy { it.name }.map { aside ->
        val note = File(aside, ASIDE_NOTE)
        try {
            val told = Json.parseToJsonElement(note.readText()).jsonObject
            Aside(
                aside,
                Instant.parse(told.text("at")),
                told.text("mutations").toInt(),
                told.text("files").toInt(),
            )
        } catch (_: IOException) {
            Aside(aside, null, 0, 0)
        } catch (_: IllegalArgumentException) { // also a note that was cut off
            Aside(aside, null, 0, 0)
        }
    }

/**
 * Moves a damaged store into a folder of its own within [Options.folder], where nothing touches it, so that [Store.open] makes
 * a new one. Nobody may have the store open: store_locked. [Client.enrol] takes over what can be read of it, and [salvageTo]
 * writes that into a black box. Returns that folder.
 */
suspend fun setAside(options: Options): File = withContext(Dispatchers.IO) {
    lockFolder(options.folder).use {
        unusable {
            val at = options.now().atOffset(ZoneOffset.UTC).format(DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'"))
            val aside = File(options.folder, "$ASIDE$at-${UUID.randomUUID().toString().take(4)}")
            Files.createDirectory(aside.toPath())
            aside.ownerOnly()
            // The database goes last: while it is there, the store counts as damaged, and setting aside can be repeated.
            for (name in listOf(FILES, Spare.SPARE, "$DATABASE-shm", "$DATABASE-wal", DATABASE)) {
                try {
                    Files.move(File(options.folder, name).toPath(), File(aside, name).toPath())
                } catch (_: NoSuchFileException) {
                    // Not all of a store is always there.
                }
            }
            aside
        }
    }
}

/**
 * Writes the unsent work that can be read of a damaged store in [folder] to [to], as [export] does: one that was set aside, or
 * the damaged one itself, which nobody may have open. Of [options] the clock and the database count.
 */
suspend fun salvageTo(options: Options, folder: File, to: OutputStream, passphrase: String): Box =
    withContext(Dispatchers.IO) {
        checkPassphrase(passphrase)
        val box = salvage(options, folder)
        writeBox(to, passphrase, box, { ensureActive() }) {
            unusable { FileChannel.open(bytesOf(folder, it).toPath(), StandardOpenOption.READ) }
        }
        box
    }

private fun bytesOf(folder: File, file: Kept): File = File(File(folder, FILES), file.id.name())

/**
 * Reads what can be read of the unsent work of a damaged store: the spare copy, and each row that the database still gives.
 * What the database says is with the server is left out; sending something twice is safe.
 */
internal fun salvage(options: Options, folder: File): Box {
    val kept = Spare(folder).read()
    val rows = readRows(options, folder)
    val work = LinkedHashMap<UUID, BoxedWork>()
    val files = LinkedHashMap<UUID?, BoxedFile>()
    for (record in kept) {
        work[record.work.id] = record.work
        record.files.forEach { files[it.kept.id.toUuid()] = it }
    }
    val sending = rows.files.filter { it.state == FileState.WAITING || it.state == FileState.HELD }
    for (action in rows.actions) {
        val mutation = action.mutation
        if (action.waits || sending.any { it.mutation == mutation.id }) {
            work.putIfAbsent(mutation.id, BoxedWork(mutation.id, mutation.kind, mutation.args, mutation.at, null))
        } else {
            work.remove(mutation.id)
        }
    }
    for (file in rows.files) {
        if (file in sending) {
            files[file.kept.id.toUuid()] = BoxedFile(file.mutation, file.kept)
        } else {
            files.remove(file.kept.id.toUuid())
        }
    }
    val none = UUID(0, 0)
    val last = kept.lastOrNull()
    return Box(
        options.now(),
        last?.org ?: rows.device?.org ?: none,
        last?.user ?: rows.device?.user ?: none,
        last?.userName ?: rows.device?.userName.orEmpty(),
        // In the order in which it was done: ids are made in the order of time.
        work.values.sortedBy { it.id.toString() },
        files.values.filter { it.mutation in work && it.kept.wholeIn(bytesOf(folder, it.kept)) },
    )
}

/** Whether the bytes in [file] are those that were kept. */
private fun Kept.wholeIn(file: File): Boolean = try {
    val sum = MessageDigest.getInstance("SHA-256")
    val read = file.inputStream().use { bytes ->
        val buffer = ByteArray(64 shl 10)
        var read = 0L
        while (true) {
            val n = bytes.read(buffer)
            if (n < 0) break
            sum.update(buffer, 0, n)
            read += n
        }
        read
    }
    read == size && sum.digest().wrap() == sha256
} catch (_: IOException) {
    false
}

/** What a damaged database still gives. */
private class Rows(val device: Device?, val actions: Collection<Action>, val files: Collection<StoredFile>)

/** Bounds how many rows are looked for one by one. */
private const val MOST_ROWS = 100_000L

/** Reads a copy of the database, so that reading changes nothing of what is kept. Whatever fails is left out. */
private fun readRows(options: Options, folder: File): Rows = unusable {
    val scratch = Files.createTempDirectory(folder.toPath(), "reading-").toFile()
    try {
        for (name in listOf(DATABASE, "$DATABASE-wal")) {
            val from = File(folder, name)
            if (from.exists()) Files.copy(from.toPath(), File(scratch, name).toPath())
        }
        options.sql(File(scratch, DATABASE)).use { readRows(it) }
    } catch (_: Fault) {
        Rows(null, emptyList(), emptyList())
    } finally {
        scratch.deleteRecursively()
    }
}

private fun readRows(sql: Sql): Rows {
    // Not all of the description of its tables need be readable.
    salvaging { sql.run("PRAGMA writable_schema = ON") }
    val version = salvaging { sql.first("PRAGMA user_version") { it.int(0) } } ?: upgrades.size
    if (version in 1 until upgrades.size) {
        upgrades.subList(version, upgrades.size).flatten().forEach { salvaging { sql.run(it) } }
    }
    val actions = LinkedHashMap<UUID, Action>()
    fun take(where: String, vararg args: Any?): Boolean =
        salvaging { sql.eachAction(where, *args, skip = true) { actions.putIfAbsent(it.mutation.id, it) } } != null
    // From both ends up to the damage, then what is left one by one.
    if (!take("ORDER BY n")) {
        take("ORDER BY n DESC")
        val last = salvaging { sql.first("SELECT max(n) FROM outbox") { it.long(0) } } ?: 0
        if (last < MOST_ROWS) for (n in 1..last) take("WHERE n = ?", n)
    }
    val files = LinkedHashMap<UUID?, StoredFile>()
    for (order in listOf("ORDER BY id", "ORDER BY id DESC")) {
        salvaging { sql.eachFile(order, skip = true) { files.putIfAbsent(it.kept.id.toUuid(), it) } }
    }
    return Rows(salvaging { sql.device() }, actions.values, files.values)
}

/** Null where the database fails. */
private inline fun <T> salvaging(fn: () -> T): T? = try {
    fn()
} catch (_: Fault) {
    null
}

/** Brings the unsent work of damaged stores into this one, which has just been enrolled. Another person's stays where it is. */
internal suspend fun Store.takeOver() = withContext(Dispatchers.IO) {
    val device = device()
    for (aside in asidesIn(options.folder)) {
        if (aside.takenOver != null) continue
        val box = salvage(options, aside.folder)
        val none = UUID(0, 0)
        if (box.org != none && box.org != device.org || box.user != none && box.user != device.user) continue
        for (file in box.files) {
            unusable {
                bytesOf(aside.folder, file.kept).inputStream().use { files.take(file.kept, it) { ensureActive() } }
            }
        }
        takeInBox(box)
        val note = buildJsonObject {
            put("at", box.made.toString())
            put("mutations", box.work.size)
            put("files", box.files.size)
        }
        unusable { File(aside.folder, ASIDE_NOTE).writeText(note.toString()) }
    }
}

/** Removes the damaged stores whose work went into this one. Others hold work that nobody else has. */
internal fun Store.removeAsides() {
    for (aside in asidesIn(options.folder)) if (aside.takenOver != null) aside.folder.deleteRecursively()
}
