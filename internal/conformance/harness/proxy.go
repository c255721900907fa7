package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
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
	// FaultHalf: half of the request arrives, then the connection ends.
	FaultHalf = "half"
	// FaultAnswer: the request does not arrive; Status is the answer.
	FaultAnswer = "answer"
	// FaultReplay is no fault of the network: somebody who listened sends the oldest call of a method once more.
	FaultReplay = "replay"
	// FaultCopy is none either: somebody who copied the token of that call presents it with a word of their own.
	FaultCopy = "copy"
	// FaultHeal ends all faults.
	FaultHeal = "heal"
	// FaultBinary waits until a call of a method was answered, and asserts that every call went out and was answered in
	// binary.
	FaultBinary = "binary"
	// FaultCalls asserts how many calls arrived since the last time it was asked, and counts anew.
	FaultCalls = "calls"
)

// part is the method of a request to the object store, as faults name it.
const part = "Part"

// network stands between phones and the server, and between phones and the object store.
type network struct {
	front, shelf *httptest.Server
	mu           sync.Mutex
	to, store    *url.URL
	plans        []*plan
	calls        map[string]int
	// forms are the content types of each method's calls to the server and of the answers to them.
	forms map[string][]string
	// answered are the methods of which a call was answered well.
	answered map[string]bool
	// heard and newest are the oldest and the newest request of each method that can be heard.
	heard, newest map[string]*http.Request
	// office does what a plan says, before the request goes on.
	office func(ctx context.Context, s Step) error
	failed error
}

// plan is a fault that waits for its calls.
type plan struct {
	kind, method string
	after, times int
	status       int
	then         []Step
}

// newNetwork makes the network before the object store at an endpoint.
func newNetwork(store string, office func(context.Context, Step) error) (*network, error) {
	shelf, err := url.Parse("http://" + store)
	if err != nil {
		return nil, err
	}
	n := &network{
		store: shelf, calls: map[string]int{}, forms: map[string][]string{}, answered: map[string]bool{},
		heard: map[string]*http.Request{}, newest: map[string]*http.Request{}, office: office,
	}
	n.front = httptest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.pass(path.Base(r.URL.Path), w, r) }))
	n.shelf = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.pass(part, w, r) }))
	return n, nil
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
	for _, s := range []*httptest.Server{n.front, n.shelf} {
		s.CloseClientConnections()
		s.Close()
	}
}

// do takes an order.
func (n *network) do(ctx context.Context, s Step) error {
	if s.Network == FaultReplay {
		return n.replay(ctx, s.Of, nil)
	}
	if s.Network == FaultCopy {
		return n.replay(ctx, s.Of, ownWord)
	}
	if s.Network == FaultBinary {
		return n.binary(ctx, s.Of)
	}
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
	case FaultRefuse, FaultLoseAnswer, FaultCut, FaultTwice, FaultMeanwhile, FaultHalf, FaultAnswer:
		if s.Network == FaultAnswer && (s.Status < 400 || s.Status > 599) {
			return fmt.Errorf("no status %d", s.Status)
		}
		times := s.Times
		if times == 0 && s.Network == FaultMeanwhile {
			times = 1
		}
		n.plans = append(n.plans,
			&plan{kind: s.Network, method: s.Of, after: s.After, times: times, status: s.Status, then: s.Then})
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
	to := n.to
	if method == part {
		to = n.store
	}
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
		return *p, to
	}
	return plan{}, to
}

// note keeps in which form a call went out, or was answered well; the refusal of a unary call is always JSON.
func (n *network) note(method string, h http.Header) {
	if method == part {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forms[method] = append(n.forms[method], h.Get("Content-Type"))
}

// answerWithin is how long binary waits for the answer to a call that a phone makes by itself.
const answerWithin = time.Minute

// binary says which call, or which answer to one, was not in binary. A phone that stays in sync may have shown a change
// by a pull before its watch was answered, so binary waits for an answer.
func (n *network) binary(ctx context.Context, method string) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	for method != "" && !n.isAnswered(method) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("no call of %s was answered", method)
		case <-time.After(5 * time.Millisecond):
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.failed != nil {
		return n.failed
	}
	for method, forms := range n.forms {
		for _, form := range forms {
			if form != "application/proto" && form != "application/connect+proto" {
				return fmt.Errorf("a call of %s, or the answer to it, is %q", method, form)
			}
		}
	}
	return nil
}

func (n *network) isAnswered(method string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.answered[method]
}

func (n *network) pass(method string, w http.ResponseWriter, r *http.Request) {
	p, to := n.next(method)
	if r.Method != http.MethodOptions { // which browsers ask first
		n.note(method, r.Header)
	}
	if r.Header.Get("Sec-Fetch-Mode") != "" {
		// A browser sends a request again by itself when a connection that it has used before ends without an answer, and so
		// hides what is lost: it gets a new connection for each.
		w.Header().Set("Connection", "close")
	}
	if p.kind == FaultRefuse {
		panic(http.ErrAbortHandler)
	}
	if method == overheard {
		r.Body = n.hear(method, r)
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
		Rewrite: func(out *httputil.ProxyRequest) {
			out.SetURL(to)
			out.Out.Host = out.In.Host // what the store signed
		},
		ModifyResponse: func(res *http.Response) error {
			if res.StatusCode == http.StatusOK && r.Method != http.MethodOptions {
				n.note(method, res.Header)
				n.mu.Lock()
				n.answered[method] = true
				n.mu.Unlock()
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	switch p.kind {
	case FaultAnswer:
		_, _ = io.Copy(io.Discard, r.Body) // nobody reads it
		w.WriteHeader(p.status)
	case FaultHalf:
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), broken{}))
		proxy.ServeHTTP(&memory{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
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
		maps.Copy(w.Header(), got.header)
		w.Header().Set("Content-Length", fmt.Sprint(got.body.Len()))
		w.WriteHeader(max(got.status, http.StatusOK))
		_, _ = w.Write(got.body.Bytes()[:got.body.Len()/2]) // half an answer
		panic(http.ErrAbortHandler)
	default:
		proxy.ServeHTTP(w, r)
	}
}

// overheard is the one method that a thief can make use of later.
const overheard = "RefreshToken"

// hear keeps the oldest and the newest request of a method, and gives its body to be read once more.
func (n *network) hear(method string, r *http.Request) io.ReadCloser {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	one := r.Clone(context.WithoutCancel(r.Context()))
	one.Body = io.NopCloser(bytes.NewReader(body))
	if n.heard[method] == nil {
		n.heard[method] = one
	}
	n.newest[method] = one.Clone(one.Context())
	n.newest[method].Body = io.NopCloser(bytes.NewReader(body))
	return io.NopCloser(bytes.NewReader(body))
}

// ownWord makes of a RefreshToken call in binary what another holder of its token would send.
func ownWord(body []byte) ([]byte, error) {
	m := &accountv1.RefreshTokenRequest{}
	if err := proto.Unmarshal(body, m); err != nil {
		return nil, err
	}
	m.Attempt = []byte("of somebody else")
	return proto.Marshal(m)
}

// replay sends the oldest request of a method that was heard once more, as somebody who copied it; with change the
// newest, changed.
func (n *network) replay(ctx context.Context, method string, change func(body []byte) ([]byte, error)) error {
	n.mu.Lock()
	of := n.heard
	if change != nil {
		of = n.newest
	}
	r, to := of[method], n.to
	delete(of, method)
	n.mu.Unlock()
	if r == nil {
		return fmt.Errorf("no call of %s was heard", method)
	}
	again := r.Clone(ctx)
	if change != nil {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			body, err = change(body)
		}
		if err != nil {
			return err
		}
		again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		again.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	again.RequestURI, again.URL.Scheme, again.URL.Host = "", to.Scheme, to.Host
	res, err := http.DefaultClient.Do(again)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// broken is the end of a connection.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// memory is an answer that goes nowhere, or only in part.
type memory struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (m *memory) Header() http.Header         { return m.header }
func (m *memory) WriteHeader(status int)      { m.status = status }
func (m *memory) Write(b []byte) (int, error) { return m.body.Write(b) }
