package dev.doorstep.offline

import com.google.protobuf.ByteString
import java.io.InputStream
import java.io.OutputStream
import java.nio.channels.Channels
import java.nio.channels.FileChannel
import java.security.MessageDigest
import java.time.Instant
import java.util.Base64
import java.util.UUID
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.withContext
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonObjectBuilder
import kotlinx.serialization.json.addJsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray

/**
 * What was exported or imported: the unsent work of a device, encrypted with a passphrase, for a dying phone or a login
 * that does not come back. Imported on any other device of any language it goes on its way under the same mutation ids,
 * so that what the server has seen already counts once.
 */
class Box internal constructor(
    /** When, by the clock of the device that exported it. */
    val made: Instant,
    val org: UUID,
    val user: UUID,
    val userName: String,
    internal val work: List<BoxedWork>,
    internal val files: List<BoxedFile>,
    /** Counts the mutations that the importing device held already. */
    val known: Int = 0,
) {
    /** How many mutations it holds. */
    val mutations: Int get() = work.size
}

/** [verdict]: it has one already and travels only for its files. */
internal class BoxedWork(
    val id: UUID,
    val kind: String,
    val args: ByteString,
    val at: Instant,
    val verdict: ByteString?,
)

internal class BoxedFile(val mutation: UUID, val kept: Kept)

/** The shortest passphrase, in bytes. */
private const val LEAST_PHRASE = 8

private const val WORK = "work.json"

/**
 * Writes everything that is unsent to [to], encrypted with the passphrase (at least 8 bytes). The store keeps it too:
 * sending it from both sides is safe.
 */
suspend fun Store.export(to: OutputStream, passphrase: String): Box = withContext(Dispatchers.IO) {
    checkPassphrase(passphrase)
    val box = reading { it.box(options.now(), files) }
    writeBox(to, passphrase, box, { ensureActive() }) { openFile(it.id) }
    box
}

internal fun checkPassphrase(passphrase: String) {
    if (passphrase.toByteArray().size < LEAST_PHRASE) throw Fault(Fault.BOX_PASSPHRASE, "$LEAST_PHRASE")
}

/** Seals a box with the bytes of its files, which [open] gives. [alive] may end it. */
internal fun writeBox(to: OutputStream, passphrase: String, box: Box, alive: () -> Unit, open: (Kept) -> FileChannel) {
    val seal = Sealer(to, passphrase)
    val tar = TarWriter(seal)
    val head = box.json().toByteArray()
    tar.add(WORK, head.size.toLong(), box.made.epochSecond, head.inputStream())
    for (file in box.files) {
        alive()
        open(file.kept).use {
            tar.add(file.kept.id.name(), file.kept.size, box.made.epochSecond, Channels.newInputStream(it))
        }
    }
    tar.end()
    seal.close()
}

/**
 * Forgets everything, as [logout] does, provided that all that is unsent is in the box that [export] wrote; else
 * unsent_work.
 */
suspend fun Store.handOver(box: Box) {
    val boxed = box.work.map { it.id }.toSet() + box.files.map { it.kept.id.toUuid() }
    transact { sql ->
        sql.query("SELECT id FROM outbox WHERE known IS NULL") {
            if (it.uuid(0) !in boxed) throw Fault(Fault.UNSENT_WORK)
        }
        if (sql.unsentFiles(files).any { it.kept.id.toUuid() !in boxed }) throw Fault(Fault.UNSENT_WORK)
        sql.wipe()
    }
    wiped()
}

/**
 * Takes a black box into this device's outbox. The device must be enrolled in the same org. What it holds already is
 * skipped; a box may be imported twice.
 *
 * @throws Fault box_unreadable, box_foreign, not_enrolled
 */
suspend fun Store.import(from: InputStream, passphrase: String): Box = withContext(Dispatchers.IO) {
    val device = device()
    if (!device.enrolled) throw Fault(Fault.NOT_ENROLLED)
    try {
        val opened = Opener(from, passphrase)
        val tar = TarReader(opened)
        if (tar.next() != WORK) throw Fault(Fault.BOX_UNREADABLE)
        val box = readBox(tar.bytes.readBytes().decodeToString())
        // Nobody knows whose it is that comes of a store damaged at that place.
        if (box.org != device.org && box.org != UUID(0, 0)) throw Fault(Fault.BOX_FOREIGN)
        val missing = box.files.associateBy { it.kept.id.name() }.toMutableMap()
        while (true) {
            val file = missing.remove(tar.next() ?: break) ?: throw Fault(Fault.BOX_UNREADABLE)
            files.take(file.kept, tar.bytes) { ensureActive() }
        }
        if (missing.isNotEmpty()) throw Fault(Fault.BOX_UNREADABLE)
        // The last chunk says that nothing was cut off.
        opened.copyTo(OutputStream.nullOutputStream())
        Box(box.made, box.org, box.user, box.userName, box.work, box.files, takeInBox(box))
    } finally {
        sweep()
    }
}

/** Takes the work of a box in, whose bytes are here, and returns how much of it was known. */
internal suspend fun Store.takeInBox(box: Box): Int {
    val known = transact { it.takeIn(box) }
    files.announced(box.files.map { it.kept.id.name() })
    renewSpare()
    shows(emptySet())
    nudge()
    return known
}

/** Writes one file's bytes, unless they are here already. */
internal fun FileFolder.take(file: Kept, bytes: InputStream, alive: () -> Unit) {
    if (path(file.id.name()).exists()) return
    val sum = MessageDigest.getInstance("SHA-256")
    val checked = object : InputStream() {
        override fun read(): Int = throw UnsupportedOperationException()

        override fun read(to: ByteArray, offset: Int, length: Int): Int {
            val n = bytes.read(to, offset, length)
            if (n >= 0) {
                sum.update(to, offset, n)
            } else if (ByteString.copyFrom(sum.digest()) != file.sha256) {
                throw Fault(Fault.BOX_UNREADABLE)
            }
            return n
        }
    }
    write(file.id.toUuid() ?: throw Fault(Fault.BOX_UNREADABLE), checked, alive)
}

/** Gathers what is unsent: mutations without a verdict, and files with the mutation that announced them. */
private fun Sql.box(now: Instant, folder: FileFolder): Box {
    val device = device()
    val unsent = "SELECT id, kind, args, at, verdict FROM outbox WHERE known IS NULL " +
        "OR id IN (SELECT mutation FROM file WHERE state IN (1, 2)) ORDER BY n"
    val work = all(unsent) {
        BoxedWork(it.uuid(0), it.text(1), it.bytes(2), it.long(3).microsToInstant(), it.blob(4)?.wrap())
    }
    val files = unsentFiles(folder).map { BoxedFile(it.mutation, it.kept) }
    return Box(now, device.org, device.user, device.userName, work, files)
}

/** The files that are still to be sent, but for those whose bytes the device has lost. */
private fun Sql.unsentFiles(folder: FileFolder): List<StoredFile> =
    files().filter { (it.state == FileState.WAITING || it.state == FileState.HELD) && !folder.lacks(it.kept) }

/** Appends what is not known yet, and returns how much was. */
private fun Sql.takeIn(box: Box): Int {
    var known = 0
    for (one in box.work) {
        val held = first("SELECT 1 FROM outbox WHERE id = ?", one.id.toByteArray()) { true } ?: false
        if (held) {
            known++
        } else {
            // Also one that has a verdict goes again: the server repeats it, and this device's file hangs on it.
            append(one.id, one.kind, one.args, one.at)
        }
    }
    insertFiles(box.files, box.made)
    return known
}

internal fun Sql.insertFiles(files: List<BoxedFile>, added: Instant) {
    for (file in files) {
        run(
            "INSERT OR IGNORE INTO file (id, mutation, name, sha256, size, media, added, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            file.kept.id.toByteArray(),
            file.mutation.toByteArray(),
            file.kept.id.name(),
            file.kept.sha256.toByteArray(),
            file.kept.size,
            file.kept.media,
            added.toMicros(),
            FileState.WAITING.number,
        )
    }
}

private fun Box.json(): String = buildJsonObject {
    put("made", made.toString())
    put("org", org.toString())
    put("user", user.toString())
    put("user_name", userName)
    putJsonArray("mutations") {
        for (one in work) addJsonObject { put(one) }
    }
    putJsonArray("files") {
        for (file in files) addJsonObject { put(file) }
    }
}.toString()

internal fun JsonObjectBuilder.put(work: BoxedWork) {
    put("id", work.id.toString())
    put("kind", work.kind)
    put("args", work.args)
    put("at", work.at.toString())
    work.verdict?.let { put("verdict", it) }
}

internal fun JsonObjectBuilder.put(file: BoxedFile) {
    put("id", file.kept.id.name())
    put("mutation", file.mutation.toString())
    put("sha256", file.kept.sha256)
    put("size", file.kept.size)
    put("media", file.kept.media)
}

private fun JsonObjectBuilder.put(name: String, bytes: ByteString) =
    put(name, Base64.getEncoder().encodeToString(bytes.toByteArray()))

private fun readBox(json: String): Box = try {
    val box = Json.parseToJsonElement(json).jsonObject
    Box(
        made = Instant.parse(box.text("made")),
        org = UUID.fromString(box.text("org")),
        user = UUID.fromString(box.text("user")),
        userName = box.text("user_name"),
        work = box.list("mutations", ::readWork),
        files = box.list("files", ::readFile),
    )
} catch (e: IllegalArgumentException) {
    throw Fault(Fault.BOX_UNREADABLE, cause = e)
} catch (e: java.time.format.DateTimeParseException) {
    throw Fault(Fault.BOX_UNREADABLE, cause = e)
}

internal fun readWork(json: JsonObject) = BoxedWork(
    UUID.fromString(json.text("id")),
    json.text("kind"),
    json.bytes("args"),
    Instant.parse(json.text("at")),
    if ("verdict" in json) json.bytes("verdict") else null,
)

internal fun readFile(json: JsonObject): BoxedFile {
    val id = UUID.fromString(json.text("id")).toBytes()
    val kept = Kept(id, json.bytes("sha256"), json.text("size").toLong(), json.text("media"))
    return BoxedFile(UUID.fromString(json.text("mutation")), kept)
}

internal fun JsonObject.text(name: String): String = requireNotNull(this[name]) { "no $name" }.jsonPrimitive.content

private fun JsonObject.bytes(name: String): ByteString {
    val value = this[name]
    return if (value == null || value is JsonNull) ByteString.EMPTY else Base64.getDecoder().decode(text(name)).wrap()
}

/** Go writes an empty list as null. */
internal fun <T> JsonObject.list(name: String, read: (JsonObject) -> T): List<T> {
    val value = this[name]
    return if (value == null || value is JsonNull) emptyList() else value.jsonArray.map { read(it.jsonObject) }
}
