package day

import (
	"context"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
)

// skewed is a replica of the installation, in this process, whose clock is ahead.
func (in *installation) skewed(database string, bucket *s3test.Bucket, ahead time.Duration) *app.App {
	in.t.Helper()
	text, err := os.ReadFile(in.secret)
	if err != nil {
		in.t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		in.t.Fatal(err)
	}
	secret, err := account.ParseSecret(raw)
	if err != nil {
		in.t.Fatal(err)
	}
	a, err := app.Start(in.t.Context(), app.Config{
		DatabaseURL: database, Secret: secret, Listen: "127.0.0.1:0",
		Now: func() time.Time { return time.Now().Add(ahead) },
		Objects: app.Objects{
			Endpoint: bucket.Endpoint, Bucket: bucket.Name, Region: bucket.Region, AccessKey: bucket.AccessKey,
			SecretKey: bucket.SecretKey,
		},
	})
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(in.t.Context()), time.Minute)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			in.t.Error(err)
		}
	})
	return a
}

func TestReplicasAnHourApartLoseNothing(t *testing.T) {
	t.Parallel()
	onlyInFaults(t)
	db, bucket := pgtest.New(t), s3test.New(t)
	database := db.URL
	in := install(t, db.OwnerURL, bucket)
	ahead := in.skewed(database, bucket, time.Hour)
	other := &installation{t: t, listen: strings.TrimPrefix(ahead.URL(), "http://")}
	s := open(t, in, db.OwnerURL, in, other)
	for range 2 * rounds(t) {
		s.front.Reset() // who was with one may be with the other now
		s.order(len(s.hands))
		s.assign(t.Context())
		s.settled()
	}
	s.account()
}
