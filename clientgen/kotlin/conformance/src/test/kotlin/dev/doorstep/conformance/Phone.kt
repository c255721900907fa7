package dev.doorstep.conformance

import com.google.protobuf.ByteString
import dev.doorstep.field.ProofUploads
import dev.doorstep.field.receiptKeys
import dev.doorstep.offline.Change
import dev.doorstep.offline.Client
import dev.doorstep.offline.Effect
import dev.doorstep.offline.FileState
import dev.doorstep.offline.Jdbc
import dev.doorstep.offline.Options
import dev.doorstep.offline.Receipt
import dev.doorstep.offline.Store
import dev.doorstep.offline.actions
import dev.doorstep.offline.checkReceipts
import dev.doorstep.offline.codeOf
import dev.doorstep.offline.device
import dev.doorstep.offline.export
import dev.doorstep.offline.files
import dev.doorstep.offline.import
import dev.doorstep.offline.keep
import dev.doorstep.offline.logout
import dev.doorstep.offline.reword
import dev.doorstep.offline.setOffline
import dev.doorstep.offline.toBytes
import dev.doorstep.offline.toUuid
import dev.doorstep.offline.unsent
import dev.doorstep.offline.waiting
import java.io.ByteArrayOutputStream
import java.io.File
import java.time.Instant
import java.util.Base64
import java.util.UUID
import java.util.concurrent.TimeUnit
import kotlin.time.Duration
import kotlin.time.toJavaDuration
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch
import kotlinx.coroutines.yield
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import okhttp3.ConnectionPool
import okhttp3.OkHttpClient

private const val ITEM = 7
private const val LABEL = 9
private const val PASSPHRASE = "three cats, one door"

/** A phone with the Kotlin client. What ends with a code returns it, empty when all went well. */
internal class Phone(private val folder: File, private val pageBytes: Int) {
    @Volatile
    private var ahead = Duration.ZERO

    /** Of the app: the second knows labels. */
    private var version = 1
    private lateinit var client: Client
    private val store: Store get() = client.store
    private val isOpen: Boolean get() = closed.not()
    private var closed = true
    private var following: Job? = null

    suspend fun open(): String = code {
        val options = Options(
            folder = folder,
            now = { Instant.now().plus(ahead.toJavaDuration()) },
            effects = mapOf("add" to countUp, "pair" to countUp, "attach" to countUp),
            feedOrder = listOf("tech"),
            keys = ::receiptKeys,
        )
        client = Client(Store.open(options), http, ProofUploads { client }, pageBytes = pageBytes, sleep = { yield() })
        closed = false
    }

    suspend fun close() {
        following?.cancel()
        following?.join()
        following = null
        if (isOpen) store.close()
        closed = true
    }

    suspend fun restart() {
        close()
        open().let { check(it.isEmpty()) { it } }
    }

    /** The next version of the app finds the store as the first one left it. */
    suspend fun upgrade() {
        close()
        downgrade()
        version = 2
        open().let { check(it.isEmpty()) { it } }
    }

    /**
     * Makes the store anew with the statements of its version 1, frozen in the client's tests, and fills it with what that
     * version kept. It names no later column, so that a new version of the store needs no change here.
     */
    private fun downgrade() {
        val newer = File(folder, "newer.db")
        val path = File(folder, "store.db")
        check(path.renameTo(newer))
        val frozen = File("../offline/src/test/resources/store-1.sql").readText().substringBefore("INSERT INTO")
        Jdbc(path).use { sql ->
            frozen.split(";\n").map(String::trim).filter(String::isNotEmpty).forEach { sql.run(it) }
            sql.run("ATTACH ? AS newer", newer.path)
            val tables = LinkedHashMap<String, String>()
            sql.query(
                """
                SELECT m.name, group_concat(c.name) FROM main.sqlite_schema m, pragma_table_info(m.name, 'main') c
                WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' GROUP BY m.name
                """,
            ) { tables[it.text(0)] = it.text(1) }
            for ((table, columns) in tables) {
                sql.run("INSERT INTO main.$table ($columns) SELECT $columns FROM newer.$table")
            }
        }
        check(newer.delete())
    }

    suspend fun enrol(url: String, code: String): String = code { client.enrol(url, code) }

    suspend fun act(kind: String, args: String) {
        store.act(kind, ByteString.copyFromUtf8(args))
    }

    suspend fun attach(item: UUID, photo: ByteArray) {
        val kept = store.keep(photo.inputStream(), "image/jpeg")
        val args = buildJsonObject {
            put("item", item.toString())
            put("file", kept.id.toUuid().toString())
            put("sha256", Base64.getEncoder().encodeToString(kept.sha256.toByteArray()))
            put("size", kept.size)
            put("media", kept.media)
        }
        store.act("attach", ByteString.copyFromUtf8(args.toString()), listOf(kept))
    }

    suspend fun sync(): String = code { client.sync() }

    suspend fun offline(on: Boolean) = store.setOffline(on)

    fun clock(ahead: Duration) {
        this.ahead = ahead
    }

    suspend fun logout(): String = code { store.logout() }

    fun live(scope: CoroutineScope) {
        following = scope.launch { client.run() }
    }

    suspend fun reword(kind: String): String = code {
        val oldest = store.waiting().first().mutation
        store.reword(oldest.id, kind, oldest.args)
    }

    suspend fun export(): ByteArray = ByteArrayOutputStream().also { store.export(it, PASSPHRASE) }.toByteArray()

    suspend fun take(box: ByteArray): String = code { store.import(box.inputStream(), PASSPHRASE) }

    suspend fun shows(): Map<UUID, Int> = entities(ITEM).associate { (id, item) ->
        id to
            item.getValue("count").jsonPrimitive.int
    }

    suspend fun early(): Boolean = store.device().early

    suspend fun labels(): Map<UUID, String> =
        if (version < 2) emptyMap() else entities(LABEL).associate { (id, label) -> id to label.text("text").orEmpty() }

    private suspend fun entities(kind: Int): List<Pair<UUID, JsonObject>> = store.read { view ->
        view.list(kind).map { checkNotNull(it.id.toUuid()) to parse(it.body) }
    }

    suspend fun unsent(): Int = store.unsent().mutations

    /** Of what it still holds, oldest first, after their receipts were checked. */
    suspend fun verdicts(): List<String> {
        val actions = store.actions()
        return actions.zip(store.checkReceipts(actions)) { action, receipt ->
            val verdict = action.verdict ?: return@zip ""
            check(receipt == Receipt.GOOD) { "the receipt of $action: $receipt" }
            "${verdict.outcome.name.removePrefix("OUTCOME_").lowercase()} ${verdict.code}".trim()
        }
    }

    /** As they were attached. */
    suspend fun files(): List<String> = store.files().sortedBy { it.kept.id.toUuid().toString() }.map {
        it.state.name.lowercase() + if (it.state == FileState.REFUSED) " ${it.code}" else ""
    }

    private suspend fun code(fn: suspend () -> Unit): String = try {
        fn()
        ""
    } catch (e: dev.doorstep.offline.Fault) {
        codeOf(e).orEmpty()
    }

    companion object {
        /** A fault meets one call, not a pool of connections. */
        private val http = OkHttpClient.Builder()
            .connectionPool(ConnectionPool(0, 1, TimeUnit.MILLISECONDS)).retryOnConnectionFailure(false).build()
    }
}

/** The optimistic effect of add, pair and attach. */
private val countUp: Effect = { view, done ->
    val args = runCatching { parse(done.args) }.getOrNull()
    listOfNotNull(args?.text("item"), args?.text("other")).mapNotNull { named ->
        val id = runCatching { UUID.fromString(named).toBytes() }.getOrNull() ?: return@mapNotNull null
        val item = view.get(ITEM, id)?.let(::parse) ?: return@mapNotNull null
        val counted = item + ("count" to JsonPrimitive(item.getValue("count").jsonPrimitive.int + 1))
        Change(ITEM, id, ByteString.copyFromUtf8(JsonObject(counted).toString()))
    }
}

private fun parse(json: ByteString): JsonObject = Json.parseToJsonElement(json.toStringUtf8()).jsonObject
