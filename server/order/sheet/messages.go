package sheet

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"a part of more than 8 MiB":                                  "超过 8 MiB 的部件",
	"a text or tag of more than 1 MiB":                           "超过 1 MiB 的文本或标签",
	"a workbook larger than %s MiB; save it as CSV":              "工作簿超过 %s MiB，请另存为 CSV",
	"a workbook of more than %s parts":                           "工作簿超过 %s 个部分",
	"a workbook with %s":                                         "工作簿包含%s",
	"a workbook with more than %s MiB of texts; save it as CSV":  "工作簿的文字超过 %s MiB，请另存为 CSV",
	"an old .xls or protected workbook; save it as .xlsx or CSV": "旧版 .xls 或受保护的工作簿，请另存为 .xlsx 或 CSV",
	"cell %s is beyond %s columns":                               "单元格 %s 超出 %s 列",
	"elements more than 64 deep":                                 "超过 64 层的嵌套",
	"larger than %s MiB":                                         "超过 %s MiB",
	"more than %s cells; save it as CSV":                         "单元格超过 %s 个，请另存为 CSV",
	"more than %s lines":                                         "超过 %s 行",
	"more than %s rows":                                          "超过 %s 行",
	"more than %s texts; save it as CSV":                         "文本超过 %s 条，请另存为 CSV",
	"neither CSV nor XLSX":                                       "既不是 CSV 也不是 XLSX",
	"no sheet %s":                                                "没有工作表 %s",
	"not a regular file":                                         "不是普通文件",
	"not a sound workbook":                                       "工作簿已损坏",
	"row %s is out of order or beyond %s":                        "第 %s 行顺序错误，或超出第 %s 行",
	"the file is empty":                                          "文件为空",
	"the workbook unpacks to more than %s MiB":                   "工作簿解压后超过 %s MiB",
	"unknown encoding %s":                                        "未知编码 %s",
})
