package phone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/help"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Console is what the phone speaks through.
type Console struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	// Now is the phone's clock.
	Now func() time.Time
	// Terminal: somebody looks at Out; colours and a prompt are welcome.
	Terminal bool
	// Version is what the office reads in its list of devices.
	Version string
	// Pause is how long an action waits for the office's answer before it says that it is saved; usualPause when 0.
	Pause time.Duration
}

// grammar is what can be typed after `doorstep phone`.
type grammar struct {
	Dir  string `help:"Folder of this phone; another folder is another phone." env:"DOORSTEP_PHONE_DIR" placeholder:"FOLDER"`
	Lang string `help:"zh or en; else what DOORSTEP_LANG, LC_ALL, LC_MESSAGES or LANG says." enum:"zh,en," default:"" placeholder:"zh|en"`
	JSON bool   `name:"json" help:"Print one JSON value instead of words, for scripts."`
	// NoSync keeps an action on the phone until the next sync.
	NoSync bool `help:"Save only; do not try to reach the office now."`

	Shell shellCmd `cmd:"" default:"1" help:"A prompt for all of the following; what you get without a command."`
	actions
}

// actions is what can be typed also at the prompt.
type actions struct {
	Enrol       enrolCmd       `cmd:"" group:"phone" help:"Make this the phone of whom the code belongs to."`
	Sync        syncCmd        `cmd:"" group:"phone" help:"Send what is saved, fetch what is new."`
	Status      statusCmd      `cmd:"" group:"phone" help:"Whose phone this is and how it stands."`
	Unsent      unsentCmd      `cmd:"" group:"phone" help:"What only this phone has, and what needs attention."`
	Acknowledge acknowledgeCmd `cmd:"" group:"phone" help:"Somebody has dealt with what the office did not do."`
	Offline     offlineCmd     `cmd:"" group:"phone" help:"Send and fetch nothing until online."`
	Online      onlineCmd      `cmd:"" group:"phone" help:"Send and fetch again."`
	Live        liveCmd        `cmd:"" group:"phone" help:"Watch: print changes as they come, send at once."`
	Logout      logoutCmd      `cmd:"" group:"phone" help:"Forget everything; refused while something is unsent."`
	Export      exportCmd      `cmd:"" group:"phone" help:"Write what is unsent to an encrypted file."`
	Import      importCmd      `cmd:"" group:"phone" help:"Take another phone's exported work in."`
	LetGo       letGoCmd       `cmd:"" name:"let-go" group:"phone" help:"Give up a file that the office does not take."`

	Today   todayCmd   `cmd:"" group:"day" help:"Today's jobs by time, then the later ones."`
	Ticket  ticketCmd  `cmd:"" group:"day" help:"Everything about one job; it becomes the current one."`
	Accept  acceptCmd  `cmd:"" group:"day" help:"Take a job on."`
	Decline declineCmd `cmd:"" group:"day" help:"Refuse a job, with a reason."`
	Travel  travelCmd  `cmd:"" group:"day" help:"On the way."`
	Arrive  arriveCmd  `cmd:"" group:"day" help:"At the door."`
	Pause   breakCmd   `cmd:"" group:"day" help:"Take a break."`
	Resume  resumeCmd  `cmd:"" group:"day" help:"Go on after a break."`

	Answer    answerCmd    `cmd:"" group:"work" help:"Answer a step of the checklist."`
	Photo     photoCmd     `cmd:"" group:"work" help:"Attach a photo from a file."`
	Sign      signCmd      `cmd:"" group:"work" help:"The customer signs."`
	Part      partCmd      `cmd:"" group:"work" help:"A part was built in."`
	Surcharge surchargeCmd `cmd:"" group:"work" help:"An extra that the customer pays."`
	Note      noteCmd      `cmd:"" group:"work" help:"Add a remark."`
	Complete  completeCmd  `cmd:"" group:"work" help:"The job is done."`
	Cannot    cannotCmd    `cmd:"" group:"work" help:"The job cannot be done now, with a reason."`

	Pool  poolCmd  `cmd:"" group:"shop" help:"Jobs that anybody of the team may claim."`
	Claim claimCmd `cmd:"" group:"shop" help:"Claim a job of the pool; the first one wins."`
	Scan  scanCmd  `cmd:"" group:"shop" help:"What a scanned or typed code is."`
	Open  openCmd  `cmd:"" group:"shop" help:"Clerk: open a ticket for a scanned piece."`

	Earnings earningsCmd `cmd:"" group:"money" help:"Today's and this month's income."`
	Rank     rankCmd     `cmd:"" group:"money" help:"Your place among peers."`
}

// Phone is one opened phone, while a command runs.
type Phone struct {
	Console
	ctx    context.Context
	dir    string
	lang   string
	json   bool
	noSync bool
	colour bool
	store  *offline.Store // nil while it is damaged
	client *offline.Client
	// damage is why the store cannot be used, nil when it can.
	damage error
	// speaking holds one line back while another is printed.
	speaking sync.Mutex
	// told is what was said last of a photo that is sent.
	told struct {
		file uuid.UUID
		step int
	}
	// zone of the company; the machine's until the profile is here.
	zone *time.Location
}

// left is how kong says that it has printed help.
type left int

// Run runs one command line. Errors are faults: their public sentence is for the person.
func Run(ctx context.Context, args []string, c Console) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(left); !ok {
				panic(p)
			}
			err = nil
		}
	}()
	g, lang := grammar{}, help.Language(args, c.Getenv)
	parser, err := newParser(&g, c, lang, "doorstep phone", introduction)
	if err != nil {
		return err
	}
	k, err := parser.Parse(args)
	if err != nil {
		return mistyped(err)
	}
	p, err := open(ctx, g, c, lang)
	if err == nil {
		err = p.runs(k)
	}
	if p.json && err != nil {
		p.jsonError(err)
	}
	return spoken(errors.Join(err, p.close()))
}

// runs runs a command. With a damaged store only what helps out of that can be done.
func (p *Phone) runs(k *kong.Context) error {
	if name := k.Selected().Name; p.damage != nil && name != "enrol" && name != "export" {
		return p.damage
	}
	return k.Run(p)
}

// introduction is what the help begins with.
const introduction = "A technician's phone in the terminal. Works without a network; begin with: doorstep phone " +
	"enrol CODE --server URL"

// mistyped says what is wrong with a line that was typed.
func mistyped(err error) error {
	return fault.New(fault.InvalidArgument, "%s",
		fault.Both(help.Mistake(err, help.Chinese), help.Mistake(err, help.English)))
}

func newParser(g any, c Console, lang, name, purpose string, more ...kong.Option) (*kong.Kong, error) {
	options := []kong.Option{
		kong.Name(name), kong.Description(purpose), kong.Writers(c.Out, c.Err),
		kong.Exit(func(int) { panic(left(0)) }), chinese.In(lang),
		kong.ExplicitGroups([]kong.Group{
			{Key: "phone", Title: "The phone"},
			{Key: "day", Title: "The day"},
			{Key: "work", Title: "At the door"},
			{Key: "shop", Title: "Pool and shop"},
			{Key: "money", Title: "Money"},
		}),
	}
	return kong.New(g, append(options, more...)...)
}

func open(ctx context.Context, g grammar, c Console, lang string) (*Phone, error) {
	p := &Phone{Console: c, ctx: ctx, dir: g.Dir, lang: lang, json: g.JSON, noSync: g.NoSync, zone: time.Local}
	p.colour = c.Terminal && c.Getenv("NO_COLOR") == "" && !g.JSON
	if p.dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return p, fault.Wrap(err, fault.StoreUnusable, "--dir")
		}
		p.dir = filepath.Join(home, ".doorstep-phone")
	}
	err := p.open()
	if offline.CodeOf(err) == fault.StoreDamaged {
		p.damage, err = err, nil
	}
	return p, err
}

func (p *Phone) options() offline.Options {
	return offline.Options{
		Dir: p.dir, Now: p.Now, Effects: field.Effects(field.ByHand{}), FeedOrder: field.FeedOrder,
		Keys: field.ReceiptKeys,
	}
}

// open opens the store and makes the client on it.
func (p *Phone) open() (err error) {
	if p.store, err = offline.Open(p.ctx, p.options()); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "terminal"
	}
	p.client = &offline.Client{Store: p.store, AppVersion: p.Version, DeviceName: host + ":" + filepath.Base(p.dir)}
	p.client.Uploads = field.Uploads{Client: p.client}
	p.client.Moving = p.moving
	if !p.json {
		p.client.Progress = p.progress
	}
	return p.learnZone()
}

func (p *Phone) close() error {
	if p.store == nil {
		return nil
	}
	return p.store.Close()
}

// spoken turns what the server said into a fault, keeping what it named.
func spoken(err error) error {
	var r *offline.Refusal
	if err == nil || !errors.As(err, &r) {
		return err
	}
	code := offline.CodeOf(err)
	detail := strings.TrimPrefix(r.Problem.GetEnglish(), code.Sentence("en"))
	return fault.Wrap(err, code, "%s", strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(detail), "("), ")"))
}

func (p *Phone) jsonError(err error) {
	p.print(map[string]any{"error": map[string]string{
		"code": string(offline.CodeOf(err)), "english": offline.Sentence(err, "en"), "chinese": offline.Sentence(err, "zh"),
	}})
}

// print writes one JSON value.
func (p *Phone) print(v any) {
	e := json.NewEncoder(p.Out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		_, _ = fmt.Fprintln(p.Err, err) // a terminal that is gone cannot be told so
	}
}
