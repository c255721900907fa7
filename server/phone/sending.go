package phone

import (
	"context"
	"time"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

const (
	// roundPatience is for how long a sync that was asked for waits without anything moving: the client gives up each of
	// its calls by itself before.
	roundPatience = 10 * time.Minute
	// verifyPatience is how long a command waits for the office to have looked at a photo; it says so meanwhile.
	verifyPatience = 90 * time.Second
	// askAgain is how long it waits between two questions, if the office does not say.
	askAgain = 2 * time.Second
)

// sync does a round, and others while the office looks at photos that have arrived: the person wants to know what came
// of them. It ends without a network when nothing has moved for the silence given.
func (p *Phone) sync(
	silence time.Duration, round func(context.Context) (offline.Report, error),
) (offline.Report, error) {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	still := time.AfterFunc(silence, cancel)
	defer still.Stop()
	p.client.Moving = func(f offline.FileProgress) {
		still.Reset(silence)
		p.moving(f)
	}
	defer func() { p.client.Moving = p.moving }()
	until := p.Now().Add(verifyPatience)
	r, err := round(ctx)
	for err == nil && r.Verifying > 0 && p.Now().Before(until) {
		if err = rest(ctx, askAgain); err != nil {
			break
		}
		still.Reset(silence)
		var next offline.Report
		next, err = p.client.Sync(ctx)
		r = together(r, next)
	}
	if err != nil && ctx.Err() != nil && p.ctx.Err() == nil && offline.CodeOf(err) != fault.StoreLocked {
		err = fault.Wrap(err, fault.NoNetwork, "")
	}
	return r, err
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// together is what two rounds did; what the second says of files is the newer word.
func together(a, b offline.Report) offline.Report {
	a.Pushed += b.Pushed
	a.Uploaded += b.Uploaded
	a.Changed = append(a.Changed, b.Changed...)
	a.Repaired = append(a.Repaired, b.Repaired...)
	a.Reset = append(a.Reset, b.Reset...)
	a.Refused = append(a.Refused, b.Refused...)
	a.Verifying, a.Trouble, a.Wiped = b.Verifying, b.Trouble, b.Wiped
	return a
}

// moving says how far a photo is: at its beginning, at each quarter, and when the office begins to look at it.
func (p *Phone) moving(f offline.FileProgress) {
	step := 1
	switch {
	case f.Verifying:
		step = 6
	case f.Size > 0:
		step += int(4 * f.Sent / f.Size)
	}
	if p.told.file == f.ID && step <= p.told.step {
		return
	}
	p.told.file, p.told.step = f.ID, step
	switch {
	case f.Verifying && f.Media == "image/heic":
		p.note("  照片已送达，公司正在转换格式并核验（HEIC 需十余秒）",
			"  the photo has arrived; the office converts and verifies it (HEIC: some ten seconds)")
	case f.Verifying:
		p.note("  照片已送达，公司正在核验", "  the photo has arrived; the office verifies it")
	default:
		p.note("  正在发送照片：%d／%d KB", "  sending the photo: %d of %d KB", (f.Sent+1023)/1024, (f.Size+1023)/1024)
	}
}
