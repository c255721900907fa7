package sheet

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"1 to %s labels, and skip less than a page": "标签 1 到 %s 个，跳过的数量须少于一页",
	"layout %s: %s":              "版式 %s：%s",
	"no layout %s; there are %s": "没有版式 %s；可用的有 %s",
	"the font is not a TrueType file that can be embedded": "字体不是可以嵌入的 TrueType 文件",
	"the layout cannot be read: %s":                        "版式无法读取：%s",
})
