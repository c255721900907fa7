package mapping

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"columns missing":    "缺少列",
	"columns twice":      "列重复",
	"larger than %s KiB": "超过 %s KiB",
	"line 1: keys and values are needed, for example source: shop": "第 1 行：须为键和值，例如 source: shop",
	"the file has column %s twice; rename one of them":             "文件中有两个 %s 列，请改名其中一个",
	"the file has no column %s; it has %s":                         "文件没有 %s 列，现有：%s",
})
