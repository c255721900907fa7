package ticket

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s.%s: from a month ago to a year ahead":         "%s.%s：须在一个月前至一年后之间",
	"%s: it is known already; the office corrects it": "%s：已有内容，须由公司更正",
	"%s: money":                                               "%s：已有结算",
	"customer.language: zh or en":                             "customer.language：zh 或 en",
	"customer_phone: not a phone number":                      "customer_phone：不是有效的电话号码",
	"rating: the time for it is over":                         "评价时间已过",
	"reason %s":                                               "原因 %s",
	"reason: use, key (a-z, 0-9, _) and a name":               "reason：须有用途、代号（小写字母、数字、下划线）和名称",
	"region_id or store_id: name a region or a shop of yours": "region_id 或 store_id：请填写您管理的区域或门店",
	"region_id: name a region of yours":                       "region_id：请填写您管理的区域",
	"rework: %s is there already":                             "返工：%s 已存在",
	"scheduled needs both ends":                               "预约时间须有开始和结束",
	"stars: 1 to 5":                                           "评分：1 到 5 星",
	"template %s":                                             "模板 %s",
	"the office confirms it and says which region it is":      "由公司确认并指定区域",
	"the technician does not work here any more":              "该师傅已离职",
	"the unit has a ticket in work already":                   "该产品已有进行中的工单",
	"the price item is of another kind":                       "该收费项属于另一类",
	"step %s":                                                 "步骤 %s",
	"id: another ticket has a charge with it":                 "id：已被另一工单的收费项使用",
})
