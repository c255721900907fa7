package dev.doorstep.conformance

import java.io.File
import java.io.IOException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody

/** The repository, seen from this module. */
internal val repository: File = File("../../..").canonicalFile

/**
 * The process that plays server, office and network (sync/conformance/README.md). DOORSTEP_HARNESS names a built one;
 * else Go builds it.
 */
internal object Harness {
    private val http = OkHttpClient.Builder().readTimeout(java.time.Duration.ofMinutes(2)).build()
    private val url: String by lazy(::start)

    private fun start(): String {
        val built = System.getenv("DOORSTEP_HARNESS")
        val command = if (built.isNullOrEmpty()) listOf("go", "run", "./internal/conformance") else listOf(built)
        val process = ProcessBuilder(
            command,
        ).directory(repository).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        // It ends with its input, also when this JVM is killed; here it gets the time to tidy up.
        Runtime.getRuntime().addShutdownHook(
            Thread {
                process.outputStream.close()
                process.waitFor()
            },
        )
        return process.inputStream.bufferedReader().readLine()
            ?: throw IOException("the harness did not start: $command")
    }

    /** Gives an order; an answer other than 200 is an error with the reason. */
    fun post(path: String, order: String): JsonObject {
        val request = Request.Builder().url(url + path).post(order.toRequestBody("application/json".toMediaType()))
        http.newCall(request.build()).execute().use { answer ->
            val body = answer.body.string()
            if (answer.code != 200) throw AssertionError("the harness says: ${body.trim()}")
            return Json.parseToJsonElement(body).jsonObject
        }
    }

    fun delete(path: String) = http.newCall(Request.Builder().url(url + path).delete().build()).execute().close()

    /** A JPEG of so many bytes. */
    fun photo(size: Int): ByteArray =
        http.newCall(Request.Builder().url("$url/photos/$size").build()).execute().use { answer ->
            answer.body.bytes().also { check(answer.code == 200 && it.size == size) { "no photo: ${answer.code}" } }
        }
}
