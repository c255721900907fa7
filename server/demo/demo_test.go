package demo

import (
	"context"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
)

func installation(t *testing.T) app.Config {
	t.Helper()
	db, store := pgtest.New(t), s3test.New(t)
	return app.Config{
		DatabaseURL: db.URL, Listen: "127.0.0.1:0", Secret: account.NewSecret(), Argon: account.Argon{MemoryKiB: 64, Passes: 1, Lanes: 1},
		Objects: app.Objects{Endpoint: store.Endpoint, Bucket: store.Name, Region: store.Region, AccessKey: store.AccessKey, SecretKey: store.SecretKey},
	}
}

var present = time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)

func TestTheCompanyIsFilledOnceAndGoesOn(t *testing.T) {
	t.Parallel()
	c := installation(t)
	d := &Demo{Password: "demo demo demo", Days: 3, PerDay: 16}
	start := time.Now()
	l, err := d.Load(t.Context(), c, present)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v in %v", l, time.Since(start))
	if !l.Fresh || l.History != 48 || l.Today != todays {
		t.Errorf("%+v", l)
	}
	again, err := (&Demo{Password: "demo demo demo"}).Load(t.Context(), c, present.Add(time.Hour))
	if err != nil || again.Fresh || again.History != 0 || again.Today != 0 {
		t.Errorf("%+v, %v", again, err)
	}
	tomorrow, err := (&Demo{Password: "demo demo demo"}).Load(t.Context(), c, present.Add(24*time.Hour))
	if err != nil || tomorrow.Today != todays {
		t.Errorf("%+v, %v", tomorrow, err)
	}
}

func TestABrokenOffLoadGoesOn(t *testing.T) {
	t.Parallel()
	c := installation(t)
	ctx, cancel := context.WithCancel(t.Context())
	days := 0
	d := &Demo{Password: "demo demo demo", Days: 4, PerDay: 8, Told: func(zh, _ string) {
		if days++; days == 3 {
			cancel()
		}
	}}
	if _, err := d.Load(ctx, c, present); err == nil {
		t.Fatal("it was not broken off")
	}
	d = &Demo{Password: "demo demo demo", Days: 4, PerDay: 8}
	l, err := d.Load(t.Context(), c, present.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if l.Fresh || l.History != 32 {
		t.Errorf("%+v", l)
	}
}

func TestFullLoadTakesItsTime(t *testing.T) {
	if testing.Short() {
		t.Skip()
	}
	c := installation(t)
	d := &Demo{Password: "demo demo demo", Told: func(_, en string) { t.Log(time.Now().Format("05.000"), en) }}
	l, err := d.Load(t.Context(), c, present)
	t.Log(l, err)
}
