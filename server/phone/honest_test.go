package phone_test

import (
	"bytes"
	"database/sql"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/phone"
)

// refuseToSave makes every save on a phone fail, or work again.
func (h *hand) refuseToSave(refuse bool) {
	h.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.dir, "store.db")+"?_pragma=busy_timeout(10000)")
	must(h.t, err)
	defer db.Close()
	for _, on := range []string{
		"INSERT ON outbox", "UPDATE ON meta", "INSERT ON meta", "DELETE ON meta",
		"UPDATE ON outbox", "DELETE ON file", "INSERT ON entry",
	} {
		name := strings.ReplaceAll(on, " ", "_")
		statement := `DROP TRIGGER IF EXISTS ` + name
		if refuse {
			statement = `CREATE TRIGGER ` + name + ` BEFORE ` + on + ` BEGIN SELECT RAISE(ABORT, 'nothing can be saved'); END`
		}
		_, err := db.ExecContext(h.t.Context(), statement)
		must(h.t, err)
	}
}

// done are the words by which a command says that something is so now.
var done = regexp.MustCompile(`✓|→|已存手机|已收到|已送达|现在是`)

// saving are the commands that save something, as a day would type them; the rest of the list only reads, or is looked
// at below.
func TestNoCommandSaysThatItIsDoneBeforeItIsSaved(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	one, two, pooled := o.ticket(), o.ticket(), o.ticket()
	o.assign(one, o.li)
	_, err := o.tickets.PoolTicket(t.Context(),
		with(&officev1.PoolTicketRequest{Id: pooled, TeamId: o.team.ID[:]}, o.boss))
	must(t, err)
	li, clerk := o.enrol(o.li), o.enrol(o.clerk)
	li.types("today")
	o.assign(two, o.li)
	li.types("sync")
	li.types("today")
	photo := picture(t, 20)
	type line struct {
		who  *hand
		args []string
	}
	walk := []line{
		{li, []string{"offline"}},
		{li, []string{"decline", "2", "too_far"}},
		{li, []string{"accept", "1"}},
		{li, []string{"travel"}},
		{li, []string{"arrive"}},
		{li, []string{"pause"}},
		{li, []string{"resume"}},
		{li, []string{"answer", "pressure", "0.4"}},
		{li, []string{"answer", "sealed", "yes"}},
		{li, []string{"photo", "before", photo}},
		{li, []string{"photo", "after", photo}},
		{li, []string{"part", "hose"}},
		{li, []string{"surcharge", "high"}},
		{li, []string{"note", "words"}},
		{li, []string{"sign", "王女士"}},
		{li, []string{"complete"}},
		{li, []string{"claim", "1"}},
		{li, []string{"online"}},
		{li, []string{"travel"}},
		{li, []string{"arrive"}},
		{li, []string{"cannot", "customer_absent"}},
		{clerk, []string{
			"open", "https://id.example/01/06901234567892/21/SN1", "--name", "王女士",
			"--phone", "13800000001", "--address", "北京市朝阳区建国路 1 号",
		}},
		{clerk, []string{"logout"}},
	}
	walked := []string{}
	for _, l := range walk {
		if l.args[0] == "claim" {
			l.who.types("pool")
		}
		l.who.refuseToSave(true)
		var says, notes bytes.Buffer
		err := l.who.apart(&says, &notes, "", l.args...)
		if err == nil || says.Len() > 0 || done.MatchString(notes.String()) {
			t.Errorf("%v: nothing could be saved, and it says (error %v):\n%s%s", l.args, err, &says, &notes)
		}
		l.who.refuseToSave(false)
		l.who.types(l.args...)
		walked = append(walked, l.args[0])
	}
	reads := []string{
		"shell", "status", "unsent", "today", "ticket", "pool", "scan", "earnings", "rank", "live", "export",
		// These are looked at in tests of their own: enrol, sync and import cannot be failed by a trigger alone, the others
		// act on failures.
		"enrol", "sync", "import", "let-go", "acknowledge",
	}
	help, err := li.run("", "--help")
	must(t, err)
	for _, found := range regexp.MustCompile(`(?m)^  ([a-z-]+)(?: .*)?$`).FindAllStringSubmatch(help, -1) {
		if name := found[1]; !slices.Contains(walked, name) && !slices.Contains(reads, name) &&
			!strings.HasPrefix(name, "-") {
			t.Errorf("%s: say whether it saves something, and walk it if so", name)
		}
	}
}

func TestWhatTheOfficeRefusesPrintsOnlyTheRefusal(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	id := o.ticket()
	o.assign(id, o.li)
	li := o.enrol(o.li)
	li.types("accept", "1")
	li.types("travel")
	li.types("arrive")
	says := li.types("complete", "--force")
	if strings.Contains(says, "→ 已完成") || strings.Contains(says, "✓") || !strings.Contains(says, "未执行") {
		t.Errorf("says:\n%s", says)
	}
	for range 2 { // looking does not deal with it
		if all, err := li.run("", "unsent"); err != nil || !strings.Contains(all, "未执行") ||
			!strings.Contains(all, "王女士  完工") {
			t.Errorf("%v\n%s", err, all)
		}
		if n := len(li.json("unsent")["attention"].([]any)); n != 1 {
			t.Errorf("%d failures", n)
		}
	}
	if _, err := li.run("", "logout"); offline.CodeOf(err) != phone.Unacknowledged {
		t.Errorf("logout beside a failure: %v", err)
	}
	li.says("完工", "unsent", "--ack", "4")
	if n := len(li.json("unsent")["attention"].([]any)); n != 0 {
		t.Errorf("%d failures after they were dealt with", n)
	}
	li.types("logout")
}
