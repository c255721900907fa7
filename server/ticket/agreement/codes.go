package agreement

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	ChargesNotAgreed fault.Code = "charges_not_agreed"
)

var _ = fault.Register(
	fault.Definition{
		Code: ChargesNotAgreed, Kind: fault.KindConflict,
		English: "The customer has not agreed to what was added or changed after signing. Show the new sum, have it " +
			"signed, then complete the job again.",
		Chinese: "签字后又增加或改动了收费项目，请让客户确认新的金额并重新签字，再提交完工。",
	},
)
