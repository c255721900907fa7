package dev.doorstep.offline

/**
 * One connection to a SQLite database, used by one thread at a time. [Jdbc] is it on a JVM; on Android its SQLiteDatabase
 * does the same. Arguments are Int, Long, String, ByteArray or null. Whatever fails is a [Fault]: store_damaged where SQLite says
 * CORRUPT, NOTADB or that the file is too short, store_full where it says FULL, else store_unusable.
 */
interface Sql : AutoCloseable {
    /** Runs a statement and returns how many rows it changed, when it is an INSERT, UPDATE or DELETE. */
    fun run(statement: String, vararg args: Any?): Int

    /** Calls [row] for every row of the answer, which is valid within that call only. */
    fun query(query: String, vararg args: Any?, row: (Row) -> Unit)
}

/** One row of an answer; columns count from 0. */
interface Row {
    fun long(column: Int): Long

    /** Empty when the column is null. */
    fun text(column: Int): String

    /** Null when the column is. */
    fun blob(column: Int): ByteArray?
}

internal fun Row.int(column: Int): Int = long(column).toInt()

internal fun Row.flag(column: Int): Boolean = long(column) != 0L

/** The first row of the answer; null when there is none. */
internal fun <T> Sql.first(query: String, vararg args: Any?, row: (Row) -> T): T? {
    var found: T? = null
    query(query, *args) { if (found == null) found = row(it) }
    return found
}

/** All rows of the answer. */
internal fun <T> Sql.all(query: String, vararg args: Any?, row: (Row) -> T): List<T> =
    buildList { query(query, *args) { add(row(it)) } }

/** Runs [fn] between the statement that begins a transaction and its end: all of it is done, or nothing. */
internal inline fun <T> Sql.transaction(begin: String, fn: (Sql) -> T): T {
    run(begin)
    var done = false
    try {
        return fn(this).also {
            run("COMMIT")
            done = true
        }
    } finally {
        if (!done) rollback()
    }
}

/** Ends a transaction that failed, which SQLite may have done by itself. */
internal fun Sql.rollback() {
    try {
        run("ROLLBACK")
    } catch (_: Fault) {
        // What made it fail is on its way up already.
    }
}
