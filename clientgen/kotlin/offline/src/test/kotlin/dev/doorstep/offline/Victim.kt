package dev.doorstep.offline

import com.google.protobuf.ByteString
import java.io.File
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/**
 * A phone that is killed: it does things for ever and says "saved" after each that is safe, while pages come whose two
 * things always say the same at a checkpoint. Where it may not have the store it says why and ends.
 */
fun main(args: Array<String>) = runBlocking(Dispatchers.Default) {
    val store = try {
        phone(File(args[0]))
    } catch (e: Fault) {
        println(e.code)
        return@runBlocking
    }
    launch {
        var n = store.things()[1]?.toInt() ?: 0
        while (true) {
            val both = page(mapOf(1 to "${++n}", 2 to "$n"))
            val first = both.toBuilder().clearCheckpoint()
            val last = both.toBuilder()
            first.setFeeds(0, both.getFeeds(0).toBuilder().removeEntries(1)).setCursor(ByteString.copyFromUtf8("half"))
            last.setFeeds(0, both.getFeeds(0).toBuilder().removeEntries(0)).setCursor(ByteString.copyFromUtf8("whole"))
            store.take(first.build())
            store.take(last.build())
        }
    }
    var n = 0
    while (true) {
        store.act("note", text("${++n}"))
        println("saved")
    }
}
