package phone

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/words"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// patience is for how long an action waits without anything moving before it leaves the rest to later.
const patience = 15 * time.Second

// usualPause is how long an action waits for the office's answer before it says that it is saved.
const usualPause = time.Second

// act saves a mutation, tries at once to bring it to the office, and says how it stands. done, if not nil, says what is
// now so on this phone; it is called once that is saved and not refused. What is refused says nothing else.
func act[T any, M offline.Message[T]](
	p *Phone, mutator offline.Mutator[T, M], args M, done func(), files ...offline.Kept,
) error {
	m, err := mutator.Do(p.ctx, p.store, args, files...)
	if err != nil {
		return err
	}
	settled := p.sayLater("✓ 已存手机", "✓ saved on this phone")
	report, err := p.reach(func(ctx context.Context) (offline.Report, error) { return p.client.Deliver(ctx, m.ID) })
	a, found := p.store.Action(p.ctx, m.ID)
	refused := found == nil && a.NeedsAttention()
	if !refused && done != nil {
		done()
	}
	settled(a.Verdict.GetOutcome() != syncv1.Outcome_OUTCOME_REJECTED)
	if err != nil && !waits(err) {
		return err
	}
	if found != nil {
		// A revoked phone has handed in and wiped it.
		return errors.Join(err, found)
	}
	p.verdict(a)
	switch {
	case err == nil || offline.CodeOf(err) == fault.PhoneOffline:
	case offline.CodeOf(err) == fault.StoreLocked:
		p.say("  本机另一窗口正在发送，稍后会一并送达", "  another window of this phone is sending; this goes out with it")
	default:
		p.say("  "+offline.Sentence(err, "zh"), "  "+offline.Sentence(err, "en"))
	}
	p.trouble(report)
	if p.json {
		p.print(p.actionJSON(a))
	}
	return nil
}

// sayLater says something after a pause, or when settled calls for it, whatever is first.
func (p *Phone) sayLater(zh, en string) (settled func(say bool)) {
	pause := p.Pause
	if pause == 0 {
		pause = usualPause
	}
	var once sync.Once
	say := func() { once.Do(func() { p.say(zh, en) }) }
	timer := time.AfterFunc(pause, say)
	return func(wanted bool) {
		timer.Stop()
		if wanted {
			say()
		}
		once.Do(func() {}) // waits for one that is speaking, and silences one that would
	}
}

// reach does a round, if the person did not say otherwise.
func (p *Phone) reach(round func(context.Context) (offline.Report, error)) (offline.Report, error) {
	if p.noSync {
		return offline.Report{}, fault.New(fault.PhoneOffline, "--no-sync")
	}
	return p.sync(patience, round)
}

// waits tells whether an error only means: later, by itself.
func waits(err error) bool {
	switch offline.CodeOf(err) {
	case fault.PhoneOffline, fault.NoNetwork, fault.StoreLocked, fault.RefreshInvalid, fault.Unavailable, fault.Overloaded,
		fault.RateLimited, fault.Internal, fault.Timeout:
		return true
	}
	return false
}

// verdict says what became of an action.
func (p *Phone) verdict(a offline.Action) {
	v := a.Verdict
	switch v.GetOutcome() {
	case syncv1.Outcome_OUTCOME_UNSPECIFIED:
		return
	case syncv1.Outcome_OUTCOME_APPLIED:
		p.say(p.paint(green, "✓ 公司已收到"), p.paint(green, "✓ safe at the office"))
	case syncv1.Outcome_OUTCOME_MERGED:
		p.say(p.paint(yellow, "✓ 公司已收到，有改动："), p.paint(yellow, "✓ safe at the office, with a change:"))
		for _, c := range v.GetChanges() {
			p.line("    %s: %s → %s", c.GetField(), c.GetYours(), c.GetKept())
		}
	case syncv1.Outcome_OUTCOME_REJECTED:
		p.say(p.paint(red, "✗ 未执行：")+v.GetChinese(), p.paint(red, "✗ not done: ")+v.GetEnglish())
	case syncv1.Outcome_OUTCOME_PARKED:
		p.say(p.paint(yellow, "… 待公司处理：")+v.GetChinese(), p.paint(yellow, "… waits for a person: ")+v.GetEnglish())
	}
	p.say("  %s", "  %s", p.paint(dim, p.receipt(a)))
}

// receipt is one line about the office's signature.
func (p *Phone) receipt(a offline.Action) string {
	head := fmt.Sprintf("%s %s · %s · #%d", p.pick("回执", "receipt"), short(a.Verdict.GetReceipt()),
		p.clock(a.Verdict.GetServerTime()), a.Seq)
	switch p.check(a) {
	case offline.ReceiptGood:
		return head + p.pick(" · 签名有效", " · signature holds")
	case offline.ReceiptBad:
		return head + p.pick(" · 签名无效，请告知公司！", " · SIGNATURE DOES NOT HOLD, tell the office!")
	default:
		return head + p.pick(" · 尚无公司公钥，未核验", " · not checked, the office's key is not here yet")
	}
}

// check checks an action's receipt; what cannot be read counts as not checked.
func (p *Phone) check(a offline.Action) offline.Receipt {
	result := offline.ReceiptUnknownKey
	d, err := p.store.Device(p.ctx)
	if err == nil {
		err = p.store.Read(p.ctx, func(v *offline.View) error {
			result = v.CheckReceipt(d.Org, a)
			return nil
		})
	}
	if err != nil {
		return offline.ReceiptUnknownKey
	}
	return result
}

func short(b []byte) string { return hex.EncodeToString(b[:min(len(b), 6)]) }

// trouble says what happened to files in a round.
func (p *Phone) trouble(r offline.Report) {
	if r.Uploaded > 0 {
		p.say(p.paint(green, "✓ 公司已收到 %s并核验"), p.paint(green, "✓ %s at the office, verified"),
			p.pick(fmt.Sprintf("%d 个文件", r.Uploaded), words.Count(r.Uploaded, "file")))
	}
	if len(r.Refused) > 0 {
		p.say(p.paint(red, "✗ %s不合格，请重拍，见 unsent"), p.paint(red, "✗ %s not acceptable, to be taken again: see unsent"),
			p.pick(fmt.Sprintf("%d 张照片", len(r.Refused)), words.Count(len(r.Refused), "photo")))
	}
	if r.Verifying > 0 {
		p.say("照片已送达，公司仍在核验，结果稍后自动显示", "the photo has arrived; the office is still verifying it, the result comes by itself")
	}
	if r.Trouble != nil {
		p.say("  文件仍在手机上："+offline.Sentence(r.Trouble, "zh"), "  a file is still on this phone: "+
			offline.Sentence(r.Trouble, "en"))
	}
}

// actionJSON is an action for scripts.
func (p *Phone) actionJSON(a offline.Action) map[string]any {
	out := map[string]any{
		"id": a.ID, "sequence": a.Seq, "kind": a.Kind, "device_time": a.DeviceTime, "saved": true, "outcome": "unsent",
	}
	if v := a.Verdict; v != nil {
		out["outcome"] = strings.ToLower(strings.TrimPrefix(v.GetOutcome().String(), "OUTCOME_"))
		out["server_time"] = v.GetServerTime().AsTime()
		out["receipt"] = hex.EncodeToString(v.GetReceipt())
		out["receipt_holds"] = p.check(a) == offline.ReceiptGood
		if v.GetCode() != "" {
			out["code"], out["english"], out["chinese"] = v.GetCode(), v.GetEnglish(), v.GetChinese()
		}
		for _, c := range v.GetChanges() {
			out["changed:"+c.GetField()] = c.GetKept()
		}
	}
	return out
}

// fetchPatience is how long a list waits for the office before it shows what the phone holds.
const fetchPatience = 3 * time.Second

// fetch brings what is new before a list is shown. fetched is false when the office was not reached in time; lists say
// then as of when they are.
func (p *Phone) fetch() (fetched bool, err error) {
	d, err := p.store.Device(p.ctx)
	if err == nil && !d.Enrolled() {
		err = fault.New(fault.NotEnrolled, "")
	}
	if err != nil || d.Offline || d.Ended != "" || p.noSync {
		return false, err
	}
	ctx, cancel := context.WithTimeout(p.ctx, fetchPatience)
	defer cancel()
	_, err = p.client.Sync(ctx)
	if ctx.Err() != nil && p.ctx.Err() == nil {
		return false, nil // also half a round has brought what was there
	}
	if err != nil && !waits(err) {
		return false, err
	}
	return err == nil, p.learnZone()
}

// asOf says how old what shows is, when nobody keeps it fresh.
func (p *Phone) asOf(fetched bool) {
	d, err := p.store.Device(p.ctx)
	if err != nil || d.AsOf.IsZero() {
		p.say(p.paint(dim, "还没有同步过"), p.paint(dim, "never synced yet"))
		return
	}
	age := p.Now().Sub(d.AsOf)
	if d.Offline || !fetched || age > time.Minute {
		state := ""
		if d.Offline {
			state = p.pick("离线 · ", "offline · ")
		}
		p.line(p.paint(yellow, state+p.pick("数据截至 ", "as of ")+d.AsOf.In(p.zone).Format("01-02 15:04:05")))
	}
}

func uuidOf(b []byte) uuid.UUID {
	id, err := uuid.FromBytes(b)
	if err != nil {
		return uuid.Nil
	}
	return id
}
