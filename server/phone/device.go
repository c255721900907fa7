package phone

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/words"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type enrolCmd struct {
	Code   string `arg:"" help:"The one-time code from your office."`
	Server string `help:"Address of the office's server, for example http://localhost:8080." env:"DOORSTEP_SERVER" required:""`
}

func (c enrolCmd) Run(p *Phone) error {
	server := strings.TrimRight(c.Server, "/")
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	if err := p.setAside(); err != nil {
		return err
	}
	d, err := p.client.Enrol(p.ctx, server, c.Code)
	if code := offline.CodeOf(err); code == fault.NoNetwork || code == fault.Timeout {
		return fault.Wrap(err, fault.ServerUnreachable, "%s", server)
	}
	if err != nil {
		return err
	}
	p.say("✓ %s，这台手机现在是您的（%s）。", "✓ %s, this phone is yours now (%s).", d.UserName, d.OrgName)
	if err := p.sayAsides(); err != nil {
		return err
	}
	if err := p.learnMe(); err != nil && !waits(err) {
		return err
	}
	return syncCmd{}.Run(p)
}

// learnMe keeps what the office says of the caller, for a clerk's shop.
func (p *Phone) learnMe() error {
	me, err := call(p, accountv1connect.NewAccountServiceClient, accountv1connect.AccountServiceClient.GetMe,
		&accountv1.GetMeRequest{})
	if err != nil {
		return err
	}
	b, err := protojson.Marshal(me)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.dir, "me.json"), b, 0o600); err != nil {
		return fault.Wrap(err, fault.StoreUnusable, "%s", p.dir)
	}
	return nil
}

// myStore is the shop of a clerk, as known at enrolment.
func (p *Phone) myStore() []byte {
	for _, g := range p.me().GetUser().GetGrants() {
		if g.GetScope() == "store" && len(g.GetScopeId()) == 16 {
			return g.GetScopeId()
		}
	}
	return nil // not known; the caller asks for --store
}

// me is what the office said of this phone's owner at enrolment; nil when that is not known.
func (p *Phone) me() *accountv1.GetMeResponse {
	b, err := os.ReadFile(filepath.Join(p.dir, "me.json"))
	me := &accountv1.GetMeResponse{}
	if err != nil || protojson.Unmarshal(b, me) != nil {
		return nil
	}
	return me
}

// clerk tells whether the phone belongs to somebody who works in a shop and makes no visits.
func (p *Phone) clerk() bool {
	clerk := false
	for _, g := range p.me().GetUser().GetGrants() {
		switch g.GetRole() {
		case "technician":
			return false
		case "clerk":
			clerk = true
		}
	}
	return clerk
}

type syncCmd struct{}

func (syncCmd) Run(p *Phone) error {
	r, err := p.sync(roundPatience, p.client.Sync)
	if err != nil {
		return err
	}
	if err := p.learnZone(); err != nil {
		return err
	}
	if p.json {
		p.print(map[string]any{"pushed": r.Pushed, "changed": len(r.Changed), "uploaded": r.Uploaded, "repaired": r.Repaired})
		return nil
	}
	if r.Pushed > 0 {
		p.say(p.paint(green, "✓ 公司已收到 %s 项操作"), p.paint(green, "✓ %s safe at the office"),
			p.pick(fmt.Sprint(r.Pushed), words.Count(r.Pushed, "action")))
	}
	p.trouble(r)
	p.say("✓ 已同步，%s 处更新",
		"✓ in sync, %s changed", p.pick(fmt.Sprint(len(r.Changed)), words.Count(len(r.Changed), "thing")))
	return p.attention()
}

// attention lists what the office did not do, until somebody has seen it in unsent.
func (p *Phone) attention() error {
	found, err := p.store.Attention(p.ctx)
	if err == nil && len(found) > 0 {
		p.say(p.paint(yellow, "! %d 项需要处理，见 unsent"), p.paint(yellow, "! %d need your attention, see: unsent"), len(found))
	}
	return err
}

type statusCmd struct{}

func (statusCmd) Run(p *Phone) error {
	d, err := p.store.Device(p.ctx)
	if err != nil {
		return err
	}
	u, err := p.store.Unsent(p.ctx)
	if err != nil {
		return err
	}
	if p.json {
		p.print(map[string]any{
			"enrolled": d.Enrolled(), "device": d.ID, "user": d.User, "user_name": d.UserName, "org": d.Org,
			"org_name": d.OrgName,
			"server":   d.Server, "offline": d.Offline, "login_ended": d.Ended, "as_of": d.AsOf, "early": d.Early,
			"unsent": map[string]any{"actions": u.Mutations, "files": u.Files, "bytes": u.Bytes},
		})
		return nil
	}
	if !d.Enrolled() {
		return fault.New(fault.NotEnrolled, "")
	}
	p.line("%s · %s · %s", p.paint(bold, d.UserName), d.OrgName, d.Server)
	p.line(p.paint(dim, p.pick("设备 ", "device ")+d.ID.String()+" · "+p.dir))
	if d.Ended != "" {
		p.say(p.paint(red, "! 登录已结束：")+fault.Code(d.Ended).Sentence("zh"), p.paint(red, "! the login has ended: ")+
			fault.Code(d.Ended).Sentence("en"))
	}
	p.unsentLine(u)
	p.asOf(true)
	first, going, err := p.store.Progress(p.ctx)
	if err != nil {
		return err
	}
	if going {
		p.line("%s", p.firstDownload(first))
	}
	return p.attention()
}

// progress says how far the first download is, while it goes on.
func (p *Phone) progress(f offline.Progress) { p.note("%s", "%s", p.firstDownload(f)) }

func (p *Phone) firstDownload(f offline.Progress) string {
	return fmt.Sprintf(p.pick("首次下载：%d／%d 条，%d／%d KB", "first download: %d of %d entries, %d of %d KB"),
		f.Entries, f.OfEntries, (f.Bytes+1023)/1024, (f.OfBytes+1023)/1024)
}

func (p *Phone) unsentLine(u offline.Unsent) {
	if u.Empty() {
		p.say(p.paint(green, "全部已送达公司"), p.paint(green, "everything is with the office"))
		return
	}
	p.say(p.paint(yellow, "未送达：%s 项操作，%s 个文件（%d KB）"), p.paint(yellow, "unsent: %s, %s (%d KB)"),
		p.pick(fmt.Sprint(u.Mutations), words.Count(u.Mutations, "action")),
		p.pick(fmt.Sprint(u.Files), words.Count(u.Files, "file")), (u.Bytes+1023)/1024)
}

type unsentCmd struct {
	Ack  string `help:"Somebody has dealt with this failed action: its number, or all; the same as acknowledge." placeholder:"N"`
	Keep bool   `hidden:"" help:"What needs attention stays in any case."`
}

func (c unsentCmd) Run(p *Phone) error {
	if c.Ack != "" {
		return acknowledgeCmd{Number: c.Ack}.Run(p)
	}
	waiting, err := p.store.Waiting(p.ctx)
	if err != nil {
		return err
	}
	found, err := p.store.Attention(p.ctx)
	if err != nil {
		return err
	}
	files, err := p.store.Files(p.ctx)
	if err != nil {
		return err
	}
	if p.json {
		return p.unsentJSON(waiting, found, files)
	}
	u, err := p.store.Unsent(p.ctx)
	if err != nil {
		return err
	}
	words, err := p.tellAll(waiting)
	if err != nil {
		return err
	}
	failed, err := p.tellAll(found)
	if err != nil {
		return err
	}
	p.unsentLine(u)
	for i, a := range waiting {
		tried := ""
		if a.Tried {
			tried = p.pick("（已发，待回执）", " (sent, no answer yet)")
		}
		p.line("  #%d %s %s%s", a.Seq, a.DeviceTime.In(p.zone).Format("01-02 15:04:05"), words[i], tried)
	}
	for _, f := range files {
		switch f.State {
		case offline.FileWaiting:
			p.line("  %s %d/%d KB %s %s", p.pick("文件", "file"), f.Sent/1024, (f.Size+1023)/1024, p.fileOf(f), p.whyWaiting(f))
		case offline.FileHeld:
			p.line(p.paint(yellow, "  %s %s: %s"), p.pick("公司暂不接收的文件（可 let-go 放弃）",
				"file that the office does not take (let-go gives it up)"), f.ID, fault.Code(f.Code).Sentence(p.lang))
		}
	}
	for i, a := range found {
		p.line(p.paint(red, "! ")+"#%d %s %s", a.Seq, a.DeviceTime.In(p.zone).Format("01-02 15:04"), failed[i])
		p.verdict(a)
	}
	if len(found) > 0 {
		p.say("  处理完毕后：acknowledge 序号（或 all）", "  when you have dealt with one: acknowledge N (or all)")
	}
	if err := p.sayAsides(); err != nil {
		return err
	}
	if err := p.sayRetakes(); err != nil {
		return err
	}
	return p.decisions()
}

func (p *Phone) unsentJSON(waiting, attention []offline.Action, files []offline.File) error {
	out := map[string][]any{"actions": {}, "attention": {}, "files": {}}
	for name, list := range map[string][]offline.Action{"actions": waiting, "attention": attention} {
		words, err := p.tellAll(list)
		if err != nil {
			return err
		}
		for i, a := range list {
			one := p.actionJSON(a)
			one["job"], one["words"] = words[i].job, words[i].what
			out[name] = append(out[name], one)
		}
	}
	for _, f := range files {
		if f.State == offline.FileWaiting || f.State == offline.FileHeld {
			out["files"] = append(out["files"],
				map[string]any{"id": f.ID, "size": f.Size, "sent": f.Sent, "held": f.State == offline.FileHeld, "code": f.Code})
		}
	}
	again, err := p.retakes()
	if err != nil {
		return err
	}
	out["retake"] = []any{}
	for _, r := range again {
		out["retake"] = append(out["retake"],
			map[string]any{"ticket": r.job, "step": r.proof.GetStep(), "refusal": r.proof.GetRefusal()})
	}
	p.print(out)
	return nil
}

// fileOf says which photo a file is, in words.
func (p *Phone) fileOf(f offline.File) string {
	a, err := p.store.Action(p.ctx, f.Mutation)
	if err != nil {
		return f.ID.String()
	}
	words, err := p.tellAll([]offline.Action{a})
	if err != nil {
		return f.ID.String()
	}
	return words[0].String()
}

type offlineCmd struct{}

func (offlineCmd) Run(p *Phone) error {
	if err := p.store.SetOffline(p.ctx, true); err != nil {
		return err
	}
	p.say("已离线：照常工作，一切先存手机。", "Offline: work as usual, everything is saved on this phone.")
	return nil
}

type onlineCmd struct{}

func (onlineCmd) Run(p *Phone) error {
	if err := p.store.SetOffline(p.ctx, false); err != nil {
		return err
	}
	return syncCmd{}.Run(p)
}

type logoutCmd struct {
	HandOver   string `help:"Write what is unsent to this encrypted file first, then forget everything." placeholder:"FILE"`
	Passphrase string `help:"For --hand-over; at least 8 characters." env:"DOORSTEP_PASSPHRASE"`
}

func (c logoutCmd) Run(p *Phone) error {
	if c.HandOver == "" {
		if err := p.refuseLogout(); err != nil {
			return err
		}
	}
	var away func() error
	if c.HandOver != "" {
		// The box must hold the last word: nothing may be done between it and the wipe.
		box, err := p.export(c.HandOver, c.Passphrase)
		if err != nil {
			return err
		}
		away = p.leave()
		if err := p.store.HandOver(p.ctx, box); err != nil {
			return err
		}
	} else {
		away = p.leave()
		if err := p.store.Logout(p.ctx); err != nil {
			return err
		}
	}
	for _, name := range []string{fileListed, filePool, fileCurrent, fileAbout, "me.json"} {
		if err := os.Remove(filepath.Join(p.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fault.Wrap(err, fault.StoreUnusable, "%s", p.dir)
		}
	}
	p.say("已退出，本机数据已清除。", "Logged out; this phone holds nothing any more.")
	if away() != nil {
		p.say("  暂时连不上公司：设备清单中仍有这台手机，请公司移除",
			"  The office cannot be reached: its list still has this phone, and somebody there takes it out")
	}
	return nil
}

// whyWaiting says why a file is still here; of one that was not tried yet, that it waits.
func (p *Phone) whyWaiting(f offline.File) string {
	if f.Code == "" {
		return p.pick("等待发送", "waits to be sent")
	}
	return fault.Code(f.Code).Sentence(p.lang)
}

// refuseLogout refuses while something is unsent, or was refused by the office and nobody has dealt with it.
func (p *Phone) refuseLogout() error {
	u, err := p.store.Unsent(p.ctx)
	if err != nil {
		return err
	}
	if !u.Empty() {
		return fault.New(fault.UnsentWork, "%s",
			fault.Both(fmt.Sprintf("%d 项操作，%d 个文件", u.Mutations, u.Files), words.Count(u.Mutations, "action")+", "+
				words.Count(u.Files, "file")))
	}
	found, err := p.store.Attention(p.ctx)
	if err == nil && len(found) > 0 {
		err = fault.New(Unacknowledged, "%d", len(found))
	}
	return err
}

// leave remembers how to take this phone out of the office's list, for when it holds no login any more.
func (p *Phone) leave() (away func() error) {
	d, err := p.store.Device(p.ctx)
	if err != nil || !d.Enrolled() || d.Ended != "" {
		return func() error { return nil } // the office has ended it already
	}
	if d.Offline || p.noSync {
		return func() error { return fault.New(fault.PhoneOffline, "") }
	}
	_, err = call(p, accountv1connect.NewAccountServiceClient, accountv1connect.AccountServiceClient.RevokeDevice,
		&accountv1.RevokeDeviceRequest{DeviceId: d.ID[:]})
	if offline.CodeOf(err) == fault.DeviceRevoked {
		err = nil // an earlier try was cut off after this
	}
	return func() error { return err }
}

// setAside makes room for a new store when there is a damaged one.
func (p *Phone) setAside() error {
	if p.damage == nil {
		err := p.store.Check(p.ctx)
		if err == nil || offline.CodeOf(err) != fault.StoreDamaged {
			return err
		}
	}
	if err := p.close(); err != nil {
		return err
	}
	where, err := offline.SetAside(p.options())
	if err != nil {
		return err
	}
	p.say("本机数据已损坏，已另行保留在 %s", "The store of this phone is damaged; it is kept in %s", where)
	p.damage = nil
	return p.open()
}

// sayAsides says what became of the work in damaged stores.
func (p *Phone) sayAsides() error {
	found, err := offline.Asides(p.dir)
	for _, a := range found {
		if a.TakenOver {
			p.say("损坏的数据中读出 %s 项操作、%s 个文件，已接续处理（原数据保留在 %s）",
				"read from the damaged store and taken over: %s, %s (the store is kept in %s)",
				p.pick(fmt.Sprint(a.Actions), words.Count(a.Actions, "action")),
				p.pick(fmt.Sprint(a.Files), words.Count(a.Files, "file")), a.Dir)
		} else {
			p.say(p.paint(yellow, "! 损坏的数据保留在 %s，尚未接续处理；可用 export 导出"),
				p.paint(yellow, "! a damaged store is kept in %s and nobody has taken its work over; export writes it out"), a.Dir)
		}
	}
	return err
}

type exportCmd struct {
	File       string `arg:"" help:"File to write." type:"path"`
	Passphrase string `help:"At least 8 characters; whoever imports needs it." env:"DOORSTEP_PASSPHRASE" required:""`
}

func (c exportCmd) Run(p *Phone) error {
	_, err := p.export(c.File, c.Passphrase)
	return err
}

func (p *Phone) export(path, passphrase string) (offline.Box, error) {
	from, err := p.readable()
	if err != nil {
		return offline.Box{}, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return offline.Box{}, fault.New(FileThere, "%s", path)
	}
	if err != nil {
		return offline.Box{}, fault.Wrap(err, FileUnwritable, "%s", path)
	}
	var box offline.Box
	if from == "" {
		box, err = p.store.Export(p.ctx, f, passphrase)
	} else {
		box, err = offline.SalvageTo(p.ctx, from, p.Now(), f, passphrase)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return box, errors.Join(err, os.Remove(path))
	}
	p.say("✓ 已加密导出 %s 项操作、%s 个文件到 %s",
		"✓ %s and %s, encrypted, are in %s",
		p.pick(fmt.Sprint(len(box.Mutations)), words.Count(len(box.Mutations), "action")),
		p.pick(fmt.Sprint(len(box.Files)), words.Count(len(box.Files), "file")), path)
	return box, nil
}

// readable is the folder of a damaged store whose work is to be exported; empty when the phone's own is whole.
func (p *Phone) readable() (string, error) {
	if p.damage != nil {
		return p.dir, nil //nolint:nilerr // that is what is asked
	}
	err := p.store.Check(p.ctx)
	if offline.CodeOf(err) == fault.StoreDamaged {
		return p.dir, nil
	}
	if err != nil {
		return "", err
	}
	u, err := p.store.Unsent(p.ctx)
	if err != nil || !u.Empty() {
		return "", err
	}
	found, err := offline.Asides(p.dir)
	for _, a := range found {
		if !a.TakenOver {
			return a.Dir, nil
		}
	}
	return "", err
}

type importCmd struct {
	File       string `arg:"" help:"A file from export." type:"existingfile"`
	Passphrase string `help:"The one that it was exported with." env:"DOORSTEP_PASSPHRASE" required:""`
}

func (c importCmd) Run(p *Phone) error {
	f, err := os.Open(c.File)
	if err != nil {
		return fault.Wrap(err, fault.BoxUnreadable, "%s", c.File)
	}
	defer f.Close()
	box, err := p.store.Import(p.ctx, f, c.Passphrase)
	if err != nil {
		return err
	}
	p.say("✓ 已导入 %s 的 %s、%s（其中 %d 项本机已有）", "✓ now on this phone, from %s: %s, %s (there already: %d)", box.UserName,
		p.pick(fmt.Sprintf("%d 项操作", len(box.Mutations)), words.Count(len(box.Mutations), "action")),
		p.pick(fmt.Sprintf("%d 个文件", len(box.Files)), words.Count(len(box.Files), "file")), box.Known)
	if _, err := p.reach(p.client.Sync); err != nil && !waits(err) {
		return err
	}
	return statusCmd{}.Run(p)
}

type letGoCmd struct {
	File string `arg:"" help:"Id of the file, from unsent."`
}

func (c letGoCmd) Run(p *Phone) error {
	id, err := uuid.Parse(c.File)
	if err != nil {
		return fault.New(fault.InvalidArgument, "%s", c.File)
	}
	return p.store.LetGo(p.ctx, id)
}
