package gs1

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"(%s) has 1 to 20 characters, not %s":                            "(%s) 应为 1 到 20 个字符，实为 %s",
	"(%s) holds a character that labels do not have":                 "(%s) 含有标签上没有的字符",
	"(%s) stands twice in one code":                                  "(%s) 在码中出现两次",
	"a product number has 8, 12, 13 or 14 digits, not %s":            "商品编号应为 8、12、13 或 14 位，实为 %s 位",
	"a product number holds digits only":                             "商品编号只能是数字",
	"a product number of zeros only":                                 "商品编号全为零",
	"a scanned code has at most %s bytes":                            "扫描内容最多 %s 字节",
	"an identifier in parentheses is missing":                        "缺少括号中的标识符",
	"an identifier is missing":                                       "缺少标识符",
	"neither a product link, an element string nor a product number": "不是商品链接、GS1 码或商品编号",
	"the code ends in the middle of an identifier":                   "码在标识符中间中断",
	"the code ends too early":                                        "码不完整",
	"the code is empty":                                              "码为空",
	"the code names no product (01)":                                 "码中没有商品编号 (01)",
	"the last digit of %s should be %s":                              "%s 的末位应为 %s",
	"the link cannot be read":                                        "链接无法读取",
	"the link ends in the middle of an identifier":                   "链接在标识符中间中断",
	"the link holds no product number after /01/":                    "链接 /01/ 后没有商品编号",
	"the link holds something else behind the product number":        "链接商品编号之后有多余内容",
	"the link is not percent-encoded as it should be":                "链接编码有误",
	"the symbol is none that holds a product's label":                "此类条码不是商品标签",
	"the value of (%s) is cut off":                                   "(%s) 的内容不完整",
	"two product numbers in one code":                                "一个码中有两个商品编号",
})
