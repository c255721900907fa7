package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/conformance/harness"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/sync/conformance"
)

func TestTheStrangersDigestsAreThoseOfTheVectors(t *testing.T) {
	t.Parallel()
	var v conformance.Digests
	if err := conformance.Vectors("digest", &v); err != nil {
		t.Fatal(err)
	}
	for _, e := range v.Entries {
		id := uuid.MustParse(e.ID)
		if got := strangerDigest(e.Kind, id[:], e.Sequence); got != e.Digest {
			t.Errorf("%+v: %d", e, got)
		}
	}
}

func pages(t *testing.T) conformance.Pages {
	t.Helper()
	var v conformance.Pages
	if err := conformance.Vectors("pages", &v); err != nil || len(v.Cases) == 0 {
		t.Fatal(v, err)
	}
	return v
}

// number is what the id of an entity of the vectors is.
func number(id uuid.UUID) string { return strconv.Itoa(int(id[15])) }

func TestTheStrangerAppliesPagesAsTheVectorsSay(t *testing.T) {
	t.Parallel()
	for _, c := range pages(t).Cases {
		s := newStranger(t, harness.Welcome{}, conformance.Phone{}, nil).(*stranger)
		for i, step := range c.Pages {
			checkpoint := s.stage(strangerPageOf(t, step.Page))
			if checkpoint != step.Then.Checkpoint || s.cursor != step.Then.Cursor || !slices.Equal(s.repair, step.Then.Repair) {
				t.Errorf("%s: page %d: checkpoint %v, cursor %q, repair %v", c.Says, i, checkpoint, s.cursor, s.repair)
			}
			got := map[string]map[string]string{}
			for f, entries := range s.held {
				for _, e := range entries {
					if got[f] == nil {
						got[f] = map[string]string{}
					}
					body, err := base64.StdEncoding.DecodeString(e.Body)
					if err != nil {
						t.Fatal(err)
					}
					got[f][number(uuid.MustParse(s.uuidOf(e.ID)))] = string(body)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(step.Then.Shows) {
				t.Errorf("%s: page %d: shows %v, want %v", c.Says, i, got, step.Then.Shows)
			}
		}
	}
}

// strangerPageOf writes a page as the wire would: ids and bodies in base64.
func strangerPageOf(t *testing.T, p conformance.Page) (out strangerPage) {
	t.Helper()
	b, err := json.Marshal(map[string]any{
		"Cursor": p.Cursor, "Feeds": p.Feeds, "DroppedFeeds": p.DroppedFeeds,
		"Checkpoint": p.Checkpoint,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	for i := range out.Feeds {
		for j := range out.Feeds[i].Entries {
			e := &out.Feeds[i].Entries[j]
			id := uuid.MustParse(e.ID)
			e.ID, e.Body = base64.StdEncoding.EncodeToString(id[:]), base64.StdEncoding.EncodeToString([]byte(e.Body))
		}
	}
	return out
}

// script is a server that answers pulls with the pages of a case, and looks at the client before each.
type script struct {
	syncv1connect.UnimplementedSyncServiceHandler
	accountv1connect.UnimplementedAuthServiceHandler
	pages []*syncv1.PullResponse
	next  int
	look  func(asked *syncv1.PullRequest, n int)
}

// EnrolDevice lets everybody in.
func (s *script) EnrolDevice(
	context.Context, *connect.Request[accountv1.EnrolDeviceRequest],
) (*connect.Response[accountv1.EnrolDeviceResponse], error) {
	id := uuid.New()
	return connect.NewResponse(&accountv1.EnrolDeviceResponse{
		OrgId: id[:], UserId: id[:], DeviceId: id[:],
		Tokens: &accountv1.Tokens{Access: "a", Refresh: "r"},
	}), nil
}

// Pull answers with the next page; there is no answer behind the last.
func (s *script) Pull(
	_ context.Context, req *connect.Request[syncv1.PullRequest],
) (*connect.Response[syncv1.PullResponse], error) {
	s.look(req.Msg, s.next)
	if s.next == len(s.pages) {
		return nil, connect.NewError(connect.CodeUnavailable, nil)
	}
	s.next++
	return connect.NewResponse(s.pages[s.next-1]), nil
}

func TestTheGoClientAppliesPagesAsTheVectorsSay(t *testing.T) {
	t.Parallel()
	for _, c := range pages(t).Cases {
		s := &script{}
		for _, step := range c.Pages {
			s.pages = append(s.pages, pageOf(t, step.Page))
		}
		mux := http.NewServeMux()
		mux.Handle(syncv1connect.NewSyncServiceHandler(s))
		mux.Handle(accountv1connect.NewAuthServiceHandler(s))
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		g := newGolang(t, harness.Welcome{}, conformance.Phone{}, nil).(*golang)
		s.look = func(asked *syncv1.PullRequest, n int) {
			if n == 0 || asked.Early {
				return
			}
			then := c.Pages[n-1].Then
			if string(asked.Cursor) != then.Cursor || !slices.Equal(asked.ResetFeeds, then.Repair) {
				t.Errorf("%s: after page %d: cursor %q, repair %v", c.Says, n-1, asked.Cursor, asked.ResetFeeds)
			}
			// An entity shows once, as the most preferred feed has it.
			want := map[string]string{}
			for _, feed := range slices.Sorted(maps.Keys(then.Shows)) {
				for id, body := range then.Shows[feed] {
					if _, preferred := want[id]; !preferred || feed[:5] == "tech:" {
						want[id] = body
					}
				}
			}
			got := map[string]string{}
			g.check(g.Store.Read(t.Context(), func(v *offline.View) error {
				for _, i := range v.List(7) {
					got[number(i.ID)] = string(i.Body)
				}
				return nil
			}))
			if !maps.Equal(got, want) {
				t.Errorf("%s: after page %d: shows %v, want %v", c.Says, n-1, got, want)
			}
		}
		g.enrol(server.URL, "any")
		for s.next < len(s.pages) {
			if code := g.sync(); code != "" && code != "no_network" {
				t.Fatal(c.Says, code)
			}
		}
		g.sync() // looks at what the last page made
	}
}

func pageOf(t *testing.T, p conformance.Page) *syncv1.PullResponse {
	t.Helper()
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	out := &syncv1.PullResponse{Cursor: []byte(p.Cursor), DroppedFeeds: p.DroppedFeeds, ServerTime: timestamppb.Now()}
	for _, f := range p.Feeds {
		d := &syncv1.FeedDelta{Feed: f.Feed, Reset_: f.Reset}
		for _, e := range f.Entries {
			id := uuid.MustParse(e.ID)
			d.Entries = append(d.Entries,
				&syncv1.Entry{Kind: e.Kind, Id: id[:], Sequence: number(e.Sequence), Removed: e.Removed, Body: []byte(e.Body)})
		}
		out.Feeds = append(out.Feeds, d)
	}
	if p.Checkpoint != nil {
		out.Checkpoint = &syncv1.Checkpoint{}
		for _, f := range p.Checkpoint.Feeds {
			out.Checkpoint.Feeds = append(out.Checkpoint.Feeds, &syncv1.FeedState{
				Feed: f.Feed, Sequence: number(f.Sequence), Digest: number(f.Digest), Count: number(f.Count),
			})
		}
	}
	return out
}
