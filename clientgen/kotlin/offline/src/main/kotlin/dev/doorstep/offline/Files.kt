package dev.doorstep.offline

import com.google.protobuf.ByteString
import java.io.File
import java.io.IOException
import java.io.InputStream
import java.io.SequenceInputStream
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.nio.file.Files
import java.nio.file.NoSuchFileException
import java.nio.file.StandardOpenOption
import java.security.DigestInputStream
import java.security.MessageDigest
import java.time.Instant
import java.util.UUID
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.withContext

/** How far the bytes of a file are. */
enum class FileState(internal val number: Int) {
    /** To be sent, or being sent. */
    WAITING(1),

    /**
     * The server does not take it now, because its mutation waits for a person or was rejected; the bytes are kept and
     * offered again with every round. Or the device cannot read them any more (file_gone).
     */
    HELD(2),

    /** The server has verified the bytes. */
    DONE(3),

    /** The server has the bytes and they are not acceptable. */
    REFUSED(4),
}

/** A file on its way to the object store. */
data class StoredFile(
    val kept: Kept,
    /** The id of the mutation that announced it. */
    val mutation: UUID,
    /** When, by the device's clock. */
    val added: Instant,
    val state: FileState,
    /** How many bytes the object store has taken. */
    val sent: Long,
    /** Says why it is held or refused (docs/ERRORS.md); empty when it is not. */
    val code: String,
    /** The server's lasting answer: the receipt. */
    val answer: ByteString,
)

/** The size in bytes up to which a file goes before the larger ones. */
internal const val SMALL_FILE: Int = 256 shl 10

/**
 * Copies what [bytes] gives into the store's own folder and returns when it is on disk. Without a mutation that names it
 * (see [Store.act]), the copy is removed when the store is opened next. The type is told by the first bytes; [media], which
 * may be empty, counts only where the application takes other files than pictures ([Options.otherFiles]). What is empty or
 * no picture is refused with file_empty or proof_not_picture.
 */
suspend fun Store.keep(bytes: InputStream, media: String = ""): Kept = withContext(Dispatchers.IO) {
    val head = bytes.head()
    val type = mediaOf(media, head, options.otherFiles)
    val id = uuid7(options.now())
    val sum = MessageDigest.getInstance("SHA-256")
    val whole = SequenceInputStream(head.inputStream(), bytes)
    val size = files.write(id, DigestInputStream(whole, sum)) { ensureActive() }
    Kept(id.toBytes(), sum.digest().wrap(), size, type)
}

/** The first bytes of a stream, fewer where it ends before. Old Androids know no readNBytes. */
private fun InputStream.head(): ByteArray {
    val head = ByteArray(HEAD_SIZE)
    var n = 0
    while (n < head.size) {
        val more = read(head, n, head.size - n)
        if (more < 0) break
        n += more
    }
    return head.copyOf(n)
}

/** All files, in the order in which they go over the radio: small ones first, then as added. */
suspend fun Store.files(): List<StoredFile> = reading { it.files() }

/** Opens the kept bytes of a file. */
fun Store.openFile(id: ByteString): FileChannel =
    unusable { FileChannel.open(files.path(id.name()).toPath(), StandardOpenOption.READ) }

/**
 * Opens the kept bytes of a file that are to be sent. One whose bytes the device has lost is file_gone, one that cannot be
 * opened now is store_unusable; neither is a reason to keep the others here.
 */
internal fun Store.openWhole(file: Kept): FileChannel {
    val channel = try {
        FileChannel.open(files.path(file.id.name()).toPath(), StandardOpenOption.READ)
    } catch (e: NoSuchFileException) {
        throw Fault(Fault.FILE_GONE, cause = e)
    } catch (e: IOException) {
        throw Fault(Fault.STORE_UNUSABLE, cause = e)
    }
    val size = channel.size()
    if (size == file.size) return channel
    channel.close()
    throw Fault(Fault.FILE_GONE, "$size of ${file.size} bytes")
}

/** Whether the device has lost the bytes of a file for sure: one that cannot be looked at now is not lost. */
internal fun FileFolder.lacks(file: Kept): Boolean = try {
    Files.size(path(file.id.name()).toPath()) != file.size
} catch (_: NoSuchFileException) {
    true
} catch (_: IOException) {
    false
}

/**
 * Forgets a file that is held: a person decided that nobody needs its bytes, or saw that they are gone. not_found when it is
 * not held.
 */
suspend fun Store.letGo(id: ByteString) {
    val gone =
        transact { it.run("DELETE FROM file WHERE id = ? AND state = ?", id.toByteArray(), FileState.HELD.number) }
    if (gone == 0) throw Fault(Fault.NOT_FOUND)
}

internal fun ByteString.name(): String = (toUuid() ?: UUID(0, 0)).toString()

internal fun Sql.addFile(mutation: Mutation, file: Kept) {
    run(
        "INSERT INTO file (id, mutation, name, sha256, size, media, added, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        file.id.toByteArray(), mutation.id.toByteArray(), file.id.name(), file.sha256.toByteArray(), file.size,
        file.media, mutation.at.toMicros(), FileState.WAITING.number,
    )
}

internal fun Sql.files(): List<StoredFile> =
    buildList { eachFile("ORDER BY size > ?, added, id", SMALL_FILE) { add(it) } }

/** Calls [take] for every row that [where] names. One that is damaged is store_damaged, or is left out with [skip]. */
internal fun Sql.eachFile(where: String, vararg args: Any?, skip: Boolean = false, take: (StoredFile) -> Unit) = query(
    "SELECT id, mutation, sha256, size, media, added, state, sent, code, answer FROM file $where",
    *args,
) { row -> readable(skip) { row.file() }?.let(take) }

private fun Row.file() = StoredFile(
    kept = Kept(bytes(0), bytes(2), long(3), text(4)),
    mutation = uuid(1),
    added = long(5).microsToInstant(),
    state = FileState.entries.find { it.number == int(6) }
        ?: throw Fault(Fault.STORE_DAMAGED, "a file's state is none"),
    sent = long(7),
    code = text(8),
    answer = bytes(9),
)

internal fun Sql.setFile(file: StoredFile) {
    run(
        "UPDATE file SET state = ?, sent = ?, code = ?, answer = ? WHERE id = ?",
        file.state.number,
        file.sent,
        file.code,
        file.answer.toByteArray(),
        file.kept.id.toByteArray(),
    )
}

/** The folder of the bytes of files. */
internal class FileFolder(private val folder: File) {
    /** Names of bytes that this process has written and may not have announced yet. */
    private val fresh = ConcurrentHashMap.newKeySet<String>()

    init {
        unusable { Files.createDirectories(folder.toPath()) }
    }

    fun path(name: String): File = File(folder, name)

    /** Writes the bytes of a new file and returns their number when they are on disk. [alive] may end it. */
    fun write(id: UUID, bytes: InputStream, alive: () -> Unit): Long {
        val path = path(id.toString()).toPath()
        fresh += id.toString()
        var size = 0L
        unusable {
            val channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)
            var done = false
            try {
                channel.use {
                    path.toFile().ownerOnly()
                    val buffer = ByteArray(64 shl 10)
                    while (true) {
                        alive()
                        val n = bytes.read(buffer)
                        if (n < 0) break
                        val part = ByteBuffer.wrap(buffer, 0, n)
                        while (part.hasRemaining()) it.write(part)
                        size += n
                    }
                    it.force(true)
                }
                syncNames()
                done = true
            } finally {
                if (!done) {
                    fresh -= id.toString()
                    Files.deleteIfExists(path)
                }
            }
        }
        return size
    }

    /** Makes new names in the folder durable. Systems that cannot (Windows) do it by themselves. */
    private fun syncNames() {
        try {
            FileChannel.open(folder.toPath(), StandardOpenOption.READ).use { it.force(true) }
        } catch (_: IOException) {
            // It opens no folders.
        }
    }

    /** Notes that rows name these files now. */
    fun announced(names: Collection<String>) {
        fresh -= names.toSet()
    }

    /** Removes all bytes. */
    fun clear() {
        fresh.clear()
        keepOnly(emptySet())
    }

    /** Removes all bytes but those named, and those that are about to be. */
    fun keepOnly(names: Set<String>) = unusable {
        folder.list().orEmpty().filter {
            it !in names && it !in fresh
        }.forEach { Files.deleteIfExists(path(it).toPath()) }
    }
}
