package rpc_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/rpc"
)

type pulling struct {
	syncv1connect.UnimplementedSyncServiceHandler
	pull func() *syncv1.PullResponse
}

func (p pulling) Pull(
	context.Context, *connect.Request[syncv1.PullRequest],
) (*connect.Response[syncv1.PullResponse], error) {
	return connect.NewResponse(p.pull()), nil
}

// onePlace is a border that builds one large answer at a time.
func onePlace(t *testing.T, pull func() *syncv1.PullResponse) http.Handler {
	t.Helper()
	b, err := rpc.NewBorder(rpc.Config{
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Now: time.Now, Authenticator: bearer{},
		Access: rpc.Access{syncv1connect.SyncServicePullProcedure: {Anonymous: true, Large: true}},
		Limits: rpc.Limits{Building: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(syncv1connect.NewSyncServiceHandler(pulling{pull: pull}, b.Options()...))
	return b.Wrap(mux)
}

func pullRequest(t *testing.T, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, syncv1connect.SyncServicePullProcedure,
		strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// slow is a phone that takes nothing until it is told to.
type slow struct {
	http.ResponseWriter
	asked, take chan struct{}
}

func (s slow) Write(b []byte) (int, error) {
	close(s.asked)
	<-s.take
	return s.ResponseWriter.Write(b)
}

func TestASlowPhoneHoldsNoPlaceOfThoseForLargeAnswers(t *testing.T) {
	t.Parallel()
	h := onePlace(t, func() *syncv1.PullResponse { return &syncv1.PullResponse{LastSequence: 7} })
	first := slow{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(first, pullRequest(t, "{}"))
	}()
	<-first.asked // the answer is built and waits for the phone
	second := httptest.NewRecorder()
	h.ServeHTTP(second, pullRequest(t, "{}"))
	if second.Code != http.StatusOK || !strings.Contains(second.Body.String(), `"7"`) {
		t.Errorf("%d %s", second.Code, second.Body)
	}
	close(first.take)
	<-done
	if got := first.ResponseWriter.(*httptest.ResponseRecorder).Body.String(); !strings.Contains(got, `"7"`) {
		t.Errorf("the slow phone got %q", got)
	}
}

func TestACallThatPanicsOrIsRefusedGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	broken := true
	h := onePlace(t, func() *syncv1.PullResponse {
		if broken {
			panic("broken")
		}
		return &syncv1.PullResponse{LastSequence: 7}
	})
	for _, body := range []string{"{}", "{}", `{"cursor": 1}`, `{"maxBytes": 4294967295}`} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, pullRequest(t, body))
		if w.Code < 400 || !strings.Contains(w.Body.String(), "code") {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	broken = false
	w := httptest.NewRecorder()
	h.ServeHTTP(w, pullRequest(t, "{}"))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"7"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
