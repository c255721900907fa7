package token

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	CodeUnknown fault.Code = "code_unknown"
)

var _ = fault.Register(
	fault.Definition{
		Code: CodeUnknown, Kind: fault.KindNotFound,
		English: "This code is not valid here. Ask the shop for a new one.",
		Chinese: "该码无效，请向门店索取新码。",
	},
)
