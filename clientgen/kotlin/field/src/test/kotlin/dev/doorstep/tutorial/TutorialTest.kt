package dev.doorstep.tutorial

import com.google.protobuf.ByteString
import dev.doorstep.field.Proofs
import dev.doorstep.field.Tickets
import dev.doorstep.field.v1.ProofState
import dev.doorstep.offline.live
import java.awt.image.BufferedImage
import java.io.ByteArrayOutputStream
import java.io.File
import java.nio.file.Files
import java.nio.file.attribute.PosixFilePermissions
import javax.imageio.ImageIO
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

private val root = File("../../..")

/** What docs/CLIENTS.md shows in Kotlin is this app, and it does what the page says, against the demo company. */
class TutorialTest {
    @TempDir
    lateinit var folder: File

    @Test
    fun `every block of Kotlin in the page stands in the app`() {
        val app = plain(File("src/test/kotlin/dev/doorstep/tutorial/App.kt").readText())
        val blocks = Regex(
            "```kotlin\n(.*?)```",
            RegexOption.DOT_MATCHES_ALL,
        ).findAll(File(root, "docs/CLIENTS.md").readText())
        val texts = blocks.map { it.groupValues[1] }.toList()
        assertTrue(texts.size >= 6, "${texts.size} blocks")
        for (text in texts) assertTrue(plain(text) in app, "not in the app:\n$text")
    }

    /** Lines without their indentation. */
    private fun plain(text: String) =
        text.trim().lines().map(String::trim).filter(String::isNotEmpty).joinToString("\n")

    @Test
    fun `what is done without a network is with the office afterwards`() = Demo().use { demo ->
        runBlocking {
            withTimeout(5.minutes) {
                val phone = App.open(File(folder, "phone"))
                assertTrue(phone.enrol(demo.server, demo.code).enrolled)
                val visit = basement(phone)
                phone.store.close()
                street(App.open(File(folder, "phone")), visit)
            }
        }
    }

    /** Accepts a job and takes a photo of it, without a network. */
    private suspend fun basement(app: App): ByteString {
        val job = app.jobs().first().first { it.state == "DISPATCHED" }
        assertFalse(job.unsent)
        assertTrue(job.number.isNotEmpty())
        assertTrue(app.accept(job.visit))
        assertFalse(app.accept(job.visit), "it is not offered twice")
        app.photograph(job.visit, picture().inputStream())
        val shown = app.jobs().first().first { it.visit == job.visit }
        assertEquals(listOf("ACCEPTED", job.photos + 1, true), listOf(shown.state, shown.photos, shown.unsent))
        assertEquals("2 actions and 1 photos to send, 0 to look at", app.status())
        val rescued = ByteArrayOutputStream()
        assertEquals(2, app.rescue(rescued, "basement 三号").mutations)
        return job.visit
    }

    /** The phone was switched off meanwhile, and finds a network. */
    private suspend fun street(app: App, visit: ByteString) = coroutineScope {
        val syncing = launch { app.client.run() }
        app.store.live { view -> Proofs.byVisitId(view, visit).any { it.state == ProofState.PROOF_STATE_VERIFIED } }
            .first { it }
        syncing.cancelAndJoin()
        assertEquals("0 actions and 0 photos to send, 0 to look at", app.status())
        assertEquals("ACCEPTED", app.jobs().first().first { it.visit == visit }.state)
        app.store.read { view ->
            val ticket = Tickets.all(view).first { it.customer.name.isNotEmpty() }
            assertFalse(ticket.customer.name in Tickets.redacted(ticket).toString())
        }
        app.store.close()
    }

    private fun picture(): ByteArray {
        val out = ByteArrayOutputStream()
        ImageIO.write(BufferedImage(64, 48, BufferedImage.TYPE_INT_RGB), "jpeg", out)
        return out.toByteArray()
    }
}

/** The demo company. */
private class Demo : AutoCloseable {
    /** Others may pass through it, for PostgreSQL runs as another user when this one is root. */
    private val data = Files.createTempDirectory("doorstep-tutorial").also {
        Files.setPosixFilePermissions(it, PosixFilePermissions.fromString("rwxr-xr-x"))
    }.toFile()
    private val process: Process
    val server: String
    val code: String

    init {
        val binary = File(data, "doorstep").absolutePath
        val programs = listOf(binary to "./server", "${data.absolutePath}/" to "./server/local/doorstep-store")
        for ((out, source) in programs) {
            run("go", "build", "-o", out, source).let { assertEquals(0, it.waitFor(), "go build $source") }
        }
        val quick = arrayOf("--quiet-day", "--days", "1")
        process = run(binary, "demo", *quick, "--listen", "127.0.0.1:0", "--data", data.absolutePath)
        val said = StringBuilder()
        var found: MatchResult? = null
        for (line in process.inputStream.bufferedReader().lineSequence()) {
            said.appendLine(line)
            found = Regex("enrol (\\S+) --server (\\S+)").find(line)
            if (found != null) break
        }
        val (code, server) = requireNotNull(found) { "the demo ended:\n$said" }.destructured
        this.code = code
        this.server = server
    }

    private fun run(vararg command: String): Process =
        ProcessBuilder(*command).directory(root).redirectErrorStream(true)
            .also { it.environment()["DOORSTEP_WITH_PARENT"] = "1" } // it ends with this process, however that ends
            .start()

    override fun close() {
        process.destroy() // SIGTERM: it stops what it started
        process.waitFor()
        data.deleteRecursively()
    }
}
