package media

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s scans":                      "%s 次扫描",
	"cut off":                       "数据不完整",
	"frame header":                  "帧头有误",
	"headers":                       "文件头有误",
	"no end":                        "缺少结尾",
	"no frame":                      "没有图像帧",
	"no headers":                    "没有文件头",
	"no picture data":               "没有图像数据",
	"no width or height":            "没有宽高",
	"the picture cannot be decoded": "图片无法解码",
	"two frames":                    "有两帧",
})
