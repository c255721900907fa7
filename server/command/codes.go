package command

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	SpreadBlocked fault.Code = "spread_blocked"
	FeedsDiffer   fault.Code = "feeds_differ"
)

var _ = fault.Register(
	fault.Definition{
		Code: SpreadBlocked, Kind: fault.KindConflict,
		English: "The tenants' tables cannot be spread yet. Do what is named, then run the command again: it goes on where " +
			"it stopped.",
		Chinese: "各公司的数据表暂时无法分布。请先处理提示的问题，再重新运行该命令，会从中断处继续。",
	},
	fault.Definition{
		Code: FeedsDiffer, Kind: fault.KindConflict,
		English: "What phones are shown differs from the tables. doorstep admin rebuild-feeds mends it; no phone is reset.",
		Chinese: "手机显示的内容与数据表不一致，可用 doorstep admin rebuild-feeds 修复，手机不会被重置。",
	},
)
