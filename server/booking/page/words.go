package page

// words are the texts of the pages, by language.
var words = map[string]map[string]string{
	"zh": {
		"lang": "zh-CN", "other": "English", "otherlang": "en",
		"book": "预约上门服务", "booklead": "填写后我们会尽快安排师傅上门。", "product": "产品", "store": "门店", "class": "服务产品", "choose": "请选择",
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
		"thanks": "预约已提交，谢谢！", "keep": "请收藏或截图保存本页：可在此查看进度、改约或取消。请勿转发，持有本页链接的人都能操作。", "wanted": "您希望的时间",
		"change": "改约或取消", "reschedule": "改约", "reschedulehint": "如已安排师傅，客服会与您确认新的时间。", "cancel": "取消预约", "reason": "取消原因（选填）", "toolate": "当前状态已不能执行此操作，请联系门店或客服。",
		"rate": "请评价本次服务", "rated": "您的评价", "comment": "您的意见（选填）", "sendrate": "提交评价", "ratehint": "提交后 24 小时内可以修改。",
		"stars5": "5 分 · 非常满意", "stars4": "4 分 · 满意", "stars3": "3 分 · 一般", "stars2": "2 分 · 不满意", "stars1": "1 分 · 非常不满意",
		"extras": "加收的配件和服务", "total": "合计", "approve": "同意以上费用", "approvehint": "同意仅对以上项目和金额有效，如有变动会再次请您确认。", "approved": "您已同意以上项目和金额。", "changed": "项目或金额刚刚有变动，请重新核对。",
		"stale": "页面已过期，请核对后重新提交。",
	},
	"en": {
		"lang": "en", "other": "中文", "otherlang": "zh",
		"book": "Book a visit", "booklead": "Fill this in and we will send a technician as soon as we can.", "product": "Product", "store": "Shop", "class": "What is it for", "choose": "Choose…",
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
		"thanks": "Thank you, your booking has arrived.", "keep": "Keep this page: bookmark it or take a picture. Here you see how far we are, change the time or cancel. Do not pass it on: whoever has its link can do the same.", "wanted": "The time you asked for",
		"change": "Change or cancel", "reschedule": "Ask for another time", "reschedulehint": "If a technician has been scheduled, we confirm the new time with you.", "cancel": "Cancel the visit", "reason": "Why (optional)", "toolate": "This is not possible any more. Please call the shop.",
		"rate": "How was it?", "rated": "Your rating", "comment": "Your words (optional)", "sendrate": "Send", "ratehint": "You may change it within 24 hours.",
		"stars5": "5 · very good", "stars4": "4 · good", "stars3": "3 · so-so", "stars2": "2 · poor", "stars1": "1 · very poor",
		"extras": "Added parts and services", "total": "Total", "approve": "Approve these charges", "approvehint": "You approve exactly these items and sums. If any of them changes, we ask you again.", "approved": "You have agreed to these items and sums.", "changed": "The items or sums have just changed. Please look at them again.",
		"stale": "This page was open for too long. Check what you typed and send it again.",
	},
}

// complaints turn the field that fault names into a sentence beside the form.
var complaints = map[string]map[string]string{
	"zh": {"name": "请填写称呼（100 字以内）。", "phone": "请填写有效的电话号码。", "address": "请填写地址（300 字以内）。", "note": "备注请控制在 500 字以内。", "wanted": "该时段已过或无法预约，请重新选择日期和时段。", "class": "请从列表中选择服务产品。", "stars": "请选择 1 到 5 分。"},
	"en": {"name": "Give a name of up to 100 characters.", "phone": "Give a valid phone number.", "address": "Give an address of up to 300 characters.", "note": "Keep the note under 500 characters.", "wanted": "Choose a time that is still to come.", "class": "Choose what it is for from the list.", "stars": "Choose 1 to 5."},
}
