package dev.doorstep.offline

import java.io.File
import java.sql.Connection
import java.sql.DriverManager
import java.sql.PreparedStatement
import java.sql.ResultSet
import java.sql.SQLException
import org.sqlite.SQLiteErrorCode
import org.sqlite.SQLiteException

/** SQLite by JDBC. Statements are prepared once. */
class Jdbc(file: File) : Sql {
    private val connection: Connection = trying { DriverManager.getConnection("jdbc:sqlite:$file") }
    private val prepared = HashMap<String, PreparedStatement>()

    override fun run(statement: String, vararg args: Any?): Int = using(statement, args) { p ->
        trying {
            if (!p.execute()) return@using p.updateCount
            p.resultSet.close() // some pragmas answer
            0
        }
    }

    override fun query(query: String, vararg args: Any?, row: (Row) -> Unit) = using(query, args) { p ->
        val answer = trying { p.executeQuery() }
        try {
            val current = Current(answer)
            while (trying { answer.next() }) row(current)
        } finally {
            trying { answer.close() }
        }
    }

    /** Lends the statement, which is nobody else's meanwhile: an answer may be read while the same is asked again. */
    private inline fun <T> using(sql: String, args: Array<out Any?>, use: (PreparedStatement) -> T): T {
        val p = prepared.remove(sql) ?: trying { connection.prepareStatement(sql) }
        try {
            trying { args.forEachIndexed { i, value -> p.setObject(i + 1, value) } }
            return use(p)
        } finally {
            prepared.put(sql, p)?.let { trying { it.close() } }
        }
    }

    override fun close() = trying {
        prepared.values.forEach(PreparedStatement::close)
        connection.close()
    }

    private class Current(private val answer: ResultSet) : Row {
        override fun long(column: Int): Long = trying { answer.getLong(column + 1) }

        override fun text(column: Int): String = trying { answer.getString(column + 1).orEmpty() }

        override fun blob(column: Int): ByteArray? = trying { answer.getBytes(column + 1) }
    }
}

private const val SQLITE_ERROR = 1
private const val SQLITE_IOERR = 10
private const val SQLITE_CORRUPT = 11
private const val SQLITE_FULL = 13
private const val SQLITE_NOTADB = 26

/** The file ends before a page of it does. */
private val SQLException.isShort: Boolean
    get() = (this as? SQLiteException)?.resultCode == SQLiteErrorCode.SQLITE_IOERR_SHORT_READ

private inline fun <T> trying(fn: () -> T): T = try {
    fn()
} catch (e: SQLException) {
    throw Fault(
        when (e.errorCode and 0xff) { // SQLite's primary code
            SQLITE_CORRUPT, SQLITE_NOTADB -> Fault.STORE_DAMAGED

            // Of a statement that is right, when the description of the tables is not.
            SQLITE_ERROR -> if ("no such " in e.message.orEmpty()) Fault.STORE_DAMAGED else Fault.STORE_UNUSABLE

            SQLITE_IOERR -> if (e.isShort) Fault.STORE_DAMAGED else Fault.STORE_UNUSABLE

            SQLITE_FULL -> Fault.STORE_FULL

            else -> Fault.STORE_UNUSABLE
        },
        cause = e,
    )
}
