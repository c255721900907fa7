package dev.doorstep.field

import com.google.protobuf.ByteString
import dev.doorstep.field.v1.AddNote
import dev.doorstep.field.v1.AddPart
import dev.doorstep.field.v1.AnswerTask
import dev.doorstep.field.v1.AttachProof
import dev.doorstep.field.v1.SignSignature
import dev.doorstep.field.v1.VisitAccept
import dev.doorstep.field.v1.VisitDecline
import dev.doorstep.offline.Fault
import dev.doorstep.offline.Kept
import dev.doorstep.offline.Misfit
import dev.doorstep.offline.Mutation
import dev.doorstep.offline.Outbox
import dev.doorstep.store.v1.OpenTicketByScan
import java.io.File
import java.util.Base64
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory

/** Arguments that the server would park in any state of things are refused before they are saved. */
class RulesTest {
    /** The file that a Go test holds against the server's own rules. */
    private val cases =
        Json.parseToJsonElement(File("../../model/testdata/arguments.json").readText()).jsonArray.map { it.jsonObject }

    private val checks: Map<String, (ByteString) -> Unit> = mapOf(
        visitAccept.kind to { visitAccept.check(VisitAccept.parseFrom(it)) },
        visitDecline.kind to { visitDecline.check(VisitDecline.parseFrom(it)) },
        answerTask.kind to { answerTask.check(AnswerTask.parseFrom(it)) },
        addPart.kind to { addPart.check(AddPart.parseFrom(it)) },
        addNote.kind to { addNote.check(AddNote.parseFrom(it)) },
        attachProof.kind to { attachProof.check(AttachProof.parseFrom(it)) },
        signSignature.kind to { signSignature.check(SignSignature.parseFrom(it)) },
        openTicketByScan.kind to { openTicketByScan.check(OpenTicketByScan.parseFrom(it)) },
    )

    @TestFactory
    fun `what the server refuses for sure is refused before it is saved`(): List<DynamicTest> = cases.map { case ->
        fun text(name: String) = case.getValue(name).jsonPrimitive.content
        DynamicTest.dynamicTest(text("name")) {
            val args = ByteString.copyFrom(Base64.getDecoder().decode(text("bytes")))
            val field = try {
                checks.getValue(text("kind"))(args)
                ""
            } catch (e: Misfit) {
                e.field
            }
            assertEquals(text("field"), field)
        }
    }

    @Test
    fun `nothing is saved, and the field is named`() = runBlocking {
        val saved = ArrayList<String>()
        val outbox = object : Outbox {
            override suspend fun act(kind: String, args: ByteString, files: List<Kept>): Mutation {
                saved += kind
                throw IllegalStateException("saved")
            }
        }
        val id = ByteString.copyFrom(ByteArray(16))
        val args = SignSignature.newBuilder().setId(id).setVisitId(id).build()
        val refused = assertThrows(Misfit::class.java) { runBlocking { signSignature.act(outbox, args) } }
        assertEquals(Fault.INVALID_ARGUMENT, refused.code)
        assertEquals("signer_name: must not be empty", refused.sentence("en"))
        assertEquals("signer_name：不能为空", refused.sentence("zh"))
        assertTrue(saved.isEmpty())
    }
}
