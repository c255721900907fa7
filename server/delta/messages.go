package delta

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s by %s on %s":              "%s，处理人 %s，时间 %s",
	"dismissed":                   "已驳回",
	"done_at is still to come":    "done_at：时间尚未到来",
	"mutation %s: device_time":    "mutation %s：device_time",
	"mutation %s: id":             "mutation %s：id",
	"mutation %s: kind":           "mutation %s：kind",
	"mutation: sequence":          "mutation：sequence",
	"neither payload nor done_at": "payload 和 done_at 至少填写一项",
	"payload: %s":                 "payload：%s",
	"payload: of %s only %s and the time may be changed": "payload：%s 只能修改 %s 和时间",
	"reason: 1 to 500 characters":                        "原因：1 到 500 个字",
	"replayed":                                           "已重新执行",
	"sync is for enrolled devices":                       "只有已登记的设备可以同步",
})
