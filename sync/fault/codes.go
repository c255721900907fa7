package fault

import "sort"

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

// The codes of the whole system, by room. Add at the end of a group; never change a code's meaning.
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

	// sync
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
	NeedsDetails      Code = "needs_details"
	AlreadyClaimed    Code = "already_claimed"
	TextUnprintable   Code = "text_unprintable"
	AlreadyDecided    Code = "already_decided"
	ParkedFull        Code = "parked_full"

	// ticket
	ChecklistIncomplete Code = "checklist_incomplete"
	ChargesNotAgreed    Code = "charges_not_agreed"
	WaitsForParked      Code = "waits_for_parked"

	// account
	DeviceRevoked    Code = "device_revoked"
	RefreshInvalid   Code = "refresh_invalid"
	EnrolmentInvalid Code = "enrolment_invalid"
	LoginFailed      Code = "login_failed"

	// running it
	ConfigInvalid Code = "config_invalid"
	PortBusy      Code = "port_busy"
	SpreadBlocked Code = "spread_blocked"
	FeedsDiffer   Code = "feeds_differ"
	// ServerUnreachable is of programs that are no phone: nothing of them waits to be sent.
	ServerUnreachable Code = "server_unreachable"

	// local: the database and object store that a demo runs by itself
	LocalRunning     Code = "local_running"
	LocalPortBusy    Code = "local_port_busy"
	LocalDiskFull    Code = "local_disk_full"
	LocalToolMissing Code = "local_tool_missing"
	LocalDataMajor   Code = "local_data_major"
	LocalFolder      Code = "local_folder"
	LocalStart       Code = "local_start"
	// phone: what a client finds on its own side
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
	// FileThere and FileUnwritable are of a file that a person wants written.
	FileThere Code = "file_there"
	// NotOnBreak, PhoneNumberWrong: a phone notices by itself.
	NotOnBreak       Code = "not_on_break"
	PhoneNumberWrong Code = "phone_number_wrong"
	// Unacknowledged: what was refused waits for a person to say that it is dealt with.
	Unacknowledged Code = "unacknowledged"
	FileUnwritable Code = "file_unwritable"

	// code
	CodeUnreadable Code = "code_unreadable"
	CodeCheckDigit Code = "code_check_digit"
	CodeUnknown    Code = "code_unknown"

	// proof
	ProofNotPicture      Code = "proof_not_picture"
	ProofTypeDiffers     Code = "proof_type_differs"
	ProofTooManyPixels   Code = "proof_too_many_pixels"
	ProofPictureBroken   Code = "proof_picture_broken"
	ProofSizeDiffers     Code = "proof_size_differs"
	ProofHashDiffers     Code = "proof_hash_differs"
	ProofBytesMissing    Code = "proof_bytes_missing"
	ProofStoreDown       Code = "proof_store_down"
	ProofManifestDiffers Code = "proof_manifest_differs"
	ProofVerifying       Code = "proof_verifying"
	// import
	ImportFileRefused    Code = "import_file_refused"
	ImportMappingInvalid Code = "import_mapping_invalid"
)

var definitions = []Definition{
	{Internal, KindInternal, true, "Something failed on our side; nothing was lost. Try again, and tell your operator if it stays.", "服务器内部出错，数据没有丢失。请稍后重试；若一直如此，请告知管理员。"},
	{Canceled, KindCanceled, true, "The call was cancelled before it finished.", "请求在完成前被取消。"},
	{Timeout, KindTimeout, true, "The call took too long. Try again.", "请求超时，请重试。"},
	{Unavailable, KindUnavailable, true, "The service is not ready. Try again shortly.", "服务暂不可用，请稍后重试。"},
	{Overloaded, KindUnavailable, true, "Too many callers at once. Wait as told, then try again.", "当前请求过多，请按提示等待后重试。"},
	{InvalidArgument, KindInvalid, false, "The request is not valid. Correct what is named and send it again.", "请求内容有误，请按提示更正后重新发送。"},
	{TooLarge, KindInvalid, false, "The request is larger than allowed. Send less at once.", "请求超过大小限制，请分批发送。"},
	{Unauthenticated, KindUnauthenticated, false, "Sign in first.", "请先登录。"},
	{TokenExpired, KindUnauthenticated, false, "The access token has expired. Refresh it; unsent work stays on the phone.", "登录已过期，请刷新凭证；未发送的内容仍在手机上。"},
	{Forbidden, KindForbidden, false, "You may not do this. Ask whoever manages your account.", "没有权限执行此操作，请联系管理员。"},
	{NotFound, KindNotFound, false, "There is no such thing, or you may not see it.", "不存在，或您无权查看。"},
	{Conflict, KindConflict, false, "Somebody changed this meanwhile. Read it again and repeat.", "内容已被他人修改，请刷新后重试。"},
	{RateLimited, KindExhausted, true, "Too many calls. Wait as told, then try again.", "操作过于频繁，请稍后再试。"},
	{ClientTooOld, KindTooOld, false, "This app is too old for the server. Upgrade it; unsent work stays on the phone.", "应用版本过旧，请升级；未发送的内容仍在手机上。"},

	{CursorMalformed, KindInvalid, false, "The cursor is not one that this server gave out. Pull again without a cursor.", "同步游标无效，请不带游标重新拉取。"},
	{SequenceGap, KindConflict, false, "A mutation before this one is missing. Send the queue from the number named.", "缺少前面的操作，请从提示的序号开始发送队列。"},
	{SequenceReused, KindConflict, false, "This sequence number was used for another mutation. Enrol the device anew; unsent work can be exported.", "该序号已被另一操作使用，请重新登记设备；未发送内容可导出。"},
	{MutationUnknown, KindInvalid, false, "This server does not know this kind of action; it was kept for a person to decide.", "服务器不认识该操作，已保留待人工处理。"},
	{MutationMalformed, KindInvalid, false, "The action's content cannot be read; it was kept for a person to decide.", "操作内容无法解析，已保留待人工处理。"},
	{MutationTooLarge, KindInvalid, false, "The action is larger than allowed.", "操作内容超过大小限制。"},
	{MutationIDReused, KindConflict, false, "The office already has an action of this id that says something else or is another person's. This one was not done.", "已有相同编号、但内容或人员不同的操作，本次未执行。"},
	{MutationPanicked, KindInternal, false, "The action hit a fault on our side; it was kept with all that it carried for a person to decide.", "处理该操作时服务器出错，内容已完整保留待人工处理。"},
	{MutationFailed, KindInternal, false, "The action could not be applied; it was kept with all that it carried for a person to decide.", "该操作无法执行，内容已完整保留待人工处理。"},
	{DeviceTimeFuture, KindInvalid, false, "The phone's clock is ahead of the office. Set it right; the action was kept for a person to decide.", "手机时间超前，请校准；操作已保留待人工处理。"},
	{TargetUnknown, KindNotFound, false, "What the action points to is not known here; it was kept for a person to decide.", "操作的对象不存在，内容已保留待人工处理。"},
	{NotAssigned, KindForbidden, false, "The job was not yours when you did this.", "操作时该工单不属于您。"},
	{StateForbids, KindConflict, false, "The job's state does not allow this any more.", "工单当前状态不允许此操作。"},
	{NeedsDetails, KindConflict, false, "Nobody can go there yet: the ticket lacks the customer's name, phone or address, or a confirmation. Complete it first.", "工单缺少客户姓名、电话、地址或确认，暂不能派单，请先补全。"},
	{AlreadyClaimed, KindConflict, false, "Somebody else was faster.", "已被他人抢单。"},
	{TextUnprintable, KindInvalid, false, "A text of the action has characters that nobody can read. Type it again.", "操作中的文字含有无法显示的字符，请重新输入。"},
	{ParkedFull, KindExhausted, true, "The office holds as much undecided work of this phone as it takes. The rest stays on the phone and goes out by itself when somebody there has decided.", "公司待处理的本机内容已达上限，其余内容仍在手机上，待公司处理后自动发送。"},
	{AlreadyDecided, KindConflict, false, "This was decided before; nothing was changed.", "此项已处理过，未作任何更改。"},

	{ChargesNotAgreed, KindConflict, false, "The customer has not agreed to what was added or changed after signing. Show the new sum, have it signed, then complete the job again.", "签字后又增加或改动了收费项目，请让客户确认新的金额并重新签字，再提交完工。"},
	{WaitsForParked, KindConflict, false, "An earlier step of this job waits for the office to decide. This one was kept and follows it, in order.", "同一工单较早的操作正待公司处理，本操作已保留，将按顺序随后处理。"},
	{ChecklistIncomplete, KindConflict, false, "Something that the job requires is missing. Add what is named, then complete it again.", "必填项目尚未完成，请按提示补齐后重新提交完工。"},

	{DeviceRevoked, KindForbidden, false, "This device is out of service. What it has not sent is handed in for a person at the office to decide, then it wipes what it holds; to go on, enrol it with a new code.", "该设备已停用：未发送的内容会先上交公司，留待人工处理，随后清除本机数据；如需继续使用，请用新的登记码登记。"},
	{RefreshInvalid, KindUnauthenticated, false, "This sign-in has ended. Sign in again, or enrol the phone with a new code; unsent work stays on it.", "登录已失效，请重新登录，或用新的登记码登记手机；未发送的内容仍在手机上。"},
	{EnrolmentInvalid, KindUnauthenticated, false, "This code does not work: mistyped, used already or expired. Ask your office for a new one.", "登记码无效：可能输错、已被使用或已过期，请向公司索取新的登记码。"},
	{LoginFailed, KindUnauthenticated, false, "Company, name or password is wrong.", "公司、账号或密码有误。"},

	{ConfigInvalid, KindInvalid, false, "A setting is missing or wrong. Correct what is named and start again.", "配置缺失或有误，请更正后重新启动。"},
	{FeedsDiffer, KindConflict, false, "What phones are shown differs from the tables. doorstep admin rebuild-feeds mends it; no phone is reset.", "手机显示的内容与数据表不一致，可用 doorstep admin rebuild-feeds 修复，手机不会被重置。"},
	{PortBusy, KindConflict, false, "Another program listens there already. Stop it, or choose another address with --listen.", "该地址端口已被其他程序占用，请先停止它，或用 --listen 换一个地址。"},
	{ServerUnreachable, KindUnavailable, true, "No server answers there. Start it, or name another with --server.", "该地址没有服务器响应，请先启动服务器，或用 --server 指定其他地址。"},
	{SpreadBlocked, KindConflict, false, "The tenants' tables cannot be spread yet. Do what is named, then run the command again: it goes on where it stopped.", "各公司的数据表暂时无法分布。请先处理提示的问题，再重新运行该命令，会从中断处继续。"},

	{LocalRunning, KindConflict, false, "Doorstep is already running on this data folder. Stop the other one first, or give another folder.", "该数据目录已有 Doorstep 在运行，请先停止它，或换一个目录。"},
	{LocalPortBusy, KindConflict, false, "Another program holds this port. Stop it, or give another port.", "端口已被其他程序占用，请停止该程序或换一个端口。"},
	{LocalDiskFull, KindUnavailable, false, "The disk is full. Free some space and start again; the data is kept.", "磁盘空间不足，请清理后重新启动，数据不会丢失。"},
	{LocalToolMissing, KindUnavailable, false, "A program that is needed is not on this machine and could not be fetched. Install it, or go online, and start again.", "本机缺少所需程序且无法下载，请安装或联网后重新启动。"},
	{LocalDataMajor, KindConflict, false, "The data folder was made by another version of PostgreSQL. Install that version, or forget the data with: make clean.", "数据目录由其他版本的 PostgreSQL 创建，请安装该版本，或用 make clean 清除数据。"},
	{LocalFolder, KindUnavailable, false, "The data folder cannot be used. Give one that can be written.", "数据目录无法使用，请指定一个可写的目录。"},
	{LocalStart, KindUnavailable, false, "The local database or object store did not start. Its log file says why.", "本地数据库或对象存储未能启动，原因见日志文件。"},
	{NotEnrolled, KindUnauthenticated, false, "This phone belongs to nobody yet. Enrol it with the code from your office.", "本机尚未登记，请用公司给的登记码登记。"},
	{StoreLocked, KindConflict, false, "Another program works with this phone's data. Close it first.", "本机数据正被另一程序使用，请先关闭它。"},
	{StoreUnusable, KindUnavailable, false, "The phone's storage cannot be read or written now. What was saved is kept.", "暂时无法读写手机存储，已保存的内容不会丢失。"},
	{StoreFull, KindUnavailable, false, "The phone's storage is full. Free some space; what was saved is kept.", "手机存储空间已满，请清理出一些空间；已保存的内容不会丢失。"},
	{StoreDamaged, KindUnavailable, false, "The phone's store is damaged. Enrol the phone anew: the damaged store is kept aside and what can be read goes on.", "本机数据已损坏。请重新登记手机：损坏的数据会另行保留，能读出的内容会继续发送。"},
	{UnsentWork, KindConflict, false, "Something is not with the office yet. Send it first, or export it and hand it over.", "还有内容未送达公司，请先发送，或导出后移交。"},
	{PhoneOffline, KindUnavailable, true, "The phone is switched offline. Everything is saved on it and goes out when you are online.", "手机处于离线模式，内容已存手机，上线后自动发送。"},
	{NoNetwork, KindUnavailable, true, "The office cannot be reached now. Everything is saved on the phone and goes out by itself.", "暂时连不上公司，内容已存手机，联网后自动发送。"},
	{UploadRefused, KindConflict, true, "The object store did not take the file. It stays on the phone and is sent again.", "文件上传被拒，仍保存在手机上，将再次发送。"},
	{FileEmpty, KindInvalid, false, "The file is empty. Take the photo again.", "文件是空的，请重新拍摄。"},
	{FileGone, KindConflict, false, "The phone cannot read its copy of this file any more. Take it again; everything else goes on.", "手机已无法读取此文件，请重新拍摄；其余内容照常发送。"},
	{DigestDiffers, KindInternal, true, "The phone's copy differs from the office's also after it was sent anew. Tell your operator.", "手机数据与公司不一致，重新下载后仍不一致，请联系管理员。"},
	{BoxPassphrase, KindInvalid, false, "The passphrase is too short: this many characters at least.", "口令太短，至少需要这么多个字符。"},
	{BoxUnreadable, KindInvalid, false, "This file does not open: wrong passphrase, damaged, or not an export.", "文件无法打开：口令错误、已损坏，或不是导出文件。"},
	{NotOnBreak, KindConflict, false, "There is no break to end: the work is not paused.", "当前没有暂停，无需继续。"},
	{PhoneNumberWrong, KindInvalid, false, "This is not a phone number. Compare the digits with the customer's.", "电话号码有误，请与顾客核对。"},
	{Unacknowledged, KindConflict, false, "The office did not do something that was done here, and nobody has dealt with it. See unsent, then acknowledge it.", "有操作未被公司执行且尚未处理，请用 unsent 查看，处理后用 acknowledge 标记。"},
	{FileThere, KindConflict, false, "A file of this name is there already. Give another name.", "已有同名文件，请换一个文件名。"},
	{FileUnwritable, KindInvalid, false, "This file cannot be written. Give a folder that is there and can be written.", "无法写入该文件，请指定一个存在且可写的目录。"},
	{BoxForeign, KindForbidden, false, "This export belongs to another company.", "该导出文件属于另一家公司。"},
	{CodeUnreadable, KindInvalid, false, "This is not a code that we can read. Scan it again, or type the short code under it.", "无法识别该码，请重新扫描，或输入码下方的短码。"},
	{CodeCheckDigit, KindInvalid, false, "A digit or letter of the code is wrong. Compare it with the label and type it again.", "校验位不符，请对照标签重新输入。"},
	{CodeUnknown, KindNotFound, false, "This code is not valid here. Ask the shop for a new one.", "该码无效，请向门店索取新码。"},

	{ProofNotPicture, KindInvalid, false, "The file is not a JPEG, PNG, WebP, HEIC or AVIF picture. Attach a photo.", "文件不是 JPEG、PNG、WebP、HEIC 或 AVIF 图片，请附上照片。"},
	{ProofVerifying, KindUnavailable, true, "The photo has arrived and is being verified. Nothing is to be done; the result comes by itself.", "照片已送达，公司正在核验，无需操作，稍后自动显示结果。"},
	{ProofTypeDiffers, KindInvalid, false, "The file is a picture of another kind than was announced. Attach it anew.", "图片格式与申报不符，请重新添加。"},
	{ProofTooManyPixels, KindInvalid, false, "The picture has more pixels than are accepted. Take it at a lower resolution.", "图片像素超过限制，请降低分辨率后重新拍摄。"},
	{ProofPictureBroken, KindInvalid, false, "The picture is damaged and cannot be shown. Take it again.", "图片已损坏，无法显示，请重新拍摄。"},
	{ProofSizeDiffers, KindInvalid, false, "The file that arrived has another size than was announced. It will be asked for again.", "收到的文件大小与申报不符，将要求重新上传。"},
	{ProofHashDiffers, KindInvalid, false, "The file that arrived is not the one that was announced. It will be asked for again.", "收到的文件与申报内容不符，将要求重新上传。"},
	{ProofBytesMissing, KindConflict, false, "The picture has not arrived whole. Send what is missing, then finish again.", "图片尚未完整上传，请继续发送后再完成。"},
	{ProofStoreDown, KindUnavailable, true, "The store of pictures does not answer. Nothing is lost; try again as told.", "图片存储暂时没有响应，数据没有丢失，请按提示稍后重试。"},
	{ProofManifestDiffers, KindConflict, false, "There is a proof with this id already, and it is another one. Attach it under a new id.", "该编号已用于另一份凭证，请用新编号添加。"},
	{ImportFileRefused, KindInvalid, false, "The file cannot be imported. Correct what is named, then import it again: nothing is taken in twice.", "无法导入该文件。请按提示更正后重新导入，已导入的内容不会重复。"},
	{ImportMappingInvalid, KindInvalid, false, "The mapping file is not valid. Correct the line named.", "映射文件有误，请更正提示的那一行。"},
}

var registry = func() map[Code]Definition {
	m := make(map[Code]Definition, len(definitions))
	for _, d := range definitions {
		if _, dup := m[d.Code]; dup {
			panic("fault: code defined twice: " + string(d.Code))
		}
		m[d.Code] = d
	}
	return m
}()

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

// Definitions lists all codes, sorted, for the documentation and its test.
func Definitions() []Definition {
	out := append([]Definition(nil), definitions...)
	sort.Slice(out, func(i, j int) bool { return out[i].Code < out[j].Code })
	return out
}
