package dev.doorstep.offline

import java.io.IOException
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.suspendCancellableCoroutine
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Response

/** Does the call and reads its answer with [fn]. When the coroutine is cancelled, so is the call. */
internal suspend fun <T> Call.read(fn: (Response) -> T): T = reaching {
    suspendCancellableCoroutine { waiting ->
        waiting.invokeOnCancellation { cancel() }
        enqueue(object : Callback {
            override fun onFailure(call: Call, e: IOException) = waiting.resumeWithException(e)

            override fun onResponse(call: Call, response: Response) {
                val read = runCatching { response.use(fn) }
                read.fold(waiting::resume, waiting::resumeWithException)
            }
        })
    }
}

/** Makes no_network of what fails in the network. */
internal inline fun <T> reaching(fn: () -> T): T = try {
    fn()
} catch (e: IOException) {
    throw Fault(Fault.NO_NETWORK, cause = e)
}
