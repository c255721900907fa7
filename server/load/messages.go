package load

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s cannot be read; doorstep load prepare " +
		"makes it": "%s 无法读取；请用 doorstep load prepare 生成",
	"%s holds no phones; doorstep load prepare makes " +
		"such a file": "%s 中没有手机；请用 doorstep load prepare 生成",
	"%s is not marked for load: the short name of such a company begins with %s; --force takes it all " +
		"the same": "%s 未标记为压测：压测公司的简称以 %s 开头；用 --force 可强制使用",
	"a length up to %s": "时长最多 %s",
	"a rate up to %s a second, in batches up to 500":         "每秒最多 %s，每批最多 500",
	"between 1 and %s phones":                                "手机 1 到 %s 部",
	"between 1 and %s phones, and up to 100,000 of the rest": "手机 1 到 %s 部，其余最多 100,000",
	"the watch ended without a goodbye":                      "长连接意外中断",
})
