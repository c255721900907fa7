package phone

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s: a photo has 1 byte to 64 MiB": "%s：照片应为 1 字节到 64 MiB",
	"%s: several":                      "%s：有多个",
	"--at %s":                          "--at %s",
	"--store %s":                       "--store %s",
	"decline takes a job and a reason, not %s": "拒单须填工单和原因，而不是 %s",
	"money":                                 "已有结算",
	"step %s: expects a number":             "步骤 %s：请填数字",
	"step %s: expects yes or no":            "步骤 %s：请答是或否",
	"step %s: is answered by photo or sign": "步骤 %s：请用 photo 或 sign 命令",
	"the quotation mark %s is not closed":   "引号 %s 没有闭合",
	"the signer's name is empty: sign NAME": "签名人姓名不能为空：sign 姓名",
	"ticket %s":                             "工单 %s",
})
