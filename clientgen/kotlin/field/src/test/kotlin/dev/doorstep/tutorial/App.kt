package dev.doorstep.tutorial

import com.google.protobuf.ByteString
import dev.doorstep.field.Proofs
import dev.doorstep.field.Tickets
import dev.doorstep.field.Visits
import dev.doorstep.field.attachProof
import dev.doorstep.field.describe
import dev.doorstep.field.fieldClient
import dev.doorstep.field.fieldOptions
import dev.doorstep.field.v1.AttachProof
import dev.doorstep.field.v1.ProofKind
import dev.doorstep.field.v1.VisitAccept
import dev.doorstep.field.visitAccept
import dev.doorstep.offline.Box
import dev.doorstep.offline.Client
import dev.doorstep.offline.Device
import dev.doorstep.offline.Store
import dev.doorstep.offline.attention
import dev.doorstep.offline.export
import dev.doorstep.offline.keep
import dev.doorstep.offline.live
import dev.doorstep.offline.unsent
import java.io.File
import java.io.InputStream
import java.io.OutputStream
import kotlinx.coroutines.flow.Flow

/** The app of docs/CLIENTS.md. */
class App(val store: Store) {
    val client: Client = fieldClient(store, appVersion = "1.0.0")

    suspend fun enrol(server: String, code: String): Device {
        val device = client.enrol(server, code)
        client.sync()
        return device
    }

    class Job(val visit: ByteString, val number: String, val state: String, val photos: Int, val unsent: Boolean)

    fun jobs(): Flow<List<Job>> = store.live { view ->
        Visits.all(view).map { visit ->
            Job(
                visit = visit.id,
                number = Tickets.get(view, visit.ticketId)?.number.orEmpty(),
                state = visit.state.name.removePrefix("VISIT_STATE_"),
                photos = Proofs.byVisitId(view, visit.id).size,
                unsent = Visits.pending(view, visit.id),
            )
        }
    }

    suspend fun accept(visit: ByteString): Boolean {
        val args = VisitAccept.newBuilder().setVisitId(visit).build()
        val offered = store.read { view -> visitAccept.offered(view, args) }
        if (offered) visitAccept.act(store, args)
        return offered
    }

    suspend fun photograph(visit: ByteString, photo: InputStream) {
        val file = store.keep(photo, "image/jpeg")
        val args = AttachProof.newBuilder()
            .describe(file)
            .setVisitId(visit)
            .setStep("before")
            .setKind(ProofKind.PROOF_KIND_BEFORE)
            .build()
        attachProof.act(store, args, file)
    }

    suspend fun status(): String {
        val unsent = store.unsent()
        val parked = store.attention().size
        return "${unsent.mutations} actions and ${unsent.files} photos to send, $parked to look at"
    }

    suspend fun rescue(to: OutputStream, passphrase: String): Box = store.export(to, passphrase)

    companion object {
        suspend fun open(folder: File): App = App(Store.open(fieldOptions(folder)))
    }
}
