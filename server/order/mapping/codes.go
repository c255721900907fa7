package mapping

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	Invalid fault.Code = "import_mapping_invalid"
)

var _ = fault.Register(
	fault.Definition{
		Code: Invalid, Kind: fault.KindInvalid,
		English: "The mapping file is not valid. Correct the line named.",
		Chinese: "映射文件有误，请更正提示的那一行。",
	},
)
