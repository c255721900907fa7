package explain

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
)

// sentence is a finding's words; the same arguments go into both.
type sentence struct{ zh, en string }

// sentences are all findings, by their codes. docs/OPERATIONS.md says what to do about each.
var sentences = map[string]sentence{
	// Why a person has a ticket, or not.
	"assigned": {"工单已派给该师傅，完整显示在其手机上。", "The ticket is theirs; their phones show it in full."},
	"pool_offered": {
		"工单在其班组“%s”的抢单池中，客户电话和门牌已隐藏。",
		"The ticket is offered to their team %s; the customer's number and door are hidden.",
	},
	"shop_open": {"工单是其门店的未结工单，客户电话已隐藏。", "It is an open ticket of their shop; the customer's number is hidden."},
	"disabled":  {"该账号已停用，手机不再接收任何内容。", "The account is disabled: its phones are sent nothing any more."},
	"expired": {
		"工单已结束且超过保留天数，已从手机上移除；记录仍在公司。",
		"The job is finished and old, so it has left the phones; the office keeps it.",
	},
	"canceled":       {"工单已取消。", "The ticket was cancelled."},
	"given_to_other": {"工单现由 %s 负责。", "The ticket is %s's now."},
	"was_theirs":     {"工单曾由该师傅负责，后被收回。", "It was theirs and was taken back."},
	"never_theirs":   {"工单从未派给该师傅。", "It was never given to them."},
	"unassigned":     {"工单还没有派给任何人，也不在抢单池中。", "Nobody has the ticket yet, and no pool offers it."},
	"left_team":      {"工单在班组“%s”的抢单池中，该师傅已离开此班组。", "The ticket is offered to team %s, which they have left."},
	"other_team":     {"工单在班组“%s”的抢单池中，该师傅不属于此班组。", "The ticket is offered to team %s, to which they do not belong."},
	"not_technician": {"该人员不是师傅，手机不接收工单。", "They are no technician, so their phones are sent no jobs."},
	"missing_entry": {
		"工单应在其手机上，但下发数据中没有：请运行 doorstep admin rebuild-feeds。",
		"Their phones should have it, but no feed holds it: run doorstep admin rebuild-feeds.",
	},
	"no_phone": {"该人员没有登记过手机：请生成登记码。", "No phone of theirs is enrolled: make an enrolment code."},

	// How it stands with one phone.
	"held": {"手机上有此工单。", "The phone has it."},
	"downloading": {
		"手机已收到此工单，本轮同步完成后显示。",
		"The phone has received it and shows it once this round of its sync is complete.",
	},
	"sent":    {"已发给手机，手机此后未再联系，尚未确认。", "It was sent; the phone has not come back since to confirm it."},
	"due":     {"手机下次同步就会收到，前面还有 %d 处更新。", "The phone's next sync brings it, with %d changes in all."},
	"due_new": {"手机还没有读过这部分数据，下次同步会全部收到。", "The phone has not read this feed yet; its next sync brings all of it."},
	"due_anew": {
		"手机离线太久或数据库曾恢复，下次同步会重新下发，其中有此工单。",
		"The phone was away too long, or the database was restored: its next sync brings the feed anew, and the ticket " +
			"with it.",
	},
	"gone":        {"手机上已移除此工单。", "The phone has removed it."},
	"leaving":     {"已通知手机移除，手机此后未再联系，尚未确认。", "The phone was told to remove it and has not come back since to confirm."},
	"due_removal": {"手机上可能还有此工单，下次同步会移除。", "The phone may still have it; its next sync removes it."},
	"feed_dropped": {
		"手机上可能还有此工单：它已不再接收这部分数据，下次同步会移除。",
		"The phone may still have it from a feed that it follows no longer; its next sync drops that.",
	},
	"absent":       {"手机上没有此工单，下次同步也不会收到。", "The phone does not have it, and its next sync will not bring it."},
	"never_called": {"手机登记后从未同步过。", "The phone has never synced."},
	"revoked": {
		"手机已停用，不能再接收内容；下次联系时清除其数据。",
		"The phone is out of service: it is sent nothing and wipes what it holds when it next makes contact.",
	},
	"silent": {
		"手机已超过一天没有同步：请检查网络和登录。",
		"The phone has not synced for more than a day: look at its network and its login.",
	},
	"unsent": {
		"手机上还有 %d 项操作未送达，工单在其处理完之前不会移除。",
		"The phone reported %d actions not sent yet; a ticket with such does not leave before they have their answer.",
	},
}

// finding makes a finding of a code of sentences. since is zero where no moment belongs to it.
func finding(code string, since time.Time, args ...any) *officev1.Finding {
	s := sentences[code]
	f := &officev1.Finding{
		Code: code,
		Text: &typesv1.Label{Zh: fmt.Sprintf(s.zh, args...), En: fmt.Sprintf(s.en, args...)},
	}
	if !since.IsZero() {
		f.Since = timestamppb.New(since)
	}
	return f
}
