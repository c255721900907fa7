package dev.doorstep.offline

import com.google.protobuf.ByteString

/** Arguments that the server would park in any state of things: nothing was saved. */
class Misfit internal constructor(
    /** The field as the proto names it, with the way to it: lines[0].name. */
    val field: String,
    private val english: String,
    private val chinese: String,
) : Fault(INVALID_ARGUMENT, "$field: $english") {
    override fun sentence(lang: String): String = if (lang == "zh") "$field：$chinese" else "$field: $english"
}

/** What the server asks of arguments. Generated clients check it before anything is saved; bounds belong to what is allowed. */
object Rules {
    /** In characters. */
    fun length(field: String, value: String, least: Int, most: Int) {
        val n = value.codePointCount(0, value.length)
        when {
            n < least && n == 0 -> throw Misfit(field, "must not be empty", "不能为空")
            n < least -> throw Misfit(field, "at least $least characters", "至少 $least 个字符")
            n > most -> throw Misfit(field, "at most $most characters", "最多 $most 个字符")
        }
    }

    /** In bytes. */
    fun length(field: String, value: ByteString, least: Int, most: Int) {
        val n = value.size()
        if (n in least..most) return
        if (least == most) throw Misfit(field, "must have $least bytes, not $n", "应为 $least 字节，现为 $n 字节")
        if (n < least) throw Misfit(field, "at least $least bytes", "至少 $least 字节")
        throw Misfit(field, "at most $most bytes", "最多 $most 字节")
    }

    fun items(field: String, n: Int, least: Int, most: Int) {
        if (n < least) throw Misfit(field, "at least $least", "至少 $least 项")
        if (n > most) throw Misfit(field, "at most $most", "最多 $most 项")
    }

    /** [value] has no sign. */
    fun range(field: String, value: Int, least: Long, most: Long) =
        range(field, Integer.toUnsignedLong(value), least, most)

    /** [value] has no sign: what is negative as a Long is above all that is allowed. */
    fun range(field: String, value: Long, least: Long, most: Long) {
        if (value in 0 until least) throw Misfit(field, "at least $least", "不能小于 $least")
        if (value !in 0..most) throw Misfit(field, "at most $most", "不能大于 $most")
    }

    fun finite(field: String, value: Double) {
        if (!value.isFinite()) throw Misfit(field, "must be a number", "应为数字")
    }

    /** A part of the value matches. */
    fun pattern(field: String, value: String, pattern: String) {
        if (!Regex(pattern).containsMatchIn(value)) throw Misfit(field, "must match $pattern", "格式应为 $pattern")
    }

    /** [value] is the number of an enum's value. */
    fun among(field: String, value: Int, vararg allowed: Int) {
        if (value !in allowed) throw Misfit(field, "must be chosen", "请选择")
    }

    /** One of several fields is there. */
    fun chosen(field: String, there: Boolean) {
        if (!there) throw Misfit(field, "must be given", "请填写")
    }
}
