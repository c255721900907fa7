package dev.doorstep.offline

import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.file.Files
import java.nio.file.StandardCopyOption
import java.util.UUID
import java.util.zip.CRC32
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.addJsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.json.putJsonObject

/** One record of the spare copy: a mutation, whose it is, and its files that are still to be sent. */
internal class SpareRecord(
    val org: UUID,
    val user: UUID,
    val userName: String,
    val device: UUID,
    val seq: Long,
    val work: BoxedWork,
    val files: List<BoxedFile>,
)

/**
 * The spare copy: what is done is written a second time, to work.log beside the database, record by record, each with its
 * checksum. When the database is damaged or its end is lost, the unsent work is taken from there, see [salvageTo]. The
 * database alone says what is saved: it is on disk when [Store.act] returns. The spare copy follows without waiting for the
 * disk.
 */
internal class Spare(folder: File) {
    private val path = File(folder, SPARE)

    /** How large the copy is, in bytes. */
    val size: Long get() = path.length()

    /** Adds what has just been done. It is saved without that, so an error is not one of the action. */
    fun add(records: List<SpareRecord>) {
        try {
            val made = !path.exists()
            FileOutputStream(path, true).use { it.write(encode(records)) }
            if (made) path.ownerOnly()
        } catch (_: IOException) {
            // The next opening makes up for it.
        }
    }

    /** Writes the copy anew. */
    fun renew(records: List<SpareRecord>) = unusable {
        if (records.isEmpty()) {
            Files.deleteIfExists(path.toPath())
            return@unusable
        }
        val next = File(path.path + ".new")
        next.writeBytes(encode(records))
        next.ownerOnly()
        Files.move(next.toPath(), path.toPath(), StandardCopyOption.REPLACE_EXISTING)
    }

    /** The records that are whole, each mutation once, in its last words. */
    fun read(): List<SpareRecord> = unusable {
        if (!path.exists()) return@unusable emptyList()
        val bytes = ByteBuffer.wrap(path.readBytes())
        val found = LinkedHashMap<UUID, SpareRecord>()
        var at = 0
        while (at + HEAD <= bytes.limit()) {
            val length = bytes.getInt(at + 4)
            if (bytes.getInt(at) != MARK || length < 0 || length > bytes.limit() - at - HEAD) {
                at++ // the next record begins behind this byte, wherever it is
                continue
            }
            val json = bytes.array().copyOfRange(at + HEAD, at + HEAD + length)
            val record = if (bytes.getInt(at + 8) == checksum(json)) readRecord(json.decodeToString()) else null
            at += if (record == null) 1 else HEAD + length
            record?.let { found[it.work.id] = it }
        }
        found.values.toList()
    }

    private fun encode(records: List<SpareRecord>): ByteArray {
        val bodies = records.map { it.json().toString().encodeToByteArray() }
        val out = ByteBuffer.allocate(bodies.sumOf { HEAD + it.size })
        for (body in bodies) out.putInt(MARK).putInt(body.size).putInt(checksum(body)).put(body)
        return out.array()
    }

    companion object {
        const val SPARE = "work.log"

        /** Begins each record, so that reading goes on behind a damaged one; then its length and its CRC-32, and it as JSON. */
        private val MARK = 0xd00f776b.toInt()
        private const val HEAD = 12

        private fun checksum(bytes: ByteArray): Int = CRC32().apply { update(bytes) }.value.toInt()
    }
}

private fun SpareRecord.json(): JsonObject = buildJsonObject {
    put("org", org.toString())
    put("user", user.toString())
    put("user_name", userName)
    put("device", device.toString())
    put("seq", seq)
    putJsonObject("work") { put(work) }
    putJsonArray("files") { files.forEach { addJsonObject { put(it) } } }
}

/** Null where it cannot be read. */
private fun readRecord(json: String): SpareRecord? = try {
    val record = Json.parseToJsonElement(json).jsonObject
    SpareRecord(
        UUID.fromString(record.text("org")),
        UUID.fromString(record.text("user")),
        record.text("user_name"),
        UUID.fromString(record.text("device")),
        record.text("seq").toLong(),
        readWork(record.getValue("work").jsonObject),
        record.list("files", ::readFile),
    )
} catch (_: IllegalArgumentException) {
    null
} catch (_: java.time.format.DateTimeParseException) {
    null
} catch (_: NoSuchElementException) {
    null
}

/** The records of the rows of the outbox that [where] names. */
internal fun Sql.spares(where: String, vararg args: Any?): List<SpareRecord> {
    val device = device()
    return actions(where, *args).map { action ->
        val mutation = action.mutation
        val files = all(
            "SELECT id, sha256, size, media FROM file WHERE mutation = ? AND state IN (1, 2)",
            mutation.id.toByteArray(),
        ) { BoxedFile(mutation.id, Kept(it.bytes(0), it.bytes(1), it.long(2), it.text(3))) }
        val work = BoxedWork(mutation.id, mutation.kind, mutation.args, mutation.at, null)
        SpareRecord(device.org, device.user, device.userName, action.device, mutation.seq, work, files)
    }
}

/** What the spare copy has to hold: what waits, what has a file to send, and the newest, for the numbers count on from it. */
internal fun Sql.sparesDue(): List<SpareRecord> = spares(
    """
    WHERE known IS NULL OR id IN (SELECT mutation FROM file WHERE state IN (1, 2))
        OR n = (SELECT max(n) FROM outbox) ORDER BY n
    """,
)

/**
 * Brings back mutations at the end of the spare copy that the database has lost, under their old numbers: somebody removed
 * its log (store.db-wal), or put an older file in its place. Returns what the copy lacks.
 */
internal fun Sql.catchUp(kept: List<SpareRecord>): List<SpareRecord> {
    val device = meta(Meta.DEVICE)
    val last = first("SELECT coalesce(max(seq), 0) FROM outbox WHERE device = ?", device) { it.long(0) } ?: 0
    for (record in kept.filter { it.device == device?.wrap()?.toUuid() && it.seq > last }.sortedBy { it.seq }) {
        insertWork(device, Mutation(record.work.id, record.seq, record.work.kind, record.work.args, record.work.at))
        insertFiles(record.files, record.work.at)
    }
    val copied = kept.mapTo(HashSet()) { it.work.id }
    return sparesDue().filter { it.work.id !in copied }
}

/** From which size on the copy is written anew when a round has brought all of it to the server. */
private const val SPARE_LARGE = 16L shl 10

/** Writes a large copy anew when all is with the server. */
internal fun Store.trimSpare() {
    if (spare.size >= SPARE_LARGE) renewSpare { it.unsent().isEmpty }
}
