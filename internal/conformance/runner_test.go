package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/conformance/harness"
	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/sync/conformance"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// phone is what a client must offer to be tested. Codes are those of docs/ERRORS.md, empty when all went well.
type phone interface {
	enrol(url, code string) string
	// act writes a mutation down; it is safe when this returns.
	act(kind string, args []byte)
	// sync does one round: pushes, and pulls to a checkpoint.
	sync() string
	offline(on bool)
	restart()
	// clock sets how far the phone's clock is ahead.
	clock(ahead time.Duration)
	logout() string
	// live keeps it in sync until the test ends.
	live()
	// shows is every item with its count; early tells that it is the early part only.
	shows() (items map[uuid.UUID]int, early bool)
	unsent() int
	// verdicts are those of what it still holds, oldest first, after their receipts were checked.
	verdicts() []string

	// attach keeps a photo and makes the mutation of it; both are safe when this returns.
	attach(item uuid.UUID, photo []byte)
	files() []string
	// open opens what close has closed, or what another process has open: then it shares that, or is store_locked.
	open() string
	close()
	// upgrade goes on with the next version of the app, which knows labels.
	upgrade()
	labels() map[uuid.UUID]string
	// reword says the oldest mutation without a verdict by another kind.
	reword(kind string) string
	export() []byte
	take(box []byte) string
}

// serve starts a harness for one test.
func serve(t *testing.T) (url string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	store := s3test.New(t)
	owner := pgtest.Empty(t)
	h, err := harness.New(ctx, owner, pgtest.ServerURL(owner), app.Objects{
		Endpoint: store.Endpoint, Region: store.Region, AccessKey: store.AccessKey, SecretKey: store.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(func() { server.Close(); h.Close(ctx) })
	return server.URL
}

// TestScenarios plays every scenario with every client.
func TestScenarios(t *testing.T) {
	t.Parallel()
	url := serve(t)
	scenarios, err := conformance.Scenarios()
	if err != nil || len(scenarios) < 20 {
		t.Fatal(len(scenarios), err)
	}
	clients := map[string]struct {
		can  []string
		make func(t *testing.T, w harness.Welcome, p conformance.Phone, beside phone) phone
	}{
		"golang": {[]string{
			"overlay", "restart", "live", "early", "files", "beside", "upgrade", "reword", "box", "word",
			"binary",
		}, newGolang},
		"stranger": {[]string{"overlay", "files", "upgrade", "reword"}, newStranger},
	}
	for client, c := range clients {
		for _, s := range scenarios {
			if slices.ContainsFunc(s.Needs, func(need string) bool { return !slices.Contains(c.can, need) }) {
				continue
			}
			t.Run(client+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				r := &runner{
					t: t, harness: url, plan: s.Phones, phones: map[string]phone{}, without: map[string]bool{},
					boxes: map[string][]byte{},
				}
				r.welcome = r.open(s.Setup)
				for _, beside := range []bool{false, true} { // first those that others are beside of
					for name, p := range s.Phones {
						if (p.Beside != "") == beside {
							r.phones[name] = c.make(t, r.welcome, p, r.phones[p.Beside])
							r.without[name] = beside
						}
					}
				}
				for n, step := range s.Steps {
					if err := r.step(step); err != nil {
						t.Fatalf("%s\nstep %d %s\n%v", s.Says, n+1, step.Raw, err)
					}
				}
			})
		}
	}
}

// runner plays one scenario.
type runner struct {
	t       *testing.T
	harness string
	welcome harness.Welcome
	plan    map[string]conformance.Phone
	phones  map[string]phone
	// without says which phones have no store open: not yet, closed, or locked out by the one they are beside of.
	without map[string]bool
	boxes   map[string][]byte
}

// post gives the harness an order.
func (r *runner) post(path string, body []byte, out any) error {
	res, err := http.Post(r.harness+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the harness says: %s", bytes.TrimSpace(got))
	}
	return json.Unmarshal(got, out)
}

func (r *runner) open(setup []byte) (w harness.Welcome) {
	r.t.Helper()
	if err := r.post("/worlds", setup, &w); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodDelete, r.harness+"/worlds/"+w.ID, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
		}
	})
	return w
}

// photo asks the harness for a photo of the step's size; its text would be the bytes.
func (r *runner) photo(s conformance.Step) ([]byte, error) {
	if s.Text != nil {
		return []byte(*s.Text), nil
	}
	res, err := http.Get(fmt.Sprintf("%s/photos/%d", r.harness, s.Bytes))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || len(b) != s.Bytes) {
		err = fmt.Errorf("no photo: %s", res.Status)
	}
	return b, err
}

func (r *runner) step(s conformance.Step) error {
	if s.Phone == "" {
		var done harness.Done
		return r.post("/worlds/"+r.welcome.ID, s.Raw, &done)
	}
	if s.Do == "open" || s.Do == "close" {
		return r.opened(s)
	}
	p := r.phones[s.Phone]
	if r.without[s.Phone] {
		if p = r.phones[r.plan[s.Phone].Beside]; p == nil {
			return fmt.Errorf("%s is closed", s.Phone)
		}
	}
	if s.Do == "await" {
		return r.await(p, s)
	}
	if s.Do != "" {
		code, err := r.do(p, s)
		if err == nil && code != s.Fails {
			err = fmt.Errorf("ended with %q, want %q", code, s.Fails)
		}
		if err != nil {
			return err
		}
	}
	return r.look(p, s)
}

// opened opens or closes a process or tab. One that is turned away by another that has the store leaves its steps to
// that.
func (r *runner) opened(s conformance.Step) error {
	p, beside := r.phones[s.Phone], r.plan[s.Phone].Beside
	if s.Do == "close" {
		if !r.without[s.Phone] {
			p.close()
		}
		r.without[s.Phone] = true
		return nil
	}
	if !r.without[s.Phone] {
		return nil // it shares already
	}
	code := p.open()
	r.without[s.Phone] = code != ""
	if code == "" || code == "store_locked" && beside != "" && !r.without[beside] {
		return nil
	}
	return fmt.Errorf("opening ended with %q", code)
}

func (r *runner) do(p phone, s conformance.Step) (code string, err error) {
	switch s.Do {
	case "enrol":
		var done harness.Done
		order, err := json.Marshal(map[string]string{"office": "code", "user": s.User})
		if err != nil {
			return "", err
		}
		if err := r.post("/worlds/"+r.welcome.ID, order, &done); err != nil {
			return "", err
		}
		return p.enrol(r.welcome.URL, done.Code), nil
	case "act":
		args := synctest.Args{
			Item: r.welcome.Items[s.Item], Other: r.welcome.Items[s.Other],
			Holder: r.welcome.Users[s.Holder],
		}.Encode()
		if s.Text != nil {
			args = []byte(*s.Text)
		}
		p.act(s.Kind, args)
	case "attach":
		photo, err := r.photo(s)
		if err != nil {
			return "", err
		}
		p.attach(r.welcome.Items[s.Item], photo)
	case "upgrade":
		p.upgrade()
	case "reword":
		return p.reword(s.Kind), nil
	case "export":
		r.boxes[s.Phone] = p.export()
	case "import":
		return p.take(r.boxes[s.From]), nil
	case "sync":
		return p.sync(), nil
	case "sync_until_done":
		for range 20 {
			if code = p.sync(); code == "" {
				break
			}
		}
		return code, nil
	case "offline", "online":
		p.offline(s.Do == "offline")
	case "restart":
		p.restart()
	case "logout":
		return p.logout(), nil
	case "live":
		p.live()
	case "clock":
		ahead, err := time.ParseDuration(s.Ahead)
		if err != nil {
			return "", err
		}
		p.clock(ahead)
	default:
		return "", fmt.Errorf("no phone does %q", s.Do)
	}
	return "", nil
}

// await looks until it sees what it should.
func (r *runner) await(p phone, s conformance.Step) error {
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := r.look(p, s)
		if err == nil {
			return nil
		}
		select {
		case <-patience.C:
			return err
		case <-again.C:
		}
	}
}

func (r *runner) look(p phone, s conformance.Step) error {
	if s.Shows != nil || s.Shown != nil || s.Early != nil {
		got, early := p.shows()
		if s.Shown != nil && len(got) != *s.Shown {
			return fmt.Errorf("shows %d items, want %d", len(got), *s.Shown)
		}
		if s.Early != nil && early != *s.Early {
			return fmt.Errorf("shows the early part only: %v", early)
		}
		want := map[uuid.UUID]int{}
		for name, n := range s.Shows {
			want[r.welcome.Items[name]] = n
		}
		if s.Shows != nil && !maps.Equal(got, want) {
			return fmt.Errorf("shows %s", r.named(got))
		}
	}
	if s.Files != nil {
		if got := p.files(); !slices.Equal(got, s.Files) {
			return fmt.Errorf("files %q", got)
		}
	}
	if s.Labels != nil {
		want := map[uuid.UUID]string{}
		for name, text := range s.Labels {
			want[r.welcome.Items[name]] = text
		}
		if got := p.labels(); !maps.Equal(got, want) {
			return fmt.Errorf("labels %v", got)
		}
	}
	if s.Unsent != nil {
		if n := p.unsent(); n != *s.Unsent {
			return fmt.Errorf("%d unsent", n)
		}
	}
	if s.Verdicts != nil {
		if got := p.verdicts(); !slices.Equal(got, s.Verdicts) {
			return fmt.Errorf("verdicts %q", got)
		}
	}
	return nil
}

func (r *runner) named(items map[uuid.UUID]int) string {
	var out []string
	for id, n := range items {
		name := id.String()
		for k, v := range r.welcome.Items {
			if v == id {
				name = k
			}
		}
		out = append(out, fmt.Sprintf("%s: %d", name, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestAStrangerIsRefusedPlainly(t *testing.T) {
	t.Parallel()
	r := &runner{t: t, harness: serve(t)}
	r.welcome = r.open([]byte(`{"users": ["li"], "items": ["x"]}`))
	s := newStranger(t, r.welcome, conformance.Phone{}, nil).(*stranger)
	s.url = r.welcome.URL
	pull := func(cursor string) string {
		return s.call("sync.v1.SyncService/Pull", map[string]any{"cursor": cursor}, nil)
	}
	if code := pull(""); code != "unauthenticated" {
		t.Errorf("without a token: %q", code)
	}
	if code := s.enrol(r.welcome.URL, "AAAA-AAAA-A"); code != "enrolment_invalid" {
		t.Errorf("a made up code: %q", code)
	}
	if code, err := r.do(s, conformance.Step{Do: "enrol", User: "li"}); code != "" || err != nil {
		t.Fatal(code, err)
	}
	for _, forged := range []string{"AAAA", base64.StdEncoding.EncodeToString(make([]byte, 80))} {
		if code := pull(forged); code != "cursor_malformed" {
			t.Errorf("a forged cursor: %q", code)
		}
	}
	s.act("add", []byte("{}"))
	if code := s.sync(); code != "" {
		t.Error(code)
	}
	s.act("add", []byte("{}"))
	s.act("add", []byte("{}"))
	s.work = append(s.work[:1], s.work[2]) // and forgets one that it never sent
	if code := s.push(); code != "sequence_gap" {
		t.Errorf("a gap: %q", code)
	}
	s.work[1].seq, s.work[1].id = 2, uuid.Nil
	if code := s.push(); code != "invalid_argument" {
		t.Errorf("an id of zeros: %q", code)
	}
}
