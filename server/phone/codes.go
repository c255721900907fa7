package phone

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	NotOnBreak       fault.Code = "not_on_break"
	PhoneNumberWrong fault.Code = "phone_number_wrong"
	Unacknowledged   fault.Code = "unacknowledged"
	FileThere        fault.Code = "file_there"
	FileUnwritable   fault.Code = "file_unwritable"
)

var _ = fault.Register(
	fault.Definition{
		Code: NotOnBreak, Kind: fault.KindConflict,
		English: "There is no break to end: the work is not paused.",
		Chinese: "当前没有暂停，无需继续。",
	},
	fault.Definition{
		Code: PhoneNumberWrong, Kind: fault.KindInvalid,
		English: "This is not a phone number. Compare the digits with the customer's.",
		Chinese: "电话号码有误，请与顾客核对。",
	},
	fault.Definition{
		Code: Unacknowledged, Kind: fault.KindConflict,
		English: "The office did not do something that was done here, and nobody has dealt with it. See unsent, then " +
			"acknowledge it.",
		Chinese: "有操作未被公司执行且尚未处理，请用 unsent 查看，处理后用 acknowledge 标记。",
	},
	fault.Definition{
		Code: FileThere, Kind: fault.KindConflict,
		English: "A file of this name is there already. Give another name.",
		Chinese: "已有同名文件，请换一个文件名。",
	},
	fault.Definition{
		Code: FileUnwritable, Kind: fault.KindInvalid,
		English: "This file cannot be written. Give a folder that is there and can be written.",
		Chinese: "无法写入该文件，请指定一个存在且可写的目录。",
	},
)
