// Package watch knows who is connected and what became dirty for them. It holds no data: a mark says that
// something changed, the storage says what. A slow listener costs one set of marks, never a queue.
package watch

import (
	"sync"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Topic is something to listen for: a feed's text form, or another name that the application gives out.
type Topic struct {
	Org  change.Org
	Name string
}

// Hub connects marks with listeners. Its zero value is ready.
type Hub struct {
	mu     sync.Mutex
	topics map[Topic]*topic
	subs   map[*Subscription]struct{}
	closed bool
}

type topic struct {
	subs map[*Subscription]struct{}
	// seq is the newest head known for a feed, so that a sweep finds only what a lost poke missed; -1 before any
	// is known.
	seq change.Seq
}

// Subscription is one listener's share of the hub.
type Subscription struct {
	hub    *Hub
	topics []Topic
	wake   chan struct{}
	dirty  map[string]struct{}
	ended  string
}

// Subscribe listens for the topics until Close. Subscribe first and read the storage then: what changes
// meanwhile leaves a mark.
func (h *Hub) Subscribe(topics ...Topic) *Subscription {
	s := &Subscription{hub: h, topics: topics, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.topics == nil {
		h.topics, h.subs = map[Topic]*topic{}, map[*Subscription]struct{}{}
	}
	h.subs[s] = struct{}{}
	h.add(s)
	if h.closed {
		s.end("")
	}
	return s
}

func (h *Hub) add(s *Subscription) {
	for _, t := range s.topics {
		e := h.topics[t]
		if e == nil {
			e = &topic{subs: make(map[*Subscription]struct{}, 1), seq: -1}
			h.topics[t] = e
		}
		e.subs[s] = struct{}{}
	}
}

func (h *Hub) remove(s *Subscription) {
	for _, t := range s.topics {
		if e := h.topics[t]; e != nil {
			delete(e.subs, s)
			if len(e.subs) == 0 {
				delete(h.topics, t)
			}
		}
	}
}

// Woken is ready when there is something to Take.
func (s *Subscription) Woken() <-chan struct{} { return s.wake }

// Take returns the names marked since the last Take, in no order, and whether the stream is to end, with the
// code that Disconnect gave ("" when the server is going down).
func (s *Subscription) Take() (dirty []string, ended bool, code string) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for name := range s.dirty {
		dirty = append(dirty, name)
	}
	s.dirty = nil
	if s.ended != "" {
		return dirty, true, s.ended[1:]
	}
	return dirty, false, ""
}

// Follow changes what the subscription listens for.
func (s *Subscription) Follow(topics ...Topic) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.hub.remove(s)
	s.topics = topics
	s.hub.add(s)
}

// Close ends listening.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.hub.remove(s)
	delete(s.hub.subs, s)
}

// End ends this subscription alone; Take tells its listener so, with the code.
func (s *Subscription) End(code string) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.end(code)
}

func (s *Subscription) end(code string) {
	s.ended = "." + code
	s.ring()
}

func (s *Subscription) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Mark makes topics dirty for whoever listens.
func (h *Hub) Mark(topics ...Topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range topics {
		h.mark(t)
	}
}

func (h *Hub) mark(t Topic) {
	e := h.topics[t]
	if e == nil {
		return
	}
	for s := range e.subs {
		s.mark(t.Name)
	}
}

func (s *Subscription) mark(name string) {
	if s.dirty == nil {
		s.dirty = make(map[string]struct{}, 1)
	}
	s.dirty[name] = struct{}{}
	s.ring()
}

// Observe tells the hub a feed's newest head. It makes the feed dirty if the head is news, and not if a poke
// with the same news came before.
func (h *Hub) Observe(org change.Org, feed change.FeedID, seq change.Seq) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := Topic{org, feed.String()}
	e := h.topics[t]
	if e == nil || (e.seq == seq && seq != 0) {
		return
	}
	e.seq = seq
	h.mark(t)
}

// Learn notes a head that this listener has just read, without waking it. The others are woken if that head is
// news: its poke was lost, and the sweep will now find nothing new. A head older than what is known wakes this
// listener alone.
func (s *Subscription) Learn(org change.Org, feed change.FeedID, seq change.Seq) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	t := Topic{org, feed.String()}
	e := s.hub.topics[t]
	switch {
	case e == nil || seq == e.seq:
	case seq < e.seq:
		s.mark(t.Name)
	default:
		news := e.seq >= 0
		e.seq = seq
		for other := range e.subs {
			if news && other != s {
				other.mark(t.Name)
			}
		}
	}
}

// Watched lists the names listened for, by org.
func (h *Hub) Watched() map[change.Org][]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[change.Org][]string{}
	for t := range h.topics {
		out[t.Org] = append(out[t.Org], t.Name)
	}
	return out
}

// Disconnect ends all subscriptions that listen for the topic, giving them the code.
func (h *Hub) Disconnect(t Topic, code string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.topics[t]; e != nil {
		for s := range e.subs {
			s.end(code)
		}
	}
}

// Connected is the number of subscriptions.
func (h *Hub) Connected() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subs)
}

// Scatter ends all subscriptions of now: their listeners are better off with another server.
func (h *Hub) Scatter() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		s.end("")
	}
}

// Close ends all subscriptions, now and to come.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		s.end("")
	}
}
