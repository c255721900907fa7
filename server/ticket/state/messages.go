package state

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s ends before it begins": "%s：结束早于开始",
	"%s is longer than a year": "%s：超过一年",
	"%s: %s, %s":               "%s：%s，上门%s",
	"Accepted":                 "已接单",
	"Canceled":                 "已取消",
	"CannotComplete":           "无法完成",
	"Closed":                   "已关闭",
	"Completed":                "已完成",
	"Declined":                 "已拒单",
	"Dispatched":               "待接单",
	"Draft":                    "草稿",
	"InProgress":               "进行中",
	"New":                      "新建",
	"NoShow":                   "未到场",
	"OnBreak":                  "休息中",
	"OnHold":                   "暂停",
	"OnSite":                   "已到场",
	"PartiallyCompleted":       "部分完成",
	"Scheduled":                "已排期",
	"Traveling":                "在途",
})
