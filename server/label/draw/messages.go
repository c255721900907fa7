package draw

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"1 to 40 pixels to a module, not %s":   "每个码点 1 到 40 像素，不能是 %s",
	"a code holds 1 to 1000 bytes, not %s": "码的内容为 1 到 1000 字节，不能是 %s",
	"the text does not fit a code":         "内容过长，放不进一个码",
})
