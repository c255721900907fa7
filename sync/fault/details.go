package fault

import (
	"maps"
	"regexp"
	"sort"
	"strings"
)

// chineseDetails says in Chinese the details that people meet: installers, clerks, customers, dispatchers, and who
// imports a shop's orders. What is not here stays as it is: names of fields, keys, numbers, files, and what only who
// writes a client or a template reads. %s stands for any text, in the same order in both languages; a text that is
// itself a row is said in Chinese too.
//
// Details are found by their text, not by where they are made, for those of verdicts are kept and told for months.
var chineseDetails = together(commonDetails, officeDetails, operatorDetails)

func together(lists ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, list := range lists {
		maps.Copy(out, list)
	}
	return out
}

// commonDetails are those that everybody meets.
var commonDetails = map[string]string{
	// what is named
	"user": "用户", "device": "设备", "technician": "师傅", "company": "公司", "shop": "门店", "place": "地点", "ticket": "工单",
	"proof": "凭证", "template": "模板", "position": "位置", "money": "已有结算", "position out of range": "位置超出范围",
	"ticket %s": "工单 %s", "template %s": "模板 %s", "reason %s": "原因 %s", "company %s": "公司 %s", "%s bytes": "%s 字节",
	"%s bytes, at most %s": "%s 字节，最多 %s", "sequence %s": "序号 %s", "send from %s": "请从 %s 开始发送", "%s: several": "%s：有多个",
	"customer_phone: not a phone number":        "customer_phone：不是有效的电话号码",
	"not the message that belongs to this kind": "内容与操作类型不符", "HTTP method": "HTTP 方法",
	"region, team or shop %s; doorstep admin place list shows them all":             "区域、班组或门店“%s”；doorstep admin place list 列出全部",
	"several places are called %s: give the id, doorstep admin place list shows it": "有多个地点叫“%s”：请改用编号，见 doorstep admin place list",
	"unit with serial number %s": "序列号为 %s 的产品",
	"several products have a unit with serial number %s: give the unit's id": "有多个产品使用序列号 %s：请改用编号",
	"units in stock or sold of shop %s: it has none to print":                "门店“%s”没有可打印的在库或已售产品",
	"%s: this person's rights reach further than yours":                      "%s：该人员的权限超出您的权限",
	"rework: %s is there already":                                            "返工：%s 已存在",
	"several people are called %s: name one by login, %s":                    "有多人叫“%s”，请改用账号：%s",
	"made by a newer app: its version is %s, this app knows %s":              "由更新版本的应用创建：其版本 %s，本应用支持 %s",
	"unknown field %s": "没有字段 %s", "unknown field %s, did you mean %s": "没有字段 %s，是否指 %s", "body: cannot be read to its end": "请求内容不完整",

	// rights
	"only an enrolled device may do this": "只有已登记的设备可以执行", "sync is for enrolled devices": "只有已登记的设备可以同步",
	"only an administrator lets in people of the office": "只有管理员可以登记公司人员",
	"these rights reach further than yours":              "超出了您自己的权限", "this place lies beyond your region": "该地点不在您的区域内",
	"not a clerk of this shop at that time": "当时不是该门店的店员", "the technician does not work here any more": "该师傅已离职",
	"this user is disabled": "该用户已停用", "login %s is taken": "账号 %s 已被占用", "an org keeps at least one administrator": "公司至少保留一名管理员",
	"there is no such region": "没有该区域", "there is no such team": "没有该班组", "there is no such store": "没有该门店",
	"the role technician and a technician's profile go together": "师傅角色与师傅资料须同时填写",

	// parked work
	"replayed by %s on %s": "由 %s 重新执行，时间 %s", "dismissed by %s on %s": "由 %s 驳回，时间 %s",
	"%s by %s on %s": "%s，处理人 %s，时间 %s",

	// the state of a job
	"Draft":              "草稿",
	"Scheduled":          "已排期",
	"Dispatched":         "待接单",
	"Accepted":           "已接单",
	"Declined":           "已拒单",
	"Traveling":          "在途",
	"OnSite":             "已到场",
	"OnBreak":            "休息中",
	"PartiallyCompleted": "部分完成",
	"NoShow":             "未到场",
	"Completed":          "已完成",
	"CannotComplete":     "无法完成",
	"Canceled":           "已取消",
	"%s: New":            "%s：新建", "%s: New, %s": "%s：新建，上门%s",
	"%s: InProgress": "%s：进行中", "%s: InProgress, %s": "%s：进行中，上门%s",
	"%s: OnHold": "%s：暂停", "%s: OnHold, %s": "%s：暂停，上门%s",
	"%s: Completed": "%s：已完成", "%s: Completed, %s": "%s：已完成，上门%s",
	"%s: CannotComplete": "%s：无法完成", "%s: CannotComplete, %s": "%s：无法完成，上门%s",
	"%s: Closed": "%s：已关闭", "%s: Closed, %s": "%s：已关闭，上门%s",
	"%s: Canceled": "%s：已取消", "%s: Canceled, %s": "%s：已取消，上门%s",
	"%s: money":                  "%s：已有结算",
	"step %s: expects yes or no": "步骤 %s：请答是或否", "step %s: expects a number": "步骤 %s：请填数字",
	"step %s: %s is not within %s to %s": "步骤 %s：%s 不在 %s 到 %s 之间", "step %s: expects 1 to %s characters": "步骤 %s：请填 1 到 %s 个字",
	"step %s: expects one of its choices: %s":                      "步骤 %s：请选择其中一项：%s",
	"step %s: is answered by proof, not by words":                  "步骤 %s：需要照片或签名，不能只填文字",
	"scheduled needs both ends":                                    "预约时间须有开始和结束",
	"scheduled ends before it begins":                              "预约时间的结束早于开始",
	"%s ends before it begins":                                     "%s：结束早于开始",
	"%s is longer than a year":                                     "%s：超过一年",
	"wanted ends before it begins":                                 "期望时间的结束早于开始",
	"wanted: a window has two ends in order":                       "期望时间：须有先后两个时间",
	"wanted: from now to three months ahead":                       "期望时间：从现在起三个月内",
	"phone: digits only":                                           "电话：只能是数字",
	"class: one of those that are offered":                         "品类：请从所列中选择",
	"%s: no control characters":                                    "%s：不能含控制字符",
	"%s: %s to %s characters":                                      "%s：%s 到 %s 个字",
	"reason: 1 to 500 characters":                                  "原因：1 到 500 个字",
	"version %s is published and differs":                          "第 %s 版已发布且内容不同",
	"id was used for another adjustment":                           "该编号已用于另一笔调整",
	"request: the id was used for another code":                    "该请求编号已用于另一个码",
	"from, to: a span of at most 400 days":                         "起止日期：最多 400 天",
	"effective_from: %s at the earliest":                           "生效日期：最早 %s",
	"effective_from: not before %s, when version %s begins":        "生效日期：不能早于 %s（第 %s 版的生效日）",
	"currency: the plan pays in %s":                                "币种：方案以 %s 结算",
	"time_zone: the company's is %s":                               "时区：公司时区为 %s",
	"version: the next one is %s":                                  "版本：下一版应为 %s",
	"difference: an amount in %s other than zero, below a billion": "差额：%s 金额，不能为零，须小于十亿",

	"step %s: is answered by photo or sign":    "步骤 %s：请用 photo 或 sign 命令",
	"the signer's name is empty: sign NAME":    "签名人姓名不能为空：sign 姓名",
	"%s: a photo has 1 byte to 64 MiB":         "%s：照片应为 1 字节到 64 MiB",
	"decline takes a job and a reason, not %s": "拒单须填工单和原因，而不是 %s",
	"the quotation mark %s is not closed":      "引号 %s 没有闭合",

	// codes
	"a product number holds digits only": "商品编号只能是数字", "a product number has 8, 12, 13 or 14 digits, not %s": "商品编号应为 8、12、13 或 14 位，实为 %s 位",
	"the last digit of %s should be %s": "%s 的末位应为 %s", "a product number of zeros only": "商品编号全为零",
	"the code is empty": "码为空", "the code ends too early": "码不完整", "the code names no product (01)": "码中没有商品编号 (01)",
	"the symbol is none that holds a product's label": "此类条码不是商品标签", "an identifier is missing": "缺少标识符", "an identifier in parentheses is missing": "缺少括号中的标识符",
	"the code ends in the middle of an identifier": "码在标识符中间中断", "the value of (%s) is cut off": "(%s) 的内容不完整",
	"the link cannot be read": "链接无法读取", "the link holds no product number after /01/": "链接 /01/ 后没有商品编号",
	"the link ends in the middle of an identifier": "链接在标识符中间中断", "the link is not percent-encoded as it should be": "链接编码有误",
	"the link holds something else behind the product number": "链接商品编号之后有多余内容", "the link's query cannot be read": "链接参数无法读取",
	"a scanned code has at most %s bytes": "扫描内容最多 %s 字节", "neither a product link, an element string nor a product number": "不是商品链接、GS1 码或商品编号",
	"two product numbers in one code": "一个码中有两个商品编号", "(%s) stands twice in one code": "(%s) 在码中出现两次",
	"(%s) has 1 to 20 characters, not %s": "(%s) 应为 1 到 20 个字符，实为 %s", "(%s) holds a character that labels do not have": "(%s) 含有标签上没有的字符",
	"this is not the code of a product": "这不是商品码", "not a signed code": "不是签名码", "no free short code was found": "没有可用的短码",
	"the code %s is revoked or has expired": "码 %s 已撤销或过期", "%s is in use": "%s 已被使用", "%s is not known": "%s 不存在",

	// pictures
	"part_sha256: %s for %s parts": "part_sha256：给出 %s 个，应为 %s 个", "the object store's endpoint": "对象存储的地址",
	"no width or height": "没有宽高", "no headers": "没有文件头", "headers": "文件头有误", "two frames": "有两帧", "frame header": "帧头有误",
	"no frame": "没有图像帧", "cut off": "数据不完整", "no end": "缺少结尾", "no picture data": "没有图像数据", "a moving picture": "动态图片", "the picture cannot be decoded": "图片无法解码",
	"%s × %s in this encoding": "该编码下 %s × %s", "%s scans": "%s 次扫描", "announced %s, is %s": "申报为 %s，实为 %s", "part %s of %s": "第 %s 部分，共 %s 部分",

	// files of orders
	"the file cannot be read": "文件无法读取", "the file cannot be opened": "文件无法打开", "not a regular file": "不是普通文件", "the file is empty": "文件为空",
	"more than %s texts; save it as CSV": "文本超过 %s 条，请另存为 CSV", "a workbook with %s": "工作簿包含%s",
	"a text or tag of more than 1 MiB": "超过 1 MiB 的文本或标签", "elements more than 64 deep": "超过 64 层的嵌套", "a part of more than 8 MiB": "超过 8 MiB 的部件",
	"row %s is out of order or beyond %s": "第 %s 行顺序错误，或超出第 %s 行",
	"more than %s cells; save it as CSV":  "单元格超过 %s 个，请另存为 CSV",
	"cell %s is beyond %s columns":        "单元格 %s 超出 %s 列",
	"neither CSV nor XLSX":                "既不是 CSV 也不是 XLSX", "more than %s lines": "超过 %s 行", "more than %s rows": "超过 %s 行", "larger than %s MiB": "超过 %s MiB",
	"larger than %s KiB": "超过 %s KiB", "unknown encoding %s": "未知编码 %s", "an old .xls or protected workbook; save it as .xlsx or CSV": "旧版 .xls 或受保护的工作簿，请另存为 .xlsx 或 CSV",
	"a workbook larger than %s MiB; save it as CSV": "工作簿超过 %s MiB，请另存为 CSV", "not a sound workbook": "工作簿已损坏", "no sheet %s": "没有工作表 %s",
	"a workbook with more than %s MiB of texts; save it as CSV": "工作簿的文字超过 %s MiB，请另存为 CSV",
	"the file has column %s twice; rename one of them":          "文件中有两个 %s 列，请改名其中一个",
	"a workbook of more than %s parts":                          "工作簿超过 %s 个部分", "the workbook unpacks to more than %s MiB": "工作簿解压后超过 %s MiB",
	"row %s cannot be read": "第 %s 行无法读取", "the sheet cannot be read behind row %s": "第 %s 行之后无法读取",
	"no line with the names of the columns": "没有列名所在的行", "no line %s with the names of the columns": "没有列名所在的第 %s 行",
	"the file has no column %s; it has %s":                         "文件没有 %s 列，现有：%s",
	"--org: which company? doorstep admin org list shows them all": "--org：哪家公司？doorstep admin org list 列出全部",
}

// pattern is a row with places in it.
type pattern struct {
	english *regexp.Regexp
	chinese string
	// fixed is how much of the row is no place: the more, the surer it is the one meant.
	fixed int
}

// patterns are the rows with places, the surest first.
var patterns = func() []pattern {
	var out []pattern
	for english, chinese := range chineseDetails {
		if !strings.Contains(english, "%s") {
			continue
		}
		parts := strings.Split(english, "%s")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		out = append(out, pattern{
			english: regexp.MustCompile(`(?s)^` + strings.Join(parts, "(.+?)") + `$`), chinese: chinese, fixed: len(strings.Join(parts, "")),
		})
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].fixed != out[j].fixed {
			return out[i].fixed > out[j].fixed
		}
		return out[i].chinese < out[j].chinese
	})
	return out
}()

// inChinese says a detail in Chinese, or gives it back as it is.
func inChinese(detail string) string {
	if chinese, ok := chineseDetails[detail]; ok {
		return chinese
	}
	for _, p := range patterns {
		found := p.english.FindStringSubmatch(detail)
		if found == nil {
			continue
		}
		chinese := p.chinese
		var out strings.Builder
		for _, place := range found[1:] {
			before, after, _ := strings.Cut(chinese, "%s")
			if known, ok := chineseDetails[place]; ok {
				place = known
			}
			out.WriteString(before + place)
			chinese = after
		}
		return out.String() + chinese
	}
	return detail
}
