package command

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/demo"
	"github.com/doorstep-dev/doorstep/server/label/draw"
	"github.com/doorstep-dev/doorstep/server/local"
	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// demoPassword lets everybody of the demo company's office in. It is printed: nothing in that company is real.
const demoPassword = "doorstep-demo"

type demonstrate struct {
	installation
	Listen    string `env:"DOORSTEP_LISTEN" default:":8080" placeholder:"HOST:PORT" group:"Serving:" help:"Where to listen (${default}); the default lets a phone in the same network in."`
	QuietDay  bool   `name:"quiet-day" group:"Serving:" help:"Nothing happens but what you do: no new orders, no colleagues at work."`
	Days      int    `default:"14" group:"Serving:" help:"Days of work before today that are told when the company is made, 1 to 14 (${default}); with fewer it starts sooner."`
	LogLevel  string `name:"log-level" env:"DOORSTEP_LOG_LEVEL" enum:"debug,info,warn,error" default:"error" group:"Serving:" help:"debug, info, warn or error (${default})."`
	PublicURL string `name:"public-url" env:"DOORSTEP_PUBLIC_URL" placeholder:"URL" group:"Serving:" help:"The address for phones; this machine's own in its network when absent."`
	// For who writes an app and tries it against this company.
	Origins []string `env:"DOORSTEP_ORIGINS" placeholder:"ORIGIN" group:"Serving:" help:"Web pages of other hosts that may call, for example http://localhost:5173."`
}

// Help is shown by doorstep demo --help.
func (demonstrate) Help() string {
	return `Starts everything on this machine (PostgreSQL, object store, server), fills it with an invented company and tells
what to open and what to type next. Ctrl-C stops it; the next time it goes on with its data; make clean forgets it.

  doorstep demo
  doorstep demo --quiet-day --listen 127.0.0.1:9000`
}

// Validate is kong's.
func (d demonstrate) Validate() error {
	if d.Days < 1 || d.Days > demo.HistoryDays {
		return fault.New(fault.ConfigInvalid, "--days: 1 to %d", demo.HistoryDays)
	}
	return nil
}

// Run runs the demo until ctx ends.
func (d *demonstrate) Run(ctx context.Context, c Console) (err error) {
	ctx = local.WithParent(ctx)
	storeHost := "0.0.0.0"
	host, port, err := net.SplitHostPort(d.Listen)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsLoopback() {
		storeHost = "127.0.0.1"
	}
	// Before the past is told: is the place to serve free?
	if err := rpc.Free(ctx, d.Listen); err != nil {
		return err
	}
	c.Say("Starting PostgreSQL, the object store and the server …", "正在启动 PostgreSQL、对象存储和服务器……")
	o, err := d.open(ctx, c, storeHost)
	if err != nil {
		return err
	}
	if !o.embedded && d.DatabaseURL == "" {
		// It would live on the services of the other one, beside its server and its day, and fall with it.
		return fault.New(failure.Running, "%s", strings.TrimSpace(shortest(d.Data)+" "+o.config.PublicURL))
	}
	defer func() {
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, o.stop(down))
	}()
	me := "127.0.0.1"
	if storeHost != me {
		me = lanAddress()
	}
	if o.config.Objects.PublicEndpoint == "" && o.storePort != 0 {
		o.config.Objects.PublicEndpoint = net.JoinHostPort(me, strconv.Itoa(o.storePort))
	}
	flags := serving{
		Listen: d.Listen, PublicURL: d.PublicURL, LogLevel: d.LogLevel, LogFormat: "text", Pool: 20,
		Origins: d.Origins,
	}
	if flags.PublicURL == "" && port != "" && port != "0" {
		flags.PublicURL = (&url.URL{Scheme: "http", Host: net.JoinHostPort(me, port)}).String()
	}
	if err := flags.apply(&o.config, c.Err); err != nil {
		return err
	}
	company := &demo.Demo{
		Password: demoPassword, Days: d.Days,
		Told: func(chinese, english string) { c.Say("%s", "%s", pick(c, english, chinese)) },
	}
	loaded, err := company.Load(ctx, o.config, time.Now())
	if err != nil {
		return err
	}
	a, err := app.Start(ctx, o.config)
	if err != nil {
		return err
	}
	if err = d.announce(o, a.PublicURL()); err == nil {
		err = d.invite(ctx, c, a, loaded)
	}
	if err != nil {
		return errors.Join(err, a.Close(context.WithoutCancel(ctx)))
	}
	if storeHost != "127.0.0.1" {
		c.Say("Everybody in this network can reach it. To keep it to this machine: %s demo --listen 127.0.0.1:8080\n",
			"同一网络中的任何人都能访问。如只供本机使用：%s demo --listen 127.0.0.1:8080\n", program())
	}
	if !d.QuietDay {
		// The hand stops before the server does: it acts through it.
		alive, stop := context.WithCancel(ctx)
		hand := make(chan struct{})
		go func() {
			defer close(hand)
			(&demo.Hand{Rooms: a.Rooms, Org: loaded.Org, Log: o.config.Log}).Run(alive)
		}()
		defer func() { stop(); <-hand }()
	}
	if err := untilDone(ctx, a, o.failed, 10*time.Second); err != nil {
		return err
	}
	c.Say("\nStopped. The data stays in %[1]s; forget it with: %[2]s clean",
		"\n已停止。数据保存在 %[1]s，可用 %[2]s clean 清除。", shortest(d.Data), program())
	return nil
}

// invite prints what to open and what to type next.
func (d *demonstrate) invite(ctx context.Context, c Console, a *app.App, loaded demo.Loaded) error {
	org := change.Org(loaded.Org)
	var enrol [2]string
	for n := range enrol {
		user, err := d.guest(ctx, a, org, n+1)
		if err != nil {
			return err
		}
		if enrol[n], _, err = a.Rooms.Account.NewCode(ctx, loaded.Org, user); err != nil {
			return err
		}
	}
	exports, err := demo.Export(d.Data, time.Now())
	if err != nil {
		return err
	}
	entry, err := d.entry(ctx, a, org)
	if err != nil {
		return err
	}
	qr, err := draw.Terminal(draw.Label{Content: entry}, draw.M)
	if err != nil {
		return err
	}
	u := a.PublicURL()
	c.Say(`
Doorstep is serving the demo company at %[1]s

  A customer scans the code at a shop's counter (open it with a phone in this network):
%[2]s
  %[3]s

  Two technicians, each in a terminal of their own:
    %[7]s phone --dir %[8]s/phone-1 enrol %[4]s --server %[1]s
    %[7]s phone --dir %[8]s/phone-2 enrol %[5]s --server %[1]s
  then, for each:
    %[7]s phone --dir %[8]s/phone-1 today
    %[7]s phone --dir %[8]s/phone-1 live

  The office (company demo; boss, dispatch, super, finance, dealer, clerk; password %[6]s):
    %[7]s admin user list demo
    %[7]s admin device list demo
    curl %[1]s/readyz

  A shop's export with a dozen bad lines, in two forms:
    %[7]s import %[9]s --mapping docs/examples/import-shop.yaml --org demo
    %[7]s import %[10]s --mapping docs/examples/import-shop.yaml --org demo

Ctrl-C stops everything.
`, `
示范公司已就绪：%[1]s

  顾客扫描门店柜台的二维码（用同一网络中的手机打开）：
%[2]s
  %[3]s

  两位师傅，各开一个终端：
    %[7]s phone --dir %[8]s/phone-1 enrol %[4]s --server %[1]s
    %[7]s phone --dir %[8]s/phone-2 enrol %[5]s --server %[1]s
  然后：
    %[7]s phone --dir %[8]s/phone-1 today
    %[7]s phone --dir %[8]s/phone-1 live

  办公室（公司 demo；账号 boss、dispatch、super、finance、dealer、clerk；密码 %[6]s）：
    %[7]s admin user list demo
    %[7]s admin device list demo
    curl %[1]s/readyz

  门店导出表（两种格式，各有十余行坏数据）：
    %[7]s import %[9]s --mapping docs/examples/import-shop.yaml --org demo
    %[7]s import %[10]s --mapping docs/examples/import-shop.yaml --org demo

按 Ctrl-C 停止。
`, u, qr, entry, enrol[0], enrol[1], demoPassword, program(), shortest(d.Data), shortest(exports[0]),
		shortest(exports[1]))
	return nil
}

func (d *demonstrate) guest(ctx context.Context, a *app.App, org change.Org, n int) (id uuid.UUID, err error) {
	err = a.Rooms.Store.Read(ctx, org, func(tx *postgres.Tx) error {
		u, err := a.Rooms.Account.UserByLogin(ctx, tx, demo.Guest(n))
		id = u.ID
		return err
	})
	return id, err
}

// entry is the link of a shop's counter.
func (d *demonstrate) entry(ctx context.Context, a *app.App, org change.Org) (link string, err error) {
	err = a.Rooms.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
		places, err := a.Rooms.Account.Places(ctx, tx)
		if err != nil {
			return err
		}
		shop := places[len(places)-1] // shops come last
		i, err := a.Rooms.Code.Issue(ctx, tx, token.Entry, shop.ID, 0, change.User{})
		if err != nil {
			return err
		}
		link, err = a.Rooms.Code.Text(ctx, tx, i)
		return err
	})
	return link, err
}

// program is how this program was called, for commands to type next.
func program() string {
	if strings.ContainsRune(os.Args[0], filepath.Separator) {
		return shortest(os.Args[0])
	}
	return "doorstep"
}

// shortest is a path as one would type it here.
func shortest(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	short, err := filepath.Rel(here, path)
	if err != nil || !filepath.IsAbs(path) || strings.HasPrefix(short, "..") {
		return path
	}
	return short
}

// lanAddress is this machine's address in its network, for phones; 127.0.0.1 when it has none.
func lanAddress() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsPrivate() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}
