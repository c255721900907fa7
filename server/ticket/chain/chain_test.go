package chain

import (
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func build(ticket uuid.UUID, n int) ([]Link, Hash) {
	var links []Link
	var last Hash
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for i := range n {
		l := Next(last, int64(i), Link{
			Ticket: ticket, Kind: "visit.accept", DeviceTime: at, ServerTime: at.Add(time.Minute),
			Actor: "system:test", Payload: []byte(`{"n":1}`),
		})
		links, last = append(links, l), l.Hash
	}
	return links, last
}

func TestHashIsWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	links, _ := build(uuid.MustParse("01890000-0000-7000-8000-000000000001"), 1)
	const want = "f4f955ace17d6a47a1e45829a44b396ff001c431b9acd95a5f0237d96c0beb9a"
	if got := hex.EncodeToString(links[0].Hash[:]); got != want {
		t.Errorf("the form of the hash changed: got %s", got)
	}
}

func TestWholeChainHolds(t *testing.T) {
	t.Parallel()
	ticket := uuid.New()
	for n := range 5 {
		links, last := build(ticket, n)
		if err := Verify(ticket, links, last); err != nil {
			t.Errorf("%d links: %v", n, err)
		}
	}
}

func TestAnyTamperingIsFoundAtItsFirstLink(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ticket := uuid.New()
		n := rapid.IntRange(1, 8).Draw(t, "links")
		links, last := build(ticket, n)
		i := rapid.IntRange(0, n-1).Draw(t, "victim")
		l := &links[i]
		want := int64(i) + 1
		switch rapid.IntRange(0, 9).Draw(t, "deed") {
		case 0:
			l.Kind += "x"
		case 1:
			l.DeviceTime = l.DeviceTime.Add(time.Microsecond)
		case 2:
			l.ServerTime = l.ServerTime.Add(time.Microsecond)
		case 3:
			l.Actor = "system:tesu"
		case 4:
			l.Payload = []byte(`{"n":2}`)
		case 5:
			l.Hash[0] ^= 1
		case 6:
			l.Previous[31] ^= 1
		case 7:
			links = append(links[:i], links[i+1:]...)
		case 8: // changed and hashed anew
			l.Payload = []byte(`{}`)
			l.Hash = l.Sum()
			want++
		case 9: // moved bytes from one part to the next
			l.Kind, l.Actor = l.Kind+l.Actor[:1], l.Actor[1:]
		}
		err := Verify(ticket, links, last)
		var broken *BrokenError
		if !errors.As(err, &broken) || broken.Seq != want {
			t.Fatalf("got %v, want link %d broken", err, want)
		}
	})
}

func TestAForeignChainIsRefused(t *testing.T) {
	t.Parallel()
	links, last := build(uuid.New(), 2)
	if Verify(uuid.New(), links, last) == nil {
		t.Error("the chain of another ticket passed")
	}
}
