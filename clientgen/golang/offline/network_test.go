package offline_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
)

var errCut = errors.New("the network was cut")

// faulty is a network that, by its seed, loses requests, loses answers, cuts answers in half, and delivers
// requests twice.
type faulty struct {
	mu     sync.Mutex
	random *rand.Rand
	// bad is the chance of a fault of any kind, 0 to 1.
	bad float64
}

func newFaulty(seed uint64, bad float64) *faulty {
	return &faulty{random: rand.New(rand.NewPCG(seed, 1)), bad: bad}
}

func (f *faulty) draw() (fault int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.random.IntN(4), f.random.Float64() >= f.bad
}

func (f *faulty) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bad = 0
}

// RoundTrip implements http.RoundTripper.
func (f *faulty) RoundTrip(req *http.Request) (*http.Response, error) {
	fault, ok := f.draw()
	if ok {
		return http.DefaultTransport.RoundTrip(req)
	}
	if fault == 0 {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, errCut
	}
	if fault == 3 && req.GetBody != nil { // arrives twice; the first answer is lost
		again := req.Clone(req.Context())
		var err error
		if again.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
		res, err := http.DefaultTransport.RoundTrip(again)
		if err != nil {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return http.DefaultTransport.RoundTrip(req)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if fault == 1 { // was done, the answer is lost
		_, _ = io.Copy(io.Discard, res.Body)
		return nil, errors.Join(errCut, res.Body.Close())
	}
	res.Body = &cut{res.Body, 20}
	return res, nil
}

// cut is a body that ends too early.
type cut struct {
	io.ReadCloser
	left int
}

func (c *cut) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errCut
	}
	n, err := c.ReadCloser.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}
