package dev.doorstep.offline

import dev.doorstep.types.v1.Problem
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

/** An error with a code (docs/ERRORS.md): the server's, see [Refusal], or one of this device's own. [detail] is for logs. */
open class Fault(val code: String, detail: String = "", cause: Throwable? = null) :
    Exception(if (detail.isEmpty()) code else "$code: $detail", cause) {

    /** What a person reads, in Chinese ("zh") or in English (anything else). */
    open fun sentence(lang: String): String {
        val (english, chinese) = sentences[code] ?: sentences.getValue(INTERNAL)
        return if (lang == "zh") chinese else english
    }

    /** How long the server asked to wait; zero when it did not say. */
    open val retryAfter: Duration get() = Duration.ZERO

    /** The codes that a device gives by itself or acts upon; docs/ERRORS.md has all. */
    companion object {
        const val INTERNAL = "internal"
        const val NOT_FOUND = "not_found"
        const val INVALID_ARGUMENT = "invalid_argument"
        const val CHARGES_NOT_AGREED = "charges_not_agreed"
        const val CLIENT_TOO_OLD = "client_too_old"
        const val PARKED_FULL = "parked_full"
        const val CURSOR_MALFORMED = "cursor_malformed"
        const val SEQUENCE_GAP = "sequence_gap"
        const val SEQUENCE_REUSED = "sequence_reused"
        const val MUTATION_TOO_LARGE = "mutation_too_large"
        const val DEVICE_REVOKED = "device_revoked"
        const val TOKEN_EXPIRED = "token_expired"
        const val REFRESH_INVALID = "refresh_invalid"
        const val UNAVAILABLE = "unavailable"
        const val OVERLOADED = "overloaded"
        const val TIMEOUT = "timeout"
        const val NOT_ENROLLED = "not_enrolled"
        const val STORE_LOCKED = "store_locked"
        const val STORE_UNUSABLE = "store_unusable"
        const val STORE_FULL = "store_full"
        const val STORE_DAMAGED = "store_damaged"
        const val UNSENT_WORK = "unsent_work"
        const val UNACKNOWLEDGED = "unacknowledged"
        const val PHONE_OFFLINE = "phone_offline"
        const val NO_NETWORK = "no_network"
        const val UPLOAD_REFUSED = "upload_refused"
        const val FILE_GONE = "file_gone"
        const val FILE_EMPTY = "file_empty"
        const val PROOF_NOT_PICTURE = "proof_not_picture"

        /** Only the server gives it: the bytes have arrived and are being verified. */
        const val PROOF_VERIFYING = "proof_verifying"
        const val DIGEST_DIFFERS = "digest_differs"
        const val BOX_PASSPHRASE = "box_passphrase"
        const val BOX_UNREADABLE = "box_unreadable"
        const val BOX_FOREIGN = "box_foreign"
        const val TOO_LARGE = "too_large"
        const val CODE_UNREADABLE = "code_unreadable"
        const val CODE_CHECK_DIGIT = "code_check_digit"
        const val CODE_UNKNOWN = "code_unknown"
    }
}

/** An error that the server gave, with its sentences. */
class Refusal(val problem: Problem) : Fault(problem.code, problem.english) {
    override fun sentence(lang: String): String =
        if (lang == "zh" && problem.chinese.isNotEmpty()) problem.chinese else problem.english

    override val retryAfter: Duration get() = problem.retryAfterMs.milliseconds
}

/** The code of an error; "internal" for one that has none. */
fun codeOf(error: Throwable?): String? = when (error) {
    null -> null
    is Fault -> error.code
    else -> Fault.INTERNAL
}

private val sentences: Map<String, Pair<String, String>> = mapOf(
    Fault.INTERNAL to Pair(
        "Something failed on our side; nothing was lost. Try again, and tell your operator if it stays.",
        "服务器内部出错，数据没有丢失。请稍后重试；若一直如此，请告知管理员。",
    ),
    Fault.NOT_FOUND to Pair(
        "There is no such thing, or you may not see it.",
        "不存在，或您无权查看。",
    ),
    Fault.INVALID_ARGUMENT to Pair(
        "The request is not valid. Correct what is named and send it again.",
        "请求内容有误，请按提示更正后重新发送。",
    ),
    Fault.CHARGES_NOT_AGREED to Pair(
        "The customer has not agreed to what was added or changed after signing. Show the new sum, have it signed, " +
            "then complete the job again.",
        "签字后又增加或改动了收费项目，请让客户确认新的金额并重新签字，再提交完工。",
    ),
    Fault.CLIENT_TOO_OLD to Pair(
        "This app is too old for the server. Upgrade it; unsent work stays on the phone.",
        "应用版本过旧，请升级；未发送的内容仍在手机上。",
    ),
    Fault.CURSOR_MALFORMED to Pair(
        "The cursor is not one that this server gave out. Pull again without a cursor.",
        "同步游标无效，请不带游标重新拉取。",
    ),
    Fault.SEQUENCE_GAP to Pair(
        "A mutation before this one is missing. Send the queue from the number named.",
        "缺少前面的操作，请从提示的序号开始发送队列。",
    ),
    Fault.SEQUENCE_REUSED to Pair(
        "This sequence number was used for another mutation. Enrol the device anew; unsent work can be exported.",
        "该序号已被另一操作使用，请重新登记设备；未发送内容可导出。",
    ),
    Fault.MUTATION_TOO_LARGE to Pair(
        "The action is larger than allowed.",
        "操作内容超过大小限制。",
    ),
    Fault.DEVICE_REVOKED to Pair(
        "This device is out of service. What it has not sent is handed in for a person at the office to decide, " +
            "then it wipes what it holds; to go on, enrol it with a new code.",
        "该设备已停用：未发送的内容会先上交公司，留待人工处理，随后清除本机数据；如需继续使用，请用新的登记码登记。",
    ),
    Fault.TOKEN_EXPIRED to Pair(
        "The access token has expired. Refresh it; unsent work stays on the phone.",
        "登录已过期，请刷新凭证；未发送的内容仍在手机上。",
    ),
    Fault.REFRESH_INVALID to Pair(
        "This sign-in has ended. Sign in again, or enrol the phone with a new code; unsent work stays on it.",
        "登录已失效，请重新登录，或用新的登记码登记手机；未发送的内容仍在手机上。",
    ),
    Fault.UNAVAILABLE to Pair(
        "The service is not ready. Try again shortly.",
        "服务暂不可用，请稍后重试。",
    ),
    Fault.OVERLOADED to Pair(
        "Too many callers at once. Wait as told, then try again.",
        "当前请求过多，请按提示等待后重试。",
    ),
    Fault.TIMEOUT to Pair(
        "The call took too long. Try again.",
        "请求超时，请重试。",
    ),
    Fault.NOT_ENROLLED to Pair(
        "This phone belongs to nobody yet. Enrol it with the code from your office.",
        "本机尚未登记，请用公司给的登记码登记。",
    ),
    Fault.STORE_LOCKED to Pair(
        "Another program works with this phone's data. Close it first.",
        "本机数据正被另一程序使用，请先关闭它。",
    ),
    Fault.STORE_UNUSABLE to Pair(
        "The phone's storage cannot be read or written now. What was saved is kept.",
        "暂时无法读写手机存储，已保存的内容不会丢失。",
    ),
    Fault.STORE_FULL to Pair(
        "The phone's storage is full. Free some space; what was saved is kept.",
        "手机存储空间已满，请清理出一些空间；已保存的内容不会丢失。",
    ),
    Fault.STORE_DAMAGED to Pair(
        "The phone's store is damaged. Enrol the phone anew: the damaged store is kept aside and what can be read goes on.",
        "本机数据已损坏。请重新登记手机：损坏的数据会另行保留，能读出的内容会继续发送。",
    ),
    Fault.UNSENT_WORK to Pair(
        "Something is not with the office yet. Send it first, or export it and hand it over.",
        "还有内容未送达公司，请先发送，或导出后移交。",
    ),
    Fault.UNACKNOWLEDGED to Pair(
        "The office did not do something that was done here, and nobody has dealt with it. See unsent, then acknowledge it.",
        "有操作未被公司执行且尚未处理，请用 unsent 查看，处理后用 acknowledge 标记。",
    ),
    Fault.PHONE_OFFLINE to Pair(
        "The phone is switched offline. Everything is saved on it and goes out when you are online.",
        "手机处于离线模式，内容已存手机，上线后自动发送。",
    ),
    Fault.NO_NETWORK to Pair(
        "The office cannot be reached now. Everything is saved on the phone and goes out by itself.",
        "暂时连不上公司，内容已存手机，联网后自动发送。",
    ),
    Fault.UPLOAD_REFUSED to Pair(
        "The object store did not take the file. It stays on the phone and is sent again.",
        "文件上传被拒，仍保存在手机上，将再次发送。",
    ),
    Fault.FILE_EMPTY to Pair(
        "The file is empty. Take the photo again.",
        "文件是空的，请重新拍摄。",
    ),
    Fault.PROOF_NOT_PICTURE to Pair(
        "The file is not a JPEG, PNG, WebP, HEIC or AVIF picture. Attach a photo.",
        "文件不是 JPEG、PNG、WebP、HEIC 或 AVIF 图片，请附上照片。",
    ),
    Fault.FILE_GONE to Pair(
        "The phone cannot read its copy of this file any more. Take it again; everything else goes on.",
        "手机已无法读取此文件，请重新拍摄；其余内容照常发送。",
    ),
    Fault.DIGEST_DIFFERS to Pair(
        "The phone's copy differs from the office's also after it was sent anew. Tell your operator.",
        "手机数据与公司不一致，重新下载后仍不一致，请联系管理员。",
    ),
    Fault.BOX_PASSPHRASE to Pair(
        "The passphrase is too short: this many characters at least.",
        "口令太短，至少需要这么多个字符。",
    ),
    Fault.BOX_UNREADABLE to Pair(
        "This file does not open: wrong passphrase, damaged, or not an export.",
        "文件无法打开：口令错误、已损坏，或不是导出文件。",
    ),
    Fault.BOX_FOREIGN to Pair(
        "This export belongs to another company.",
        "该导出文件属于另一家公司。",
    ),
    Fault.TOO_LARGE to Pair(
        "The request is larger than allowed. Send less at once.",
        "请求超过大小限制，请分批发送。",
    ),
    Fault.CODE_UNREADABLE to Pair(
        "This is not a code that we can read. Scan it again, or type the short code under it.",
        "无法识别该码，请重新扫描，或输入码下方的短码。",
    ),
    Fault.CODE_CHECK_DIGIT to Pair(
        "A digit or letter of the code is wrong. Compare it with the label and type it again.",
        "校验位不符，请对照标签重新输入。",
    ),
    Fault.CODE_UNKNOWN to Pair(
        "This code is not valid here. Ask the shop for a new one.",
        "该码无效，请向门店索取新码。",
    ),
)

/** Codes of a push whose queue has to wait, for an upgrade of the app or for somebody at the office. All but the queue goes on. */
internal val queueWaits = setOf(Fault.CLIENT_TOO_OLD, Fault.PARKED_FULL)
