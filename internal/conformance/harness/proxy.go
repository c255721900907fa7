package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"sync"
)

// Faults of the network, each for calls of one method.
const (
	// FaultRefuse: the request does not arrive.
	FaultRefuse = "refuse"
	// FaultLoseAnswer: the request was done, the answer is lost.
	FaultLoseAnswer = "lose_answer"
	// FaultCut: the answer ends in the middle.
	FaultCut = "cut"
	// FaultTwice: the request arrives twice, the second answer comes back.
	FaultTwice = "twice"
	// FaultMeanwhile: the office does something before the request arrives.
	FaultMeanwhile = "meanwhile"
	// FaultHeal ends all faults.
	FaultHeal = "heal"
	// FaultCalls asserts how many calls arrived since the last time it was asked, and counts anew.
	FaultCalls = "calls"
)

// network stands between phones and the server.
type network struct {
	front *httptest.Server
	mu    sync.Mutex
	to    *url.URL
	plans []*plan
	calls map[string]int
	// office does what a plan says, before the request goes on.
	office func(ctx context.Context, s Step) error
	failed error
}

// plan is a fault that waits for its calls.
type plan struct {
	kind, method string
	after, times int
	then         []Step
}

func newNetwork(office func(context.Context, Step) error) *network {
	n := &network{calls: map[string]int{}, office: office}
	n.front = httptest.NewServer(http.HandlerFunc(n.pass))
	return n
}

func (n *network) target(to string) error {
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.to = u
	return nil
}

func (n *network) close() {
	n.front.CloseClientConnections()
	n.front.Close()
}

// do takes an order.
func (n *network) do(s Step) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.failed; err != nil {
		return err
	}
	switch s.Network {
	case FaultHeal:
		n.plans = nil
	case FaultCalls:
		got := n.calls[s.Of]
		clear(n.calls)
		if s.AtMost != nil && got > *s.AtMost || s.AtLeast != nil && got < *s.AtLeast {
			return fmt.Errorf("%d calls of %s", got, s.Of)
		}
	case FaultRefuse, FaultLoseAnswer, FaultCut, FaultTwice, FaultMeanwhile:
		times := s.Times
		if times == 0 && s.Network == FaultMeanwhile {
			times = 1
		}
		n.plans = append(n.plans, &plan{kind: s.Network, method: s.Of, after: s.After, times: times, then: s.Then})
	default:
		return fmt.Errorf("no fault %q", s.Network)
	}
	return nil
}

// next finds the fault that meets this call. times 0 is for ever.
func (n *network) next(method string) (plan, *url.URL) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls[method]++
	for i, p := range n.plans {
		if p.method != "" && p.method != method {
			continue
		}
		if p.after > 0 {
			p.after--
			continue
		}
		if p.times == 1 {
			n.plans = append(n.plans[:i:i], n.plans[i+1:]...)
		} else if p.times > 1 {
			p.times--
		}
		return *p, n.to
	}
	return plan{}, n.to
}

func (n *network) pass(w http.ResponseWriter, r *http.Request) {
	p, to := n.next(path.Base(r.URL.Path))
	if p.kind == FaultRefuse {
		panic(http.ErrAbortHandler)
	}
	if p.kind == FaultMeanwhile {
		for _, s := range p.then {
			if err := n.office(context.WithoutCancel(r.Context()), s); err != nil {
				n.mu.Lock()
				n.failed = errors.Join(n.failed, err) // the next order tells it
				n.mu.Unlock()
			}
		}
	}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite:       func(out *httputil.ProxyRequest) { out.SetURL(to) },
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	switch p.kind {
	case FaultLoseAnswer:
		proxy.ServeHTTP(&memory{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case FaultTwice:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		first := r.Clone(r.Context())
		first.Body, r.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(&memory{header: http.Header{}}, first)
		proxy.ServeHTTP(w, r)
	case FaultCut:
		got := &memory{header: http.Header{}}
		proxy.ServeHTTP(got, r)
		for k, v := range got.header {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Length", fmt.Sprint(got.body.Len()))
		w.WriteHeader(max(got.status, http.StatusOK))
		_, _ = w.Write(got.body.Bytes()[:got.body.Len()/2]) // half an answer
		panic(http.ErrAbortHandler)
	default:
		proxy.ServeHTTP(w, r)
	}
}

// memory is an answer that goes nowhere, or only in part.
type memory struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (m *memory) Header() http.Header         { return m.header }
func (m *memory) WriteHeader(status int)      { m.status = status }
func (m *memory) Write(b []byte) (int, error) { return m.body.Write(b) }
