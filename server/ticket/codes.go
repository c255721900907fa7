package ticket

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	AlreadyClaimed fault.Code = "already_claimed"
	NeedsDetails   fault.Code = "needs_details"
)

var _ = fault.Register(
	fault.Definition{
		Code: AlreadyClaimed, Kind: fault.KindConflict,
		English: "Somebody else was faster.",
		Chinese: "已被他人抢单。",
	},
	fault.Definition{
		Code: NeedsDetails, Kind: fault.KindConflict,
		English: "Nobody can go there yet: the ticket lacks the customer's name, phone or address, or a confirmation. " +
			"Complete it first.",
		Chinese: "工单缺少客户姓名、电话、地址或确认，暂不能派单，请先补全。",
	},
)
