package offline_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// TestMain lets the test binary be the phone that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("OFFLINE_TEST_PHONE"); dir != "" {
		fmt.Fprintln(os.Stderr, victim(context.Background(), dir, os.Getenv("OFFLINE_TEST_ITEM")))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// victim adds and syncs for ever and says "saved" after each that is safe.
func victim(ctx context.Context, dir, item string) error {
	s, err := offline.Open(ctx, offline.Options{Dir: dir, Now: time.Now, Effects: map[string]offline.Effect{"add": add}})
	if err != nil {
		return err
	}
	c := offline.Client{Store: s, HTTP: &http.Client{Transport: newFaulty(uint64(os.Getpid()), 0.2)}, PageBytes: 300}
	args := synctest.Args{Item: uuid.MustParse(item)}
	go func() {
		for {
			_, _ = c.Sync(ctx) // fails as the network likes
		}
	}()
	for {
		if _, err := s.Do(ctx, "add", args.Encode()); err != nil {
			return err
		}
		fmt.Println("saved")
	}
}

func TestAKilledPhoneLosesNothingThatWasSaved(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 3)
	p := o.phone(t, user, nil)
	dir := p.Store.Dir
	if err := p.Store.Close(); err != nil {
		t.Fatal(err)
	}
	saved := 0
	for life := range 6 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "OFFLINE_TEST_PHONE="+dir, "OFFLINE_TEST_ITEM="+items[0].String())
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var says strings.Builder
		cmd.Stderr = &says
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			saved++
			if n == 3+7*life { // in the middle of whatever it does
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || says.Len() > 0 {
			t.Fatal(err, says.String())
		}
	}
	p = o.open(t, dir, nil)
	// Before any network: what was saved shows. One more may have been saved than was said in each life.
	shown := 0
	all, err := p.Store.Actions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(all); n < saved || n > saved+6 {
		t.Errorf("said %d times saved, found %d", saved, n)
	}
	p.sync()
	err = p.Store.Read(t.Context(), func(v *offline.View) error {
		body, _ := v.Get(offline.Entity{Kind: itemKind, ID: items[0]})
		var i synctest.Item
		defer func() { shown = i.Count }()
		return json.Unmarshal(body, &i)
	})
	if err != nil || shown != len(all) || o.count(t, items[0]) != len(all) {
		t.Errorf("saved %d, shown %d, office %d (%v)", len(all), shown, o.count(t, items[0]), err)
	}
}
