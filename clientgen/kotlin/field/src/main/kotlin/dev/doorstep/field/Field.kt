package dev.doorstep.field

import dev.doorstep.offline.Client
import dev.doorstep.offline.Options
import dev.doorstep.offline.Store
import java.io.File
import okhttp3.OkHttpClient

/** How to open the store of an installer's or a clerk's phone. */
fun fieldOptions(folder: File): Options = Options(
    folder,
    effects = effects(ByHand),
    feedOrder = feedOrder,
    keys = ::receiptKeys,
    guards = mapOf(visitComplete.kind to ::guardCompletion),
)

/** Brings such a store and a server together; photos go by ProofService. */
fun fieldClient(store: Store, appVersion: String, http: OkHttpClient = OkHttpClient()): Client {
    lateinit var client: Client
    client = Client(store, http, ProofUploads { client }, appVersion)
    return client
}
