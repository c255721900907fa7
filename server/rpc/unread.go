package rpc

import "sync"

// shares is into how many parts the room for unread answers is divided: one caller may fill one.
const shares = 16

// unread counts the bytes of finished answers that wait for who asked to take them. A call in flight is bounded by
// number and time; an answer that is ready is memory for as long as its reader likes, until the write deadline.
type unread struct {
	limit int64
	mu    sync.Mutex
	bytes int64
	// of is each caller's part of bytes, without those that have none.
	of map[string]int64
}

func newUnread(limit int64) *unread { return &unread{limit: limit, of: map[string]int64{}} }

// full tells that no further answer should be made for the caller. It is asked before the work is done, so that a
// refused call has changed nothing; what is in flight then comes on top. A quarter is kept from large answers: readers
// who take no pages keep nobody's work from being sent.
func (u *unread) full(caller string, large bool) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	limit := u.limit
	if large {
		limit -= limit / 4
	}
	own := u.of[caller]
	return u.bytes > 0 && u.bytes >= limit || own > 0 && own >= u.limit/shares
}

// hold counts n bytes until taken is called.
func (u *unread) hold(caller string, n int) (taken func()) {
	u.add(caller, int64(n))
	return func() { u.add(caller, -int64(n)) }
}

func (u *unread) add(caller string, n int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.bytes += n
	if u.of[caller] += n; u.of[caller] == 0 {
		delete(u.of, caller)
	}
}

// held is how many bytes wait now.
func (u *unread) held() float64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return float64(u.bytes)
}
