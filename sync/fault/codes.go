package fault

import (
	"maps"
	"slices"
	"sort"
)

// Code names one kind of failure, forever. Codes are lower_snake_case.
type Code string

// Kind is the class of a code; the rpc package maps it to a Connect code and an HTTP status.
type Kind int

// The kinds of failure.
const (
	KindInternal Kind = iota
	KindInvalid
	KindUnauthenticated
	KindForbidden
	KindNotFound
	KindConflict
	KindExhausted
	KindUnavailable
	KindCanceled
	KindTimeout
	KindTooOld
)

// Definition says what a code means; docs/ERRORS.md is written from these.
type Definition struct {
	Code      Code
	Kind      Kind
	Retryable bool
	// English and Chinese are the public sentences: what happened and what to do.
	English, Chinese string
}

// The codes that the engine and its clients decide by. Other packages register their own.
const (
	Internal        Code = "internal"
	Canceled        Code = "canceled"
	Timeout         Code = "timeout"
	Unavailable     Code = "unavailable"
	Overloaded      Code = "overloaded"
	InvalidArgument Code = "invalid_argument"
	TooLarge        Code = "too_large"
	Unauthenticated Code = "unauthenticated"
	TokenExpired    Code = "token_expired"
	Forbidden       Code = "forbidden"
	NotFound        Code = "not_found"
	Conflict        Code = "conflict"
	RateLimited     Code = "rate_limited"
	ClientTooOld    Code = "client_too_old"

	// The sync engine.
	CursorMalformed   Code = "cursor_malformed"
	SequenceGap       Code = "sequence_gap"
	SequenceReused    Code = "sequence_reused"
	MutationUnknown   Code = "mutation_unknown"
	MutationMalformed Code = "mutation_malformed"
	MutationTooLarge  Code = "mutation_too_large"
	MutationIDReused  Code = "mutation_id_reused"
	MutationPanicked  Code = "mutation_panicked"
	MutationFailed    Code = "mutation_failed"
	DeviceTimeFuture  Code = "device_time_future"
	TargetUnknown     Code = "target_unknown"
	NotAssigned       Code = "not_assigned"
	StateForbids      Code = "state_forbids"
	TextUnprintable   Code = "text_unprintable"
	AlreadyDecided    Code = "already_decided"
	ParkedFull        Code = "parked_full"
	WaitsForParked    Code = "waits_for_parked"

	// Sign-in and devices.
	DeviceRevoked    Code = "device_revoked"
	RefreshInvalid   Code = "refresh_invalid"
	EnrolmentInvalid Code = "enrolment_invalid"

	// Programs that are started with settings.
	ConfigInvalid Code = "config_invalid"
	// ServerUnreachable is of programs that are no phone: nothing of them waits to be sent.
	ServerUnreachable Code = "server_unreachable"

	// What a client finds on its own side.
	NotEnrolled   Code = "not_enrolled"
	StoreLocked   Code = "store_locked"
	StoreUnusable Code = "store_unusable"
	StoreFull     Code = "store_full"
	StoreDamaged  Code = "store_damaged"
	UnsentWork    Code = "unsent_work"
	PhoneOffline  Code = "phone_offline"
	NoNetwork     Code = "no_network"
	UploadRefused Code = "upload_refused"
	FileGone      Code = "file_gone"
	FileEmpty     Code = "file_empty"
	DigestDiffers Code = "digest_differs"
	BoxPassphrase Code = "box_passphrase"
	BoxUnreadable Code = "box_unreadable"
	BoxForeign    Code = "box_foreign"

	// Labels, which clients read offline.
	CodeUnreadable Code = "code_unreadable"
	CodeCheckDigit Code = "code_check_digit"

	// Proofs: what a client does next depends on these.
	ProofNotPicture Code = "proof_not_picture"
	ProofVerifying  Code = "proof_verifying"
)

var definitions = []Definition{
	{
		Internal, KindInternal, true,
		"Something failed on our side; nothing was lost. Try again, and tell your operator if it stays.",
		"服务器内部出错，数据没有丢失。请稍后重试；若一直如此，请告知管理员。",
	},
	{Canceled, KindCanceled, true, "The call was cancelled before it finished.", "请求在完成前被取消。"},
	{Timeout, KindTimeout, true, "The call took too long. Try again.", "请求超时，请重试。"},
	{Unavailable, KindUnavailable, true, "The service is not ready. Try again shortly.", "服务暂不可用，请稍后重试。"},
	{Overloaded, KindUnavailable, true, "Too many callers at once. Wait as told, then try again.", "当前请求过多，请按提示等待后重试。"},
	{
		InvalidArgument, KindInvalid, false, "The request is not valid. Correct what is named and send it again.",
		"请求内容有误，请按提示更正后重新发送。",
	},
	{TooLarge, KindInvalid, false, "The request is larger than allowed. Send less at once.", "请求超过大小限制，请分批发送。"},
	{Unauthenticated, KindUnauthenticated, false, "Sign in first.", "请先登录。"},
	{
		TokenExpired, KindUnauthenticated, false, "The access token has expired. Refresh it; unsent work stays on the phone.",
		"登录已过期，请刷新凭证；未发送的内容仍在手机上。",
	},
	{Forbidden, KindForbidden, false, "You may not do this. Ask whoever manages your account.", "没有权限执行此操作，请联系管理员。"},
	{NotFound, KindNotFound, false, "There is no such thing, or you may not see it.", "不存在，或您无权查看。"},
	{Conflict, KindConflict, false, "Somebody changed this meanwhile. Read it again and repeat.", "内容已被他人修改，请刷新后重试。"},
	{RateLimited, KindExhausted, true, "Too many calls. Wait as told, then try again.", "操作过于频繁，请稍后再试。"},
	{
		ClientTooOld, KindTooOld, false, "This app is too old for the server. Upgrade it; unsent work stays on the phone.",
		"应用版本过旧，请升级；未发送的内容仍在手机上。",
	},

	{
		CursorMalformed, KindInvalid, false, "The cursor is not one that this server gave out. Pull again without a cursor.",
		"同步游标无效，请不带游标重新拉取。",
	},
	{
		SequenceGap, KindConflict, false, "A mutation before this one is missing. Send the queue from the number named.",
		"缺少前面的操作，请从提示的序号开始发送队列。",
	},
	{
		SequenceReused, KindConflict, false,
		"This sequence number was used for another mutation. Enrol the device anew; unsent work can be exported.",
		"该序号已被另一操作使用，请重新登记设备；未发送内容可导出。",
	},
	{
		MutationUnknown, KindInvalid, false,
		"This server does not know this kind of action; it was kept for a person to decide.", "服务器不认识该操作，已保留待人工处理。",
	},
	{
		MutationMalformed, KindInvalid, false, "The action's content cannot be read; it was kept for a person to decide.",
		"操作内容无法解析，已保留待人工处理。",
	},
	{MutationTooLarge, KindInvalid, false, "The action is larger than allowed.", "操作内容超过大小限制。"},
	{
		MutationIDReused, KindConflict, false,
		"The office already has an action of this id that says something else or is another person's. This one was not done.",
		"已有相同编号、但内容或人员不同的操作，本次未执行。",
	},
	{
		MutationPanicked, KindInternal, false,
		"The action hit a fault on our side; it was kept with all that it carried for a person to decide.",
		"处理该操作时服务器出错，内容已完整保留待人工处理。",
	},
	{
		MutationFailed, KindInternal, false,
		"The action could not be applied; it was kept with all that it carried for a person to decide.",
		"该操作无法执行，内容已完整保留待人工处理。",
	},
	{
		DeviceTimeFuture, KindInvalid, false,
		"The phone's clock is ahead of the office. Set it right; the action was kept for a person to decide.",
		"手机时间超前，请校准；操作已保留待人工处理。",
	},
	{
		TargetUnknown, KindNotFound, false,
		"What the action points to is not known here; it was kept for a person to decide.", "操作的对象不存在，内容已保留待人工处理。",
	},
	{NotAssigned, KindForbidden, false, "The job was not yours when you did this.", "操作时该工单不属于您。"},
	{StateForbids, KindConflict, false, "The job's state does not allow this any more.", "工单当前状态不允许此操作。"},
	{
		TextUnprintable, KindInvalid, false, "A text of the action has characters that nobody can read. Type it again.",
		"操作中的文字含有无法显示的字符，请重新输入。",
	},
	{
		ParkedFull, KindExhausted, true,
		"The office holds as much undecided work of this phone as it takes. The rest stays on the phone and goes out by " +
			"itself when somebody there has decided.", "公司待处理的本机内容已达上限，其余内容仍在手机上，待公司处理后自动发送。",
	},
	{AlreadyDecided, KindConflict, false, "This was decided before; nothing was changed.", "此项已处理过，未作任何更改。"},

	{
		WaitsForParked, KindConflict, false,
		"An earlier step of this job waits for the office to decide. This one was kept and follows it, in order.",
		"同一工单较早的操作正待公司处理，本操作已保留，将按顺序随后处理。",
	},

	{
		DeviceRevoked, KindForbidden, false,
		"This device is out of service. What it has not sent is handed in for a person at the office to decide, then it " +
			"wipes what it holds; to go on, enrol it with a new code.", "该设备已停用：未发送的内容会先上交公司，留待人工处理，随后清除本机数据；如需继续使用，请用新的登记码登记。",
	},
	{
		RefreshInvalid, KindUnauthenticated, false,
		"This sign-in has ended. Sign in again, or enrol the phone with a new code; unsent work stays on it.",
		"登录已失效，请重新登录，或用新的登记码登记手机；未发送的内容仍在手机上。",
	},
	{
		EnrolmentInvalid, KindUnauthenticated, false,
		"This code does not work: mistyped, used already or expired. Ask your office for a new one.",
		"登记码无效：可能输错、已被使用或已过期，请向公司索取新的登记码。",
	},

	{
		ConfigInvalid, KindInvalid, false, "A setting is missing or wrong. Correct what is named and start again.",
		"配置缺失或有误，请更正后重新启动。",
	},
	{
		ServerUnreachable, KindUnavailable, true, "No server answers there. Start it, or name another with --server.",
		"该地址没有服务器响应，请先启动服务器，或用 --server 指定其他地址。",
	},

	{
		NotEnrolled, KindUnauthenticated, false, "This phone belongs to nobody yet. Enrol it with the code from your office.",
		"本机尚未登记，请用公司给的登记码登记。",
	},
	{
		StoreLocked, KindConflict, false, "Another program works with this phone's data. Close it first.",
		"本机数据正被另一程序使用，请先关闭它。",
	},
	{
		StoreUnusable, KindUnavailable, false, "The phone's storage cannot be read or written now. What was saved is kept.",
		"暂时无法读写手机存储，已保存的内容不会丢失。",
	},
	{
		StoreFull, KindUnavailable, false, "The phone's storage is full. Free some space; what was saved is kept.",
		"手机存储空间已满，请清理出一些空间；已保存的内容不会丢失。",
	},
	{
		StoreDamaged, KindUnavailable, false,
		"The phone's store is damaged. Enrol the phone anew: the damaged store is kept aside and what can be read goes on.",
		"本机数据已损坏。请重新登记手机：损坏的数据会另行保留，能读出的内容会继续发送。",
	},
	{
		UnsentWork, KindConflict, false,
		"Something is not with the office yet. Send it first, or export it and hand it over.", "还有内容未送达公司，请先发送，或导出后移交。",
	},
	{
		PhoneOffline, KindUnavailable, true,
		"The phone is switched offline. Everything is saved on it and goes out when you are online.",
		"手机处于离线模式，内容已存手机，上线后自动发送。",
	},
	{
		NoNetwork, KindUnavailable, true,
		"The office cannot be reached now. Everything is saved on the phone and goes out by itself.",
		"暂时连不上公司，内容已存手机，联网后自动发送。",
	},
	{
		UploadRefused, KindConflict, true, "The object store did not take the file. It stays on the phone and is sent again.",
		"文件上传被拒，仍保存在手机上，将再次发送。",
	},
	{FileEmpty, KindInvalid, false, "The file is empty. Take the photo again.", "文件是空的，请重新拍摄。"},
	{
		FileGone, KindConflict, false,
		"The phone cannot read its copy of this file any more. Take it again; everything else goes on.",
		"手机已无法读取此文件，请重新拍摄；其余内容照常发送。",
	},
	{
		DigestDiffers, KindInternal, true,
		"The phone's copy differs from the office's also after it was sent anew. Tell your operator.",
		"手机数据与公司不一致，重新下载后仍不一致，请联系管理员。",
	},
	{BoxPassphrase, KindInvalid, false, "The passphrase is too short: this many characters at least.", "口令太短，至少需要这么多个字符。"},
	{
		BoxUnreadable, KindInvalid, false, "This file does not open: wrong passphrase, damaged, or not an export.",
		"文件无法打开：口令错误、已损坏，或不是导出文件。",
	},
	{BoxForeign, KindForbidden, false, "This export belongs to another company.", "该导出文件属于另一家公司。"},
	{
		CodeUnreadable, KindInvalid, false,
		"This is not a code that we can read. Scan it again, or type the short code under it.", "无法识别该码，请重新扫描，或输入码下方的短码。",
	},
	{
		CodeCheckDigit, KindInvalid, false,
		"A digit or letter of the code is wrong. Compare it with the label and type it again.", "校验位不符，请对照标签重新输入。",
	},

	{
		ProofNotPicture, KindInvalid, false, "The file is not a JPEG, PNG, WebP, HEIC or AVIF picture. Attach a photo.",
		"文件不是 JPEG、PNG、WebP、HEIC 或 AVIF 图片，请附上照片。",
	},
	{
		ProofVerifying, KindUnavailable, true,
		"The photo has arrived and is being verified. Nothing is to be done; the result comes by itself.",
		"照片已送达，公司正在核验，无需操作，稍后自动显示结果。",
	},
}

var registry = map[Code]Definition{}

var _ = Register(definitions...)

// Register adds the codes of a package, in a declaration, before main runs:
//
//	var _ = fault.Register(fault.Definition{Code: Sold, Kind: fault.KindConflict, English: "…", Chinese: "…"})
//
// It panics for a code that is registered already or lacks a sentence. It returns how many codes there are.
func Register(more ...Definition) int {
	for _, d := range more {
		if _, twice := registry[d.Code]; twice || d.Code == "" || d.English == "" || d.Chinese == "" {
			panic("fault: code registered twice, or without its sentences: " + string(d.Code))
		}
		registry[d.Code] = d
	}
	return len(registry)
}

// Sentence is the code's public sentence; lang is "zh" or anything else for English. A code that is not in
// the list, which is a programming error, speaks as Internal.
func (c Code) Sentence(lang string) string {
	d, ok := registry[c]
	if !ok {
		d = registry[Internal]
	}
	if lang == "zh" {
		return d.Chinese
	}
	return d.English
}

// Kind is the code's class; KindInternal for a code that is not in the list.
func (c Code) Kind() Kind { return registry[c].Kind }

// Definitions lists all codes of the packages that the program links, sorted.
func Definitions() []Definition {
	out := slices.Collect(maps.Values(registry))
	sort.Slice(out, func(i, j int) bool { return out[i].Code < out[j].Code })
	return out
}
