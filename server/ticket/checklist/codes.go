package checklist

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	Incomplete fault.Code = "checklist_incomplete"
)

var _ = fault.Register(
	fault.Definition{
		Code: Incomplete, Kind: fault.KindConflict,
		English: "Something that the job requires is missing. Add what is named, then complete it again.",
		Chinese: "必填项目尚未完成，请按提示补齐后重新提交完工。",
	},
)
