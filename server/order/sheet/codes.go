package sheet

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	FileRefused fault.Code = "import_file_refused"
)

var _ = fault.Register(
	fault.Definition{
		Code: FileRefused, Kind: fault.KindInvalid,
		English: "The file cannot be imported. Correct what is named, then import it again: nothing is taken in twice.",
		Chinese: "无法导入该文件。请按提示更正后重新导入，已导入的内容不会重复。",
	},
)
