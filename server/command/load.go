package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/doorstep-dev/doorstep/internal/words"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/load"
	"github.com/doorstep-dev/doorstep/server/load/crew"
	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type loading struct {
	Prepare loadPrepare `cmd:"" help:"Make a company to put load on, and a file that lets its phones in."`
	Storm   loadStorm   `cmd:"" help:"7:00: all phones come at once with nothing, sync, and watch."`
	Day     loadDay     `cmd:"" help:"Phones watch and push status changes, one a call."`
	Fanout  loadFanout  `cmd:"" help:"The same in batches: how many changes a second reach the phones."`
	Shared  loadShared  `cmd:"" help:"Tickets are claimed from one pool that all phones look at."`
	Idle    loadIdle    `cmd:"" help:"Phones are connected and nothing happens."`
}

// Help is shown by doorstep load --help.
func (loading) Help() string {
	return `Puts a running server under load from this process, so that the server's own memory and CPU can be seen.
First the operator makes a company for it, on the installation; its short name begins with load-, and only such
companies are put under load. The next prepare uses it again. It cannot be removed, for trails only grow; it stands in
no other company's way, and commands that ask for a company do not count it:

  doorstep load prepare --phones 2000 --entries 500 phones.json
  doorstep load storm phones.json --server http://localhost:8080
  doorstep load day phones.json --server http://localhost:8080 --phones 200 --rate 20 --for 1m

The phones speak the whole protocol over connections of their own, but keep no database. An access token lasts 15
minutes and the server renews few a second for one address: run prepare again (it takes seconds) before a run
with many phones. The file lets its reader in as those technicians; keep it where only you can read it.

Latencies are percentiles of HDR histograms. A change is measured from when it was due, also when the server was too
slow to take it in then. Bytes are those on the wire, with heads.`
}

type loadPrepare struct {
	installation
	File    string `arg:"" type:"path" help:"File to write; phones of one that exists stay and get fresh tokens."`
	Org     string `default:"load-test" help:"Short name of the company; it begins with load- (${default})."`
	Phones  int    `default:"200" help:"How many phones (${default})."`
	Visits  int    `default:"2" help:"Visits for each, for day and fanout (${default})."`
	Pool    int    `default:"0" help:"Tickets in the pool, for shared; it is filled up to as many (${default})."`
	Entries int    `default:"0" help:"Entries of a kilobyte in each phone's feed, for storm: no room has them, only the feed (${default})."`
	Force   bool   `help:"Also a company whose name does not begin with load-: it gets invented people and tickets."`
}

// Help is shown by doorstep load prepare --help.
func (loadPrepare) Help() string {
	return `Works on the installation's database, like doorstep admin. What is there already stays; running it again fills
the pool up and renews the tokens.

  doorstep load prepare --phones 200 --visits 3 phones.json          for day and fanout
  doorstep load prepare --phones 1000 --pool 600 phones.json         for shared
  doorstep load prepare --phones 2000 --entries 500 phones.json      for storm`
}

// Run prepares.
func (l *loadPrepare) Run(ctx context.Context, c Console) (err error) {
	plan := crew.Plan{
		Slug: l.Org, Force: l.Force, Phones: l.Phones, Visits: l.Visits, Pool: l.Pool, Entries: l.Entries,
		Told: func(zh, en string) { c.Say("%s", "%s", pick(c, en, zh)) },
	}
	if _, err := os.Stat(l.File); err == nil {
		held, err := load.Read(l.File)
		if err != nil {
			return err
		}
		if held.Slug != l.Org {
			return fault.New(fault.InvalidArgument, "%s is of the company %s: choose another file", l.File, held.Slug)
		}
		plan.Held = held.Logins
	}
	o, err := l.open(ctx, c, "")
	if err != nil {
		return err
	}
	defer func() {
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, o.stop(down))
	}()
	a, err := app.Open(ctx, o.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close(context.WithoutCancel(ctx))) }()
	phones, err := crew.Fill(ctx, a.Rooms, plan)
	if err != nil {
		return err
	}
	if err := phones.Write(l.File); err != nil {
		return fault.Wrap(err, failure.Folder, "%s", l.File)
	}
	c.Say("%s of %s: written to %s.", "%s（公司 %s）已写入 %s。",
		pick(c, words.Count(len(phones.Logins), "phone"), fmt.Sprintf("%d 部手机", len(phones.Logins))), phones.Slug, l.File)
	return nil
}

// aim is what every run of load needs.
type aim struct {
	File   string        `arg:"" type:"existingfile" help:"File of phones, made by doorstep load prepare."`
	Server string        `env:"DOORSTEP_PUBLIC_URL" default:"http://localhost:8080" placeholder:"URL" help:"The server (${default})."`
	Phones int           `help:"Use only the first so many phones of the file."`
	For    time.Duration `default:"30s" help:"How long, once all phones stand; of a storm, how long it may take (${default})."`
	Spread time.Duration `help:"Over how long the phones arrive; without it all at once."`
	HTTP1  bool          `name:"http1" help:"HTTP/1.1 instead of HTTP/2."`
	JSON   bool          `name:"json" help:"Print the summary as JSON."`
	Force  bool          `help:"Also on a company that is not marked for load."`
}

// run checks the target, runs and prints.
func (a *aim) run(ctx context.Context, c Console, config load.Config) error {
	phones, err := load.Read(a.File)
	if err != nil {
		return err
	}
	if a.Phones < 0 || a.Phones > len(phones.Logins) {
		return fault.New(fault.InvalidArgument, "%s holds %d phones; doorstep load prepare --phones makes more",
			a.File, len(phones.Logins))
	}
	config.URL, config.Spread, config.HTTP1 = strings.TrimRight(a.Server, "/"), a.Spread, a.HTTP1
	if config.Length == 0 {
		config.Length = a.For
	}
	used := phones.Logins
	if a.Phones > 0 {
		used = used[:a.Phones]
	}
	if used[0], err = load.Check(ctx, config.URL, used[0]); err != nil &&
		(!a.Force || fault.CodeOf(err) != fault.InvalidArgument) {
		if fault.CodeOf(err) == fault.NoNetwork { // whose sentence is for a phone, which keeps what it has not sent
			err = fault.Wrap(err, fault.ServerUnreachable, "%s", config.URL)
		}
		return errors.Join(err, phones.Write(a.File))
	}
	if claims, ok := config.Trade.(*load.Claims); ok {
		claims.Phones = len(used)
	}
	config.Logins = used
	shown := false
	if e, ok := c.Err.(*os.File); ok && term.IsTerminal(int(e.Fd())) {
		shown, config.Progress = true, load.Line(e)
	}
	summary, logins, err := load.Run(ctx, config)
	if shown {
		_, _ = fmt.Fprintln(c.Err)
	}
	if err != nil {
		return err
	}
	copy(used, logins)
	if err := phones.Write(a.File); err != nil {
		return fault.Wrap(err, failure.Folder, "%s", a.File)
	}
	if !a.JSON {
		return summary.Print(c.Out)
	}
	out := json.NewEncoder(c.Out)
	out.SetIndent("", "  ")
	return out.Encode(summary)
}

type loadStorm struct{ aim }

// Help is shown by --help.
func (loadStorm) Help() string {
	return `Every phone begins with nothing and is done when it holds a checkpoint, its digests agree and its watch stands.

  doorstep load storm phones.json --spread 5s --for 2m`
}

// Run runs it.
func (l *loadStorm) Run(ctx context.Context, c Console) error {
	return l.run(ctx, c, load.Config{Storm: true, Trade: load.Nothing{}})
}

type loadDay struct {
	aim
	Rate float64 `default:"20" help:"Status changes a second, all phones together (${default})."`
}

// Help is shown by --help.
func (loadDay) Help() string {
	return `Each phone accepts its visits, travels, arrives, then goes on a break and comes back, over and over: real changes
of status, each with its trail. They stay in the company that is there for load.

  doorstep load day phones.json --phones 200 --rate 20 --for 5m`
}

// Run runs it.
func (l *loadDay) Run(ctx context.Context, c Console) error {
	return l.run(ctx, c, load.Config{Rate: l.Rate, Batch: 1, Trade: &load.Visits{}})
}

type loadFanout struct {
	aim
	Rate  float64 `default:"500" help:"Status changes a second, all phones together (${default})."`
	Batch int     `default:"10" help:"Changes a call (${default})."`
}

// Help is shown by --help.
func (loadFanout) Help() string {
	return `  doorstep load fanout phones.json --rate 1500 --batch 10`
}

// Run runs it.
func (l *loadFanout) Run(ctx context.Context, c Console) error {
	return l.run(ctx, c, load.Config{Rate: l.Rate, Batch: l.Batch, Trade: &load.Visits{}})
}

type loadShared struct {
	aim
	Rate float64 `default:"5" help:"Claims a second; it goes on until the pool is empty (${default})."`
}

// Help is shown by --help.
func (loadShared) Help() string {
	return `Each claim leaves the pool of every phone of the team. prepare --pool fills the pool up again.

  doorstep load shared phones.json --rate 5 --for 1m`
}

// Run runs it.
func (l *loadShared) Run(ctx context.Context, c Console) error {
	return l.run(ctx, c, load.Config{Rate: l.Rate, Batch: 1, Trade: &load.Claims{}})
}

type loadIdle struct{ aim }

// Help is shown by --help.
func (loadIdle) Help() string {
	return `What connected phones cost is seen at the server, for example by doorstep_watches and process_resident_memory_bytes of
/metrics.

  doorstep load idle phones.json --for 5m`
}

// Run runs it.
func (l *loadIdle) Run(ctx context.Context, c Console) error {
	return l.run(ctx, c, load.Config{Trade: load.Nothing{}})
}
