package app_test

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
	"math/bits"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
)

// stranger is a client that knows docs/PROTOCOL.md and nothing of this project: plain HTTP, JSON, arithmetic.
type stranger struct {
	t      *testing.T
	url    string
	token  string
	cursor string
	org    string
	device string
	held   map[string]map[string]strangerEntry // by feed, by kind and id
}

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

// call posts JSON and decodes the answer; it returns the error's code, if any.
func (s *stranger) call(method string, in map[string]any, out any) (code string) {
	s.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/doorstep."+method, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		var e struct {
			Details []struct {
				Type  string
				Debug struct{ Code string }
				Value string
			}
		}
		if err := json.Unmarshal(got, &e); err != nil || len(e.Details) == 0 {
			s.t.Fatalf("%s: %s: %s", method, res.Status, got)
		}
		raw, err := base64.RawStdEncoding.DecodeString(e.Details[0].Value)
		if err != nil {
			s.t.Fatal(err)
		}
		_, _, n := protowire.ConsumeTag(raw) // field 1: the code
		text, _ := protowire.ConsumeString(raw[n:])
		return text
	}
	if err := json.Unmarshal(got, out); err != nil {
		s.t.Fatalf("%s: %v: %s", method, err, got)
	}
	return ""
}

// pull pulls to a checkpoint and compares the digests by the formula of section 6.
func (s *stranger) pull() (pages int, lastSequence string) {
	s.t.Helper()
	for {
		var p strangerPage
		if code := s.call("sync.v1.SyncService/Pull", map[string]any{"cursor": s.cursor, "maxBytes": 1}, &p); code != "" {
			s.t.Fatal(code)
		}
		pages++
		for _, f := range p.DroppedFeeds {
			delete(s.held, f)
		}
		for _, f := range p.Feeds {
			if f.Reset || s.held[f.Feed] == nil {
				s.held[f.Feed] = map[string]strangerEntry{}
			}
			for _, e := range f.Entries {
				key := fmt.Sprint(e.Kind, e.ID)
				if delete(s.held[f.Feed], key); !e.Removed {
					s.held[f.Feed][key] = e
				}
			}
		}
		if p.Cursor != "" {
			s.cursor = p.Cursor
		}
		if p.Checkpoint == nil {
			continue
		}
		for _, f := range p.Checkpoint.Feeds {
			var sum uint64
			for _, e := range s.held[f.Feed] {
				sum += s.digest(e)
			}
			count, _ := strconv.Atoi(cmp.Or(f.Count, "0"))
			if strconv.FormatUint(sum, 10) != cmp.Or(f.Digest, "0") || count != len(s.held[f.Feed]) {
				s.t.Fatalf("feed %s: digest %d of %d entries, the server says %s of %s", f.Feed, sum, len(s.held[f.Feed]), f.Digest, f.Count)
			}
		}
		return pages, p.LastSequence
	}
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
	b := binary.BigEndian.AppendUint32(nil, e.Kind)
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

// verifyReceipt checks a verdict's receipt with a key out of the feeds, by section 7.
func (s *stranger) verifyReceipt(v strangerVerdict, kind string, args []byte) {
	s.t.Helper()
	raw, err := base64.StdEncoding.DecodeString(v.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := uuid.FromBytes(raw)
	if err != nil {
		s.t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339Nano, v.ServerTime)
	if err != nil {
		s.t.Fatal(err)
	}
	sum := sha256.Sum256(args)
	text := fmt.Sprintf("doorstep receipt 1\norg %s\ndevice %s\nsequence %s\nid %s\nkind %s\nargs %s\noutcome %s\nat %d\n",
		s.org, s.device, v.Sequence, id, kind, hex.EncodeToString(sum[:]), "parked", at.UnixMicro())
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

func TestAStrangerWritesAClientFromTheProtocolAlone(t *testing.T) {
	t.Parallel()
	c := open(t)
	s := &stranger{t: t, url: c.URL(), held: map[string]map[string]strangerEntry{}}
	if code := s.call("sync.v1.SyncService/Pull", map[string]any{}, nil); code != "unauthenticated" {
		t.Fatalf("without a token: %q", code)
	}
	enrolment, _, err := c.Rooms.Account.NewCode(t.Context(), c.org.ID, c.tech.ID)
	if err != nil {
		t.Fatal(err)
	}
	var enrolled struct {
		OrgID, DeviceID string
		Tokens          struct{ Access string }
	}
	if code := s.call("account.v1.AuthService/EnrolDevice", map[string]any{"code": enrolment}, &enrolled); code != "" {
		t.Fatal(code)
	}
	s.token = enrolled.Tokens.Access
	s.org, s.device = strangerUUID(t, enrolled.OrgID), strangerUUID(t, enrolled.DeviceID)

	if pages, _ := s.pull(); pages < 2 {
		t.Fatalf("%d pages at an entity a page", pages)
	}
	if pages, _ := s.pull(); pages != 1 {
		t.Fatalf("%d pages when nothing changed", pages)
	}

	id := uuid.Must(uuid.NewV7())
	args := []byte("whatever the app of tomorrow says")
	m := map[string]any{
		"sequence": "1", "id": base64.StdEncoding.EncodeToString(id[:]), "kind": "kettle.boil",
		"args": base64.StdEncoding.EncodeToString(args), "deviceTime": time.Now().UTC().Format(time.RFC3339Nano),
	}
	var first, again struct{ Verdicts []strangerVerdict }
	for _, out := range []any{&first, &again} {
		if code := s.call("sync.v1.SyncService/Push", map[string]any{"mutations": []any{m}}, out); code != "" {
			t.Fatal(code)
		}
	}
	v := first.Verdicts[0]
	if v.Outcome != "OUTCOME_PARKED" || v.Code != "mutation_unknown" || v.English == "" || v.Chinese == "" {
		t.Fatalf("verdict %+v", v)
	}
	if v != again.Verdicts[0] {
		t.Fatalf("the second verdict %+v is not the first %+v", again.Verdicts[0], v)
	}
	s.verifyReceipt(v, "kettle.boil", args)

	m["sequence"] = "3"
	if code := s.call("sync.v1.SyncService/Push", map[string]any{"mutations": []any{m}}, nil); code != "sequence_gap" {
		t.Fatalf("a gap: %q", code)
	}
	if _, last := s.pull(); last != "1" {
		t.Fatalf("last sequence %s, want 1", last)
	}
	for _, forged := range []string{"AAAA", base64.StdEncoding.EncodeToString(make([]byte, 80))} {
		if code := s.call("sync.v1.SyncService/Pull", map[string]any{"cursor": forged}, nil); code != "cursor_malformed" {
			t.Fatalf("a forged cursor: %q", code)
		}
	}
}

func strangerUUID(t *testing.T, b64 string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		t.Fatal(err)
	}
	id, err := uuid.FromBytes(raw)
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}
