package plan

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"plan: %s": "计价方案：%s",
	"key, version, currency and version date are needed": "须填写代号、版本、币种和版本日期",
	"component key %s is empty or used twice":            "组成项代号 %s 为空或重复",
	"time zone %s is unknown":                            "时区 %s 未知",
	"effective_from is no date":                          "effective_from 不是日期",
	"more than one base fee":                             "基本费不止一项",
	"component %s names no category or no rounding":      "组成项 %s 缺少类别或取整方式",
	"a rework cannot take back %s":                       "返工不能追回 %s",
	"component %s: %s":                                   "组成项 %s：%s",
})
