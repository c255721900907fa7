package pay

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"currency: the plan pays in %s":                                "币种：方案以 %s 结算",
	"difference: an amount in %s other than zero, below a billion": "差额：%s 金额，不能为零，须小于十亿",
	"effective_from: %s at the earliest":                           "生效日期：最早 %s",
	"effective_from: not before %s, when version %s begins":        "生效日期：不能早于 %s（第 %s 版的生效日）",
	"from, to: a span of at most 400 days":                         "起止日期：最多 400 天",
	"id was used for another adjustment":                           "该编号已用于另一笔调整",
	"plan: the plan that pays is named %s":                         "plan：计薪方案名为 %s",
	"time_zone: the company's is %s":                               "时区：公司时区为 %s",
	"version %s is published and differs":                          "第 %s 版已发布且内容不同",
	"version: the next one is %s":                                  "版本：下一版应为 %s",
})
