package phone_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestADayInTheBasementArrivesOnceWithReceipts(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	li := o.enrol(o.li)
	li.says("待接单", "today")
	li.types("offline")
	li.says("已存手机", "accept", "1")
	li.types("travel", "--at", "39.9,116.4")
	li.types("arrive")
	if _, err := li.run("", "complete"); offline.CodeOf(err) != checklist.Incomplete {
		t.Errorf("completed without proof: %v", err)
	}
	if _, err := li.run("", "answer", "pressure", "7"); err == nil {
		t.Error("an answer out of range was saved")
	}
	li.types("answer", "2", "0.4")
	li.types("answer", "sealed", "是")
	li.types("photo", "before", picture(t, 10), "--kind", "before")
	li.types("photo", "after", picture(t, 90))
	li.types("part", "hose", "2")
	li.types("note", "阀门", "老化")
	li.says("笔迹由姓名生成", "sign", "王女士")
	li.says("原图待传", "ticket")
	li.says("已完成", "complete")
	li.says("●未送达", "today")
	if u := li.json("status")["unsent"].(map[string]any); u["actions"].(float64) != 11 || u["files"].(float64) != 2 {
		t.Errorf("unsent: %v", u)
	}
	if says := li.types("unsent"); strings.Count(says, "等待发送") != 2 || strings.Contains(says, "服务器") {
		t.Errorf("files that were not tried yet: %s", says)
	}
	if _, err := li.run("", "logout"); offline.CodeOf(err) != fault.UnsentWork {
		t.Errorf("logout with unsent work: %v", err)
	}
	li.says("公司已收到 11 项操作", "online")
	li.types("sync")
	li.says("全部已送达公司", "unsent")
	li.says("已核验", "ticket", "1")
	e := li.json("earnings")["today"].(map[string]any)
	if e["pending"].(float64)+e["confirmed"].(float64) != 12000+500 { // the fee and a tenth of two hoses
		t.Errorf("earnings: %v", e)
	}
	li.says("安装费", "earnings", "--lines")
	li.types("rank", "team", "day")
	li.types("offline")
	li.says("离线 · 排名截至", "rank", "team", "day")
	li.types("online")
	li.types("logout")
	if _, err := li.run("", "today"); offline.CodeOf(err) != fault.NotEnrolled {
		t.Error(err)
	}
	devices, err := accountv1connect.NewAccountServiceClient(http.DefaultClient, o.URL()).ListDevices(t.Context(),
		with(&accountv1.ListDevicesRequest{}, o.boss))
	must(t, err)
	for _, d := range devices.Msg.GetDevices() {
		if d.GetRevokedAt() == nil {
			t.Errorf("a phone that logged out is still in service: %v", d)
		}
	}
}

func TestTwoPhonesClaimAndTheFirstOneWins(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	id := o.ticket()
	_, err := o.tickets.PoolTicket(t.Context(), with(&officev1.PoolTicketRequest{Id: id, TeamId: o.team.ID[:]}, o.boss))
	must(t, err)
	li, wang := o.enrol(o.li), o.enrol(o.wang)
	li.says("¥120.00", "pool")
	wang.says("1 单", "pool")
	wang.types("offline")
	wang.says("已存手机", "claim", "1")
	wang.says("抢单中", "pool")
	got := li.json("claim", "1")
	if got["outcome"] != "applied" || got["receipt_holds"] != true {
		t.Errorf("the first claim: %v", got)
	}
	li.says("云曦热水器", "today")
	wang.types("online")
	wang.says("已被他人抢单", "unsent")
	wang.says("0 单", "pool")
	if s := wang.types("today"); strings.Contains(s, "云曦") {
		t.Errorf("the loser has the job:\n%s", s)
	}
}

func TestWorkDoneOnAJobThatWentToAnotherIsKept(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	id := o.ticket()
	o.assign(id, o.li)
	li, wang := o.enrol(o.li), o.enrol(o.wang)
	li.types("offline")
	li.types("accept", "1")
	li.types("travel")
	li.types("arrive")
	li.types("photo", "before", picture(t, 50))
	o.assign(id, o.wang)
	wang.types("sync")
	wang.says("云曦热水器", "today")
	li.types("online")
	all := li.json("unsent", "--keep")
	if n := len(all["actions"].([]any)); n != 0 {
		t.Errorf("%d actions have no verdict", n)
	}
	for _, a := range all["attention"].([]any) {
		if a := a.(map[string]any); a["receipt_holds"] != true {
			t.Errorf("no receipt: %v", a)
		}
	}
	if s := li.types("today"); strings.Contains(s, "云曦") {
		t.Errorf("the job is still shown:\n%s", s)
	}
	got, err := o.tickets.GetTicket(t.Context(), with(&officev1.GetTicketRequest{Id: id}, o.boss))
	must(t, err)
	if !got.Msg.GetChainIntact() {
		t.Error("the chain is broken")
	}
}

func TestTwoClerksScanOnePieceOffline(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	one, two := o.enrol(o.clerk), o.enrol(o.clerk)
	const box = "https://id.example/01/06901234567892/21/SN1"
	for _, h := range []*hand{one, two} {
		h.types("offline")
		h.says("云曦", "scan", box)
		h.types("open", box, "--name", "王女士", "--phone", "13800000001", "--address", "北京市朝阳区建国路 1 号")
	}
	one.types("online")
	two.types("online")
	one.types("sync")
	for _, h := range []*hand{one, two} {
		h.says("已有进行中的工单 T-", "scan", box)
	}
}

func TestThePromptAnswersAndGoesOnAfterMistakes(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	li := o.enrol(o.li)
	says, err := li.run("today\nnonsense\naccept 9\naccept 1\n\nnote 'two words' more\nhelp\nexit\nlogout\n")
	must(t, err)
	for _, want := range []string{"李师傅，您好", "今日", "多余的参数 nonsense", "不存在", "公司已收到", "签名有效", "今天的工单（按时间），然后是以后的。"} {
		if !strings.Contains(says, want) {
			t.Errorf("does not say %q:\n%s", want, says)
		}
	}
	li.says("two words more", "ticket", "1")
}
