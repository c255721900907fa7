package page

// words are the texts of the pages, by language.
var words = map[string]map[string]string{
	"zh": {
		"lang": "zh-CN", "other": "English", "otherlang": "en",
		"book": "预约上门服务", "booklead": "填写后我们会尽快安排师傅上门。", "product": "产品", "store": "门店", "class": "服务产品",
		"name": "您的称呼", "phone": "手机号码", "address": "上门地址", "addresshint": "省市区、街道、楼栋和门牌号",
		"day": "希望日期", "time": "希望时段", "note": "备注（选填）", "send": "提交预约", "anytime": "任何时段",
		"privacy":  "您的信息仅用于本次上门服务。",
		"progress": "服务进度", "number": "工单号", "arrival": "预计上门", "who": "上门师傅", "badge": "工牌号",
		"badgehint": "师傅上门时，请核对工牌号。",
		"booked":    "已预约", "scheduled": "已排期", "accepted": "师傅已接单", "traveling": "师傅在路上", "on_site": "已到达", "completed": "已完成",
		"canceled": "已取消", "cannot_complete": "本次未能完成，我们会与您联系",
		"unknowntitle": "该码无效", "unknown": "该码无效或已过期。请向门店索取新码。",
		"toomanytitle": "请稍后再试", "toomany": "操作过于频繁，请过几分钟再试。",
		"wrongtitle": "暂时无法处理", "wrong": "我们这边出了点问题，您填写的内容没有提交成功，请稍后重试。",
		"stale": "页面已过期，请核对后重新提交。",
	},
	"en": {
		"lang": "en", "other": "中文", "otherlang": "zh",
		"book": "Book a visit", "booklead": "Fill this in and we will send a technician as soon as we can.", "product": "Product", "store": "Shop", "class": "What is it for",
		"name": "Your name", "phone": "Phone number", "address": "Address", "addresshint": "City, street, house and door",
		"day": "Preferred day", "time": "Preferred time", "note": "Note (optional)", "send": "Book", "anytime": "Any time",
		"privacy":  "We use this for your visit and for nothing else.",
		"progress": "Progress", "number": "Ticket", "arrival": "Expected arrival", "who": "Who is coming", "badge": "Badge number",
		"badgehint": "Compare the badge number at the door.",
		"booked":    "Booked", "scheduled": "Scheduled", "accepted": "Accepted by the technician", "traveling": "On the way", "on_site": "At your door", "completed": "Completed",
		"canceled": "Cancelled", "cannot_complete": "Could not be completed this time; we will contact you",
		"unknowntitle": "This code is not valid", "unknown": "The code is not valid or has expired. Ask the shop for a new one.",
		"toomanytitle": "Please wait", "toomany": "Too many requests. Try again in a few minutes.",
		"wrongtitle": "Not possible right now", "wrong": "Something failed on our side and nothing was sent. Please try again shortly.",
		"stale": "This page was open for too long. Check what you typed and send it again.",
	},
}

// complaints turn the field that fault names into a sentence beside the form.
var complaints = map[string]map[string]string{
	"zh": {"name": "请填写称呼（100 字以内）。", "phone": "请填写有效的电话号码。", "address": "请填写地址（300 字以内）。", "note": "备注请控制在 500 字以内。", "wanted": "请选择今天之后的时段。", "class": "请选择服务产品。"},
	"en": {"name": "Give a name of up to 100 characters.", "phone": "Give a valid phone number.", "address": "Give an address of up to 300 characters.", "note": "Keep the note under 500 characters.", "wanted": "Choose a time that is still to come.", "class": "Choose what it is for."},
}
