package operator

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"cannot read %s: %s":                                      "无法读取 %s：%s",
	"cannot write %s: %s":                                     "无法写入 %s：%s",
	"life: not below zero":                                    "有效时长不能为负",
	"name codes, or a shop with --units":                      "请填写码，或用 --units 指定门店",
	"the file must end in .pdf, .zpl, .png or .svg":           "文件扩展名须为 .pdf、.zpl、.png 或 .svg",
	"units in stock or sold of shop %s: it has none to print": "门店“%s”没有可打印的在库或已售产品",
})
