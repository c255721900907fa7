package booking

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s: %s to %s characters":                   "%s：%s 到 %s 个字",
	"%s: no control characters":                 "%s：不能含控制字符",
	"class: one of those that are offered":      "品类：请从所列中选择",
	"phone: digits only":                        "电话：只能是数字",
	"request: an id is needed":                  "request：须有编号",
	"request: the id was used for another code": "该请求编号已用于另一个码",
	"the booked ticket is gone":                 "预约的工单已不存在",
	"wanted: from now to three months ahead":    "期望时间：从现在起三个月内",
})
