package phone_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/server/phone"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// live starts `live` and returns what it says, line by line; end stops it.
func (h *hand) live() (lines *bufio.Scanner, end func() error) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := phone.Run(ctx, []string{"--dir", h.dir, "--lang", "zh", "live"}, phone.Console{
			In: strings.NewReader(""), Out: w, Err: w, Getenv: func(string) string { return "" }, Now: time.Now, Version: "test",
		})
		ended <- errors.Join(err, w.Close())
	}()
	return bufio.NewScanner(r), func() error {
		cancel()
		go func() { _, _ = io.Copy(io.Discard, r) }() // what it still says
		return <-ended
	}
}

// until reads lines until one contains each of the words.
func until(t *testing.T, lines *bufio.Scanner, words ...string) {
	t.Helper()
	for lines.Scan() {
		t.Log(lines.Text())
		for i := 0; i < len(words); i++ {
			if strings.Contains(lines.Text(), words[i]) {
				words = append(words[:i], words[i+1:]...)
				i--
			}
		}
		if len(words) == 0 {
			return
		}
	}
	t.Fatalf("ended without saying %q", words)
}

func TestLiveTellsWhatChangesAndLetsOthersWork(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	li := o.enrol(o.li)
	lines, end := li.live()
	until(t, lines, "已连接")
	id := o.ticket()
	o.assign(id, o.li)
	until(t, lines, "新工单 T-")
	// A second window reads and works meanwhile.
	li.says("云曦热水器", "today")
	if says := li.types("accept", "1"); !strings.Contains(says, "→ 已接单") || !strings.Contains(says, "公司已收到") {
		t.Errorf("the second window: %s", says)
	}
	o.assign(id, o.wang)
	until(t, lines, "已不归您")
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestADyingPhoneHandsItsWorkOver(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	dying := o.enrol(o.li)
	dying.types("offline")
	dying.types("accept", "1")
	dying.types("photo", "before", picture(t, 30))
	box := filepath.Join(t.TempDir(), "li.box")
	if _, err := dying.run("", "logout", "--hand-over", box, "--passphrase", "short"); offline.CodeOf(err) !=
		fault.BoxPassphrase {
		t.Error(err)
	}
	dying.says("已退出", "logout", "--hand-over", box, "--passphrase", "basement 3")
	if _, err := dying.run("", "status"); offline.CodeOf(err) != fault.NotEnrolled {
		t.Error(err)
	}
	fresh := o.enrol(o.li)
	if _, err := fresh.run("", "import", box, "--passphrase", "basement 4"); offline.CodeOf(err) != fault.BoxUnreadable {
		t.Error(err)
	}
	fresh.says("全部已送达公司", "import", box, "--passphrase", "basement 3")
	fresh.says("已接单", "today")
	fresh.says("已核验", "ticket", "1")
}
