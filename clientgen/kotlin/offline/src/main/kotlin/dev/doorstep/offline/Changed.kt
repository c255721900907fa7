package dev.doorstep.offline

import com.google.protobuf.ByteString

/** An entity that a checkpoint changed. [before] is null when it was not there, [after] when it left. */
class Changed(val kind: Int, val id: ByteString, val before: ByteString?, val after: ByteString?) {
    override fun toString(): String = "$kind ${hex(id)}"
}

/** Notes the entities that [which] selects, does [change], and says which of them show differently now. */
internal fun Sql.changing(which: String, order: List<String>, change: () -> Unit): List<Changed> {
    run("CREATE TEMP TABLE IF NOT EXISTS touched (kind INTEGER, id BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID")
    run("DELETE FROM touched")
    run("INSERT INTO touched $which")
    val before = bodies(order)
    change()
    val after = bodies(order)
    val touched = all("SELECT kind, id FROM touched ORDER BY kind, id") { it.int(0) to it.bytes(1) }
    return touched.mapNotNull { entity ->
        val old = before[entity]?.body
        val new = after[entity]?.body
        if (old == new) null else Changed(entity.first, entity.second, old, new)
    }
}

/** The touched entities as they show, without effects. */
private fun Sql.bodies(order: List<String>): Map<Pair<Int, ByteString>, Preferred> {
    val out = HashMap<Pair<Int, ByteString>, Preferred>()
    query("SELECT e.kind, e.id, e.feed, e.body FROM touched t JOIN entry e ON e.kind = t.kind AND e.id = t.id") {
        out.getOrPut(it.int(0) to it.bytes(1)) { Preferred(order) }.offer(it.text(2), it.bytes(3))
    }
    return out
}
