package main

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/doorstep-dev/doorstep/internal/conformance/harness"
	"github.com/doorstep-dev/doorstep/sync/conformance"
)

// stranger is a client that knows docs/PROTOCOL.md and nothing of this project: plain HTTP, JSON, arithmetic. It has no
// disk. The sections that it follows are named.
type stranger struct {
	t         *testing.T
	http      *http.Client
	pageBytes uint32
	ahead     time.Duration
	switched  bool // offline, by its owner

	url, access, refresh string
	org, device          string
	ended                string

	cursor       string
	held, staged map[string]map[string]strangerEntry // by feed, by kind and id
	repair       []string
	work         []*strangerWork
	kept         []*strangerFile
	last         uint64 // number
}

// strangerExpected is the field of a Problem that says from where to send.
const strangerExpected = 5

type strangerEntry struct {
	Kind     uint32
	ID       string
	Sequence string
	Removed  bool
	Body     string
}

type strangerPage struct {
	Feeds []struct {
		Feed    string
		Reset   bool
		Entries []strangerEntry
	}
	DroppedFeeds []string
	Cursor       string
	Checkpoint   *struct {
		Feeds []struct{ Feed, Sequence, Digest, Count string }
	}
	LastSequence string
}

type strangerVerdict struct {
	Sequence, ID, Outcome, Code, English, Chinese, ServerTime, Receipt, Key string
}

// strangerWork is a mutation with the verdict that it got first, and under whose name.
type strangerWork struct {
	seq     uint64
	id      uuid.UUID
	kind    string
	args    []byte
	at      time.Time
	verdict *strangerVerdict
	device  string
	// judged is the device that the verdict was given to.
	judged string
	// known: the server has it for sure. (Section 4.7.)
	known bool
	// covered: what is held has the effect. (Section 8.3.)
	covered bool
	// tooOld: the last that the server said of it is client_too_old. (Section 4.9.)
	tooOld bool
}

func newStranger(t *testing.T, _ harness.Welcome, p conformance.Phone, _ phone) phone {
	t.Helper()
	return &stranger{
		t: t, pageBytes: p.PageBytes, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		held: map[string]map[string]strangerEntry{}, staged: map[string]map[string]strangerEntry{},
	}
}

// call posts JSON and decodes the answer; it returns the error's code, if any. (Section 2.)
func (s *stranger) call(method string, in map[string]any, out any) (code string) {
	code, _ = s.try(method, in, out)
	return code
}

func (s *stranger) try(method string, in map[string]any, out any) (code string, expected uint64) {
	s.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/doorstep."+method,
		bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.access != "" {
		req.Header.Set("Authorization", "Bearer "+s.access)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return "no_network", 0
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return "no_network", 0
	}
	if res.StatusCode != http.StatusOK {
		return s.problem(method, got)
	}
	if err := json.Unmarshal(got, out); err != nil {
		s.t.Fatalf("%s: %v: %s", method, err, got)
	}
	return "", 0
}

// problem reads the detail of an error: field 1 is the code, expected_sequence is a number among the others.
func (s *stranger) problem(method string, got []byte) (code string, expected uint64) {
	s.t.Helper()
	var e struct {
		Details []struct{ Type, Value string }
	}
	if err := json.Unmarshal(got, &e); err != nil || len(e.Details) == 0 {
		s.t.Fatalf("%s: %s", method, got)
	}
	raw, err := base64.RawStdEncoding.DecodeString(e.Details[0].Value)
	if err != nil {
		s.t.Fatal(err)
	}
	for len(raw) > 0 {
		num, typ, n := protowire.ConsumeTag(raw)
		raw = raw[n:]
		switch {
		case num == 1 && typ == protowire.BytesType:
			code, _ = protowire.ConsumeString(raw)
		case num == strangerExpected && typ == protowire.VarintType:
			expected, _ = protowire.ConsumeVarint(raw)
		}
		raw = raw[protowire.ConsumeFieldValue(num, typ, raw):]
	}
	return code, expected
}

// authorized is a call that renews the token when it has expired: that says nothing about the call. (Section 2.)
func (s *stranger) authorized(method string, in map[string]any, out any) (code string, expected uint64) {
	if code, expected = s.try(method, in, out); code != "token_expired" {
		return code, expected
	}
	var renewed struct {
		Tokens struct{ Access, Refresh string }
	}
	if code := s.call("account.v1.AuthService/RefreshToken", map[string]any{"refresh": s.refresh}, &renewed); code != "" {
		if code == "refresh_invalid" {
			s.ended = code
		}
		return code, 0
	}
	s.access, s.refresh = renewed.Tokens.Access, renewed.Tokens.Refresh
	return s.try(method, in, out)
}

func (s *stranger) enrol(url, enrolment string) string {
	s.t.Helper()
	s.url, s.access = url, ""
	var enrolled struct {
		OrgID, DeviceID string
		Tokens          struct{ Access, Refresh string }
	}
	if code := s.call("account.v1.AuthService/EnrolDevice", map[string]any{"code": enrolment}, &enrolled); code != "" {
		return code
	}
	s.access, s.refresh, s.ended = enrolled.Tokens.Access, enrolled.Tokens.Refresh, ""
	s.org, s.device = s.uuidOf(enrolled.OrgID), s.uuidOf(enrolled.DeviceID)
	// Section 8.1: all that is held is numbered from 1 again, keeps its ids and is offered again.
	s.last = 0
	for _, w := range s.work {
		s.last++
		w.seq, w.device, w.known = s.last, s.device, false
	}
	return ""
}

func (s *stranger) act(kind string, args []byte) {
	s.last++
	s.work = append(s.work, &strangerWork{
		seq: s.last, id: uuid.Must(uuid.NewV7()), kind: kind, args: args, at: time.Now().Add(s.ahead).UTC(), device: s.device,
	})
}

func (s *stranger) sync() string {
	switch {
	case s.url == "":
		return "not_enrolled"
	case s.ended != "":
		return s.ended
	case s.switched:
		return "phone_offline"
	}
	code := s.round()
	if code == "device_revoked" { // section 8.8
		if code := s.push(); code != "" {
			return code
		}
		s.held, s.staged, s.cursor, s.ended = map[string]map[string]strangerEntry{}, map[string]map[string]strangerEntry{},
			"", code
	}
	return code
}

func (s *stranger) round() string {
	old := s.push()
	if old != "" && old != "client_too_old" {
		return old
	}
	if code := s.pull(); code != "" {
		return code
	}
	if old == "" && s.unsent() > 0 { // section 4.7: the checkpoint showed that it has forgotten some
		if code := cmp.Or(s.push(), s.pull()); code != "" {
			return code
		}
	}
	moved, code := s.upload()
	if code == "" && moved {
		code = s.pull()
	}
	return cmp.Or(code, old)
}

// reword is section 4.9.
func (s *stranger) reword(kind string) string {
	for _, w := range s.work {
		if !w.known && !w.tooOld {
			return "sequence_reused"
		}
		if !w.known {
			w.kind, w.tooOld, w.verdict = kind, false, nil
			return ""
		}
	}
	s.t.Fatal("nothing waits")
	return ""
}

// push sends what the server is not known to have. (Section 4.)
func (s *stranger) push() string {
	s.t.Helper()
	for gaps := 0; ; {
		var ms []any
		var sent []*strangerWork
		for _, w := range s.work {
			if !w.known {
				sent = append(sent, w)
				w.tooOld = false
				ms = append(ms, map[string]any{
					"sequence": strconv.FormatUint(w.seq, 10), "id": base64.StdEncoding.EncodeToString(w.id[:]), "kind": w.kind,
					"args": base64.StdEncoding.EncodeToString(w.args), "deviceTime": w.at.Format(time.RFC3339Nano),
				})
			}
		}
		if len(ms) == 0 {
			return ""
		}
		var out struct{ Verdicts []strangerVerdict }
		code, expected := s.authorized("sync.v1.SyncService/Push", map[string]any{
			"mutations": ms, "heldFrom": strconv.FormatUint(s.work[0].seq, 10),
			"deviceTime": time.Now().Add(s.ahead).UTC().Format(time.RFC3339Nano),
		}, &out)
		if code == "sequence_gap" && gaps == 0 {
			gaps++
			for _, w := range s.work {
				w.known = w.seq < expected
			}
			continue
		}
		if code == "client_too_old" {
			for _, w := range sent {
				w.tooOld = true
			}
		}
		if code != "" {
			return code
		}
		for i, v := range out.Verdicts {
			w := sent[i]
			w.known = true
			if w.verdict == nil { // the first stays
				w.verdict, w.judged = &v, w.device
			}
			if w.verdict.ServerTime != v.ServerTime {
				s.offerAgain(w)
			}
		}
	}
}

// pull pulls to a checkpoint, compares the digests, and asks for the feeds that differ. (Section 3.)
func (s *stranger) pull() string {
	s.t.Helper()
	for range 10_000 {
		unsent := s.unsent()
		var p strangerPage
		code, _ := s.authorized("sync.v1.SyncService/Pull", map[string]any{
			"cursor": s.cursor, "maxBytes": s.pageBytes, "resetFeeds": s.repair, "unsent": unsent,
		}, &p)
		if code != "" {
			return code
		}
		if s.stage(p) && len(s.repair) == 0 {
			return ""
		}
	}
	return "no checkpoint"
}

// stage applies a page; at the checkpoint everything staged shows.
func (s *stranger) stage(p strangerPage) (checkpoint bool) {
	for _, f := range p.DroppedFeeds {
		delete(s.staged, f)
	}
	for _, f := range p.Feeds {
		if f.Reset || s.staged[f.Feed] == nil {
			s.staged[f.Feed] = map[string]strangerEntry{}
		}
		for _, e := range f.Entries {
			key := fmt.Sprint(e.Kind, " ", e.ID)
			if delete(s.staged[f.Feed], key); !e.Removed {
				s.staged[f.Feed][key] = e
			}
		}
	}
	if p.Cursor != "" {
		s.cursor = p.Cursor
	}
	if p.Checkpoint == nil {
		return false
	}
	s.repair = nil
	for _, f := range p.Checkpoint.Feeds {
		var sum uint64
		for _, e := range s.staged[f.Feed] {
			sum += s.digest(e)
		}
		count, _ := strconv.Atoi(cmp.Or(f.Count, "0"))
		if strconv.FormatUint(sum, 10) != cmp.Or(f.Digest, "0") || count != len(s.staged[f.Feed]) {
			s.repair = append(s.repair, f.Feed)
		}
	}
	s.held = map[string]map[string]strangerEntry{}
	for f, entries := range s.staged {
		s.held[f] = maps.Clone(entries)
	}
	last, _ := strconv.ParseUint(cmp.Or(p.LastSequence, "0"), 10, 64)
	for _, w := range s.work {
		w.covered, w.known = w.seq <= last, w.known && w.seq <= last
	}
	return true
}

func (s *stranger) digest(e strangerEntry) uint64 {
	s.t.Helper()
	id, err := base64.StdEncoding.DecodeString(e.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	seq, err := strconv.ParseUint(e.Sequence, 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return strangerDigest(e.Kind, id, seq)
}

// strangerDigest is section 6.
func strangerDigest(kind uint32, id []byte, seq uint64) uint64 {
	b := binary.BigEndian.AppendUint32(nil, kind)
	b = append(b, id...)
	b = binary.BigEndian.AppendUint64(b, seq)
	h := uint64(14695981039346656037)
	for _, c := range b {
		h ^= uint64(c)
		_, h = bits.Mul64(h, 1099511628211)
	}
	h ^= h >> 30
	_, h = bits.Mul64(h, 0xbf58476d1ce4e5b9)
	h ^= h >> 27
	_, h = bits.Mul64(h, 0x94d049bb133111eb)
	return h ^ h>>31
}

func (s *stranger) offline(on bool)           { s.switched = on }
func (s *stranger) clock(ahead time.Duration) { s.ahead = ahead }
func (s *stranger) live()                     { s.t.Fatal("it does not watch") }

// What it lacks stands in no scenario that it is given.
func (s *stranger) restart()                     { s.t.Fatal("it has no disk") }
func (s *stranger) open() string                 { s.t.Fatal("it has no disk"); return "" }
func (s *stranger) close()                       { s.t.Fatal("it has no disk") }
func (s *stranger) upgrade()                     {} // what it holds needs none
func (s *stranger) labels() map[uuid.UUID]string { s.t.Fatal("it shows items"); return nil }
func (s *stranger) export() []byte               { s.t.Fatal("it has no box"); return nil }
func (s *stranger) take([]byte) string           { s.t.Fatal("it has no box"); return "" }

func (s *stranger) logout() string {
	if s.unsent() > 0 ||
		slices.ContainsFunc(s.kept, func(f *strangerFile) bool { return f.state == "waiting" || f.state == "held" }) {
		return "unsent_work"
	}
	s.held, s.work = nil, nil
	return ""
}

// shows is section 8.3: the base state, with the effects of what no checkpoint has covered yet.
func (s *stranger) shows() (map[uuid.UUID]int, bool) {
	s.t.Helper()
	out := map[uuid.UUID]int{}
	for _, feed := range s.held {
		for _, e := range feed {
			var item struct {
				ID    uuid.UUID
				Count int
			}
			body, err := base64.StdEncoding.DecodeString(e.Body)
			if e.Kind == 7 && err == nil && json.Unmarshal(body, &item) == nil {
				out[item.ID] = item.Count
			}
		}
	}
	for _, w := range s.work {
		var a struct{ Item, Other uuid.UUID }
		if w.covered || !slices.Contains([]string{"add", "pair", "attach"}, w.kind) || json.Unmarshal(w.args, &a) != nil {
			continue
		}
		for _, id := range []uuid.UUID{a.Item, a.Other} {
			if _, ok := out[id]; ok {
				out[id]++
			}
		}
	}
	return out, false
}

func (s *stranger) unsent() (n int) {
	for _, w := range s.work {
		if !w.known {
			n++
		}
	}
	return n
}

func (s *stranger) verdicts() (out []string) {
	s.t.Helper()
	for _, w := range s.work {
		if w.verdict == nil {
			out = append(out, "")
			continue
		}
		if w.verdict.Code != "" && (w.verdict.English == "" || w.verdict.Chinese == "") {
			s.t.Errorf("%s has no words", w.verdict.Code)
		}
		s.verifyReceipt(w)
		out = append(out, said(w.verdict.Outcome, w.verdict.Code))
	}
	return out
}

// verifyReceipt checks a verdict's receipt with a key out of the feeds. (Section 7.)
func (s *stranger) verifyReceipt(w *strangerWork) {
	s.t.Helper()
	v := w.verdict
	at, err := time.Parse(time.RFC3339Nano, v.ServerTime)
	if err != nil {
		s.t.Fatal(err)
	}
	sum := sha256.Sum256(w.args)
	text := fmt.Sprintf("doorstep receipt 1\norg %s\ndevice %s\nsequence %s\nid %s\nkind %s\nargs %s\noutcome %s\nat %d\n",
		s.org, w.judged, v.Sequence, w.id, w.kind, hex.EncodeToString(sum[:]),
		strings.ToLower(strings.TrimPrefix(v.Outcome, "OUTCOME_")), at.UnixMicro())
	signature, err := base64.StdEncoding.DecodeString(v.Receipt)
	if err != nil {
		s.t.Fatal(err)
	}
	if !ed25519.Verify(s.verifyKey(v.Key), []byte(text), signature) {
		s.t.Fatalf("the receipt does not hold for\n%s", text)
	}
}

// verifyKey finds a VerifyKey entity (kind 6: key_id = 1, ed25519 = 2, use = 3).
func (s *stranger) verifyKey(name string) ed25519.PublicKey {
	s.t.Helper()
	for _, feed := range s.held {
		for _, e := range feed {
			body, err := base64.StdEncoding.DecodeString(e.Body)
			if err != nil {
				s.t.Fatal(err)
			}
			fields := map[protowire.Number][]byte{}
			for e.Kind == 6 && len(body) > 0 {
				num, typ, n := protowire.ConsumeTag(body)
				body = body[n:]
				if typ == protowire.BytesType {
					v, n := protowire.ConsumeBytes(body)
					fields[num], body = v, body[n:]
				} else {
					body = body[protowire.ConsumeFieldValue(num, typ, body):]
				}
			}
			if string(fields[1]) == name && string(fields[3]) == "receipt" {
				return fields[2]
			}
		}
	}
	s.t.Fatalf("no feed holds the key %s", name)
	return nil
}

func (s *stranger) uuidOf(b64 string) string {
	s.t.Helper()
	raw, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := uuid.FromBytes(raw)
	if err != nil {
		s.t.Fatal(err)
	}
	return id.String()
}
