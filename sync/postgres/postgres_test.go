package postgres_test

import (
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func newStore(t *testing.T) *postgres.Store {
	t.Helper()
	return &postgres.Store{Pool: pgtest.New(t).App, Now: time.Now}
}

func testSigner() change.Ed25519Signer {
	return change.Ed25519Signer{KeyID: "test", Key: ed25519.NewKeyFromSeed(make([]byte, 32))}
}

func TestSmoke(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStore(t)
	org, user := change.Org(uuid.New()), change.User(uuid.New())
	f := change.FeedID{Kind: "tech", Key: uuid.UUID(user)}
	id := uuid.New()
	err := s.Transact(ctx, org, func(tx *postgres.Tx) error {
		tx.Place(10, id, feed.Placement{Feed: f, Body: []byte("one")})
		return tx.Subscribe(ctx, user, f)
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := feed.Read(ctx, s, feed.Request{Org: org, User: user, Cursor: change.Cursor{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", page)
}
