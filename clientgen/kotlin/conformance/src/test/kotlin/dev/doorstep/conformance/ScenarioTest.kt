package dev.doorstep.conformance

import java.io.File
import java.nio.file.Files
import java.util.UUID
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.TimeSource
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

/** Plays every scenario of sync/conformance against the real server. */
class ScenarioTest {
    @TestFactory
    fun scenarios(): List<DynamicTest> {
        val all = Scenario.all()
        assertTrue(all.size >= 39, "${all.size} scenarios")
        return all.map { scenario ->
            DynamicTest.dynamicTest(scenario.name) {
                val folder = Files.createTempDirectory("phones").toFile()
                try {
                    runBlocking(Dispatchers.Default) { Runner(scenario, folder).play() }
                } finally {
                    folder.deleteRecursively()
                }
            }
        }
    }
}

/** Plays one scenario. */
private class Runner(private val scenario: Scenario, private val folder: File) {
    private val world = Harness.post("/worlds", scenario.setup)
    private val path = "/worlds/${world.text("id")}"
    private val users = world.ids("users")
    private val items = world.ids("items")
    private val phones = HashMap<String, Phone>()

    /** The phones that have no store open: not yet, closed, or locked out by the one they are beside of. */
    private val without = HashSet<String>()
    private val boxes = HashMap<String, ByteArray>()
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    suspend fun play() {
        try {
            for ((name, plan) in scenario.phones) {
                val beside = plan.text("beside")
                val phone = Phone(File(folder, beside ?: name), plan["page_bytes"]?.jsonPrimitive?.int ?: 0)
                phones[name] = phone
                if (beside == null) assertEquals("", phone.open()) else without += name
            }
            scenario.steps.forEachIndexed { n, step ->
                try {
                    step(step)
                } catch (e: Throwable) {
                    throw AssertionError("${scenario.says}\nstep ${n + 1} ${step.json}\n${e.message}", e)
                }
            }
        } finally {
            phones.values.forEach { it.close() }
            Harness.delete(path)
        }
    }

    private suspend fun step(step: Step) {
        val name = step.phone
        if (name == null) {
            Harness.post(path, step.json.toString())
            return
        }
        if (step.act == "open" || step.act == "close") return opened(name, step)
        val doing = if (name in without) scenario.phones.getValue(name).text("beside") else name
        val phone = checkNotNull(phones[doing]) { "$name is closed" }
        if (step.act == "await") return await(phone, step)
        if (step.act != null) assertEquals(step.fails, act(phone, name, step))
        look(phone, step)
    }

    /** One that is turned away by another that has the store leaves its steps to that. */
    private suspend fun opened(name: String, step: Step) {
        val phone = phones.getValue(name)
        if (step.act == "close") {
            if (name !in without) phone.close()
            without += name
            return
        }
        if (name !in without) return // it shares already
        val code = phone.open()
        if (code.isEmpty()) without -= name else without += name
        val beside = scenario.phones.getValue(name).text("beside")
        if (code.isEmpty() || code == "store_locked" && beside != null && beside !in without) return
        throw AssertionError("opening ended with $code")
    }

    private suspend fun act(phone: Phone, name: String, step: Step): String {
        when (step.act) {
            "enrol" -> {
                val order = buildJsonObject {
                    put("office", "code")
                    put("user", step.text("user"))
                }
                val code = Harness.post(path, order.toString()).text("code").orEmpty()
                return phone.enrol(world.text("url").orEmpty(), code)
            }

            "act" -> phone.act(step.text("kind").orEmpty(), step.text("text") ?: args(step))

            "attach" -> phone.attach(items.getValue(step.text("item").orEmpty()), photo(step))

            "sync" -> return phone.sync()

            "sync_until_done" -> return untilDone(phone)

            "offline" -> phone.offline(true)

            "online" -> phone.offline(false)

            "restart" -> phone.restart()

            "upgrade" -> phone.upgrade()

            "reword" -> return phone.reword(step.text("kind").orEmpty())

            "export" -> boxes[name] = phone.export()

            "import" -> return phone.take(boxes.getValue(step.text("from").orEmpty()))

            "logout" -> return phone.logout()

            "live" -> phone.live(scope)

            "clock" -> phone.clock(duration(step.text("ahead").orEmpty()))

            else -> throw AssertionError("no phone does ${step.act}")
        }
        return ""
    }

    private suspend fun untilDone(phone: Phone): String {
        var code = ""
        repeat(20) {
            code = phone.sync()
            if (code.isEmpty()) return code
        }
        return code
    }

    private fun args(step: Step): String {
        val none = UUID(0, 0).toString()
        return buildJsonObject {
            put("item", items[step.text("item")]?.toString() ?: none)
            put("other", items[step.text("other")]?.toString() ?: none)
            put("holder", users[step.text("holder")]?.toString() ?: none)
        }.toString()
    }

    private fun photo(step: Step): ByteArray = step.text("text")?.encodeToByteArray() ?: Harness.photo(step.bytes)

    /** Looks until it sees what it should. */
    private suspend fun await(phone: Phone, step: Step) {
        val begun = TimeSource.Monotonic.markNow()
        while (true) {
            try {
                return look(phone, step)
            } catch (e: AssertionError) {
                if (begun.elapsedNow() > 1.minutes) throw e
            }
            delay(5.milliseconds)
        }
    }

    private suspend fun look(phone: Phone, step: Step) {
        if (step.shows != null || step.shown != null) {
            val got = phone.shows()
            if (step.shown != null) assertEquals(step.shown, got.size, "items shown")
            if (step.shows != null) assertEquals(step.shows.mapKeys { items.getValue(it.key) }, got, "what shows")
        }
        if (step.early != null) assertEquals(step.early, phone.early(), "the early part only")
        if (step.files != null) assertEquals(step.files, phone.files(), "files")
        if (step.labels != null) assertEquals(step.labels.mapKeys { items.getValue(it.key) }, phone.labels(), "labels")
        if (step.unsent != null) assertEquals(step.unsent, phone.unsent(), "unsent")
        if (step.verdicts != null) assertEquals(step.verdicts, phone.verdicts(), "verdicts")
    }
}
