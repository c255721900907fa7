// Package operator is `doorstep codes`: what an operator does with codes on the server's own machine. The main package
// puts Commands into its command line and runs them with an Env.
package operator

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/words"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/label"
	"github.com/doorstep-dev/doorstep/server/label/draw"
	"github.com/doorstep-dev/doorstep/server/label/sheet"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Env is what the commands work with.
type Env struct {
	Codes *code.Codes
	Org   uuid.UUID
	Out   io.Writer
	// Shop finds a shop by its name in any language, Ticket a ticket by its number. Both give NotFound when there is
	// none; Shop gives InvalidArgument when several have the name.
	Shop, Ticket func(ctx context.Context, tx *postgres.Tx, text string) (uuid.UUID, error)
}

// find turns what an operator typed into an id: an id, a shop's name, a ticket's number or a unit's serial number.
func (e *Env) find(ctx context.Context, tx *postgres.Tx, kind token.Kind, text string) (uuid.UUID, error) {
	if id, err := uuid.Parse(text); err == nil {
		return id, nil
	}
	switch kind {
	case token.Entry:
		return e.Shop(ctx, tx, text)
	case token.Ticket:
		return e.Ticket(ctx, tx, text)
	}
	return e.Codes.UnitBySerial(ctx, tx, text)
}

func (e *Env) transact(ctx context.Context, fn func(tx *postgres.Tx) error) error {
	return e.Codes.Store.Transact(ctx, change.Org(e.Org), fn)
}

// Commands are the subcommands, for kong.
type Commands struct {
	Issue  Issue  `cmd:"" help:"Make codes for units, shops or tickets, and print their links and short codes."`
	Sheet  Sheet  `cmd:"" help:"Print labels: an A4 sheet as PDF, or ZPL for a label printer, or a PNG or SVG of one."`
	Revoke Revoke `cmd:"" help:"Make a code hold no more, from now on, for everybody."`
	Read   Read   `cmd:"" help:"Tell what scanned texts hold: product, batch, serial number. Needs no server."`
	Show   Show   `cmd:"" help:"Tell what a scanned text is, and draw the code in the terminal."`
}

// Issue is `doorstep codes issue`.
type Issue struct {
	Kind   string        `arg:"" enum:"unit,entry,ticket" help:"What the codes stand for: unit, entry (a shop) or ticket."`
	Target []string      `arg:"" help:"Shops by name, tickets by number, units by serial number; or ids."`
	Life   time.Duration `help:"How long the codes are good, for example 720h; 0 is for ever (for tickets: 90 days)."`
}

var kinds = map[string]token.Kind{"unit": token.Unit, "entry": token.Entry, "ticket": token.Ticket}

// Run issues the codes, all or none.
func (c *Issue) Run(ctx context.Context, env *Env) error {
	kind, life := kinds[c.Kind], c.Life
	if kind == token.Ticket && life == 0 {
		life = code.TicketCodeLife
	}
	if life < 0 {
		return fault.New(fault.InvalidArgument, "life: not below zero")
	}
	type row struct {
		issued code.Issued
		text   string
	}
	var rows []row
	err := env.transact(ctx, func(tx *postgres.Tx) error {
		rows = rows[:0]
		for _, text := range c.Target {
			target, err := env.find(ctx, tx, kind, text)
			if err != nil {
				return err
			}
			i, err := env.Codes.Issue(ctx, tx, kind, target, life, change.User{})
			if err != nil {
				return err
			}
			text, err := env.Codes.Text(ctx, tx, i)
			if err != nil {
				return err
			}
			rows = append(rows, row{i, text})
		}
		return nil
	})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SHORT CODE\tCODE ID\tLINK")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.issued.Human, r.issued.ID, r.text)
	}
	return w.Flush()
}

// Sheet is `doorstep codes sheet`.
type Sheet struct {
	Code   []string `arg:"" optional:"" help:"Short codes or code ids."`
	Units  string   `placeholder:"SHOP" help:"Print all units of this shop (its name or id), with new codes for those that have none."`
	Out    string   `short:"o" required:"" help:"The file to write; its ending says what: .pdf, .zpl, .png or .svg."`
	Layout string   `default:"a4-3x8" help:"A built-in layout (a4-3x8, a4-2x7, a4-plain-2x5) or a JSON file."`
	Font   string   `type:"existingfile" help:"A TrueType font for names that the built-in font (GB 2312) cannot write."`
	Skip   int      `help:"Leave the first labels of the sheet free; they were used already."`
}

var formats = map[string]storev1.Format{
	".zpl": storev1.Format_FORMAT_ZPL, ".png": storev1.Format_FORMAT_PNG, ".svg": storev1.Format_FORMAT_SVG,
}

// Run writes the file.
func (c *Sheet) Run(ctx context.Context, env *Env) error {
	layout, err := c.layout()
	if err != nil {
		return err
	}
	var labels []draw.Label
	err = env.transact(ctx, func(tx *postgres.Tx) error {
		labels, err = c.labels(ctx, tx, env)
		return err
	})
	if err != nil {
		return err
	}
	content, err := c.draw(env, labels, layout)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, content, 0o600); err != nil {
		return fault.Wrap(err, fault.InvalidArgument, "cannot write %s: %v", c.Out, err)
	}
	_, err = fmt.Fprintf(env.Out, "%s: %s\n", c.Out, words.Count(len(labels), "label"))
	return err
}

func (c *Sheet) labels(ctx context.Context, tx *postgres.Tx, env *Env) ([]draw.Label, error) {
	var ids []uuid.UUID
	for _, text := range c.Code {
		i, err := env.Codes.FindCode(ctx, tx, text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, i.ID)
	}
	if c.Units != "" {
		shop, err := env.find(ctx, tx, token.Entry, c.Units)
		if err != nil {
			return nil, err
		}
		of, err := env.Codes.UnitCodes(ctx, tx, shop, sheet.MaxLabels)
		if err != nil {
			return nil, err
		}
		if len(of) == 0 {
			return nil, fault.New(fault.NotFound, "units in stock or sold of shop %s: it has none to print", c.Units)
		}
		ids = append(ids, of...)
	}
	var out []draw.Label
	for _, id := range ids {
		l, err := env.Codes.Label(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, fault.New(fault.InvalidArgument, "name codes, or a shop with --units")
	}
	return out, nil
}

func (c *Sheet) draw(env *Env, labels []draw.Label, layout sheet.Layout) ([]byte, error) {
	ending := c.Out[max(0, len(c.Out)-4):]
	if f, ok := formats[ending]; ok {
		content, _, err := label.Render(labels, f, layout, env.Codes.Now())
		return content, err
	}
	if ending != ".pdf" {
		return nil, fault.New(fault.InvalidArgument, "the file must end in .pdf, .zpl, .png or .svg")
	}
	options := sheet.Options{Skip: c.Skip, Now: env.Codes.Now()}
	if c.Font != "" {
		var err error
		if options.Font, err = os.ReadFile(c.Font); err != nil {
			return nil, fault.Wrap(err, fault.InvalidArgument, "cannot read %s: %v", c.Font, err)
		}
	}
	return sheet.PDF(labels, layout, options)
}

func (c *Sheet) layout() (sheet.Layout, error) {
	if len(c.Layout) < 6 || c.Layout[len(c.Layout)-5:] != ".json" {
		return sheet.Named(c.Layout)
	}
	raw, err := os.ReadFile(c.Layout)
	if err != nil {
		return sheet.Layout{}, fault.Wrap(err, fault.InvalidArgument, "cannot read %s: %v", c.Layout, err)
	}
	return sheet.ParseLayout(raw)
}

// Revoke is `doorstep codes revoke`.
type Revoke struct {
	Code   []string `arg:"" help:"Short codes or code ids."`
	Reason string   `required:"" help:"Why; kept with the code."`
}

// Run revokes the codes, all or none.
func (c *Revoke) Run(ctx context.Context, env *Env) error {
	err := env.transact(ctx, func(tx *postgres.Tx) error {
		for _, text := range c.Code {
			i, err := env.Codes.FindCode(ctx, tx, text)
			if err != nil {
				return err
			}
			if err := env.Codes.Revoke(ctx, tx, i.ID, c.Reason, change.User{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Out, "%d revoked\n", len(c.Code))
	return err
}

// Show is `doorstep codes show`.
type Show struct {
	Scanned string `arg:"" help:"What a scanner read, or a short code."`
	NoQR    bool   `help:"Words only."`
}

// Run prints what the office would see.
func (c *Show) Run(ctx context.Context, env *Env) error {
	office := identity.Identity{Org: env.Org}.Holding(identity.Grant{Role: identity.Admin, Scope: identity.ScopeOrg})
	m, err := env.Codes.Resolve(ctx, office, c.Scanned)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Out, 0, 4, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	line("kind", kindWord(token.Kind(m.Kind)))
	line("product", m.GetProduct().GetName().GetZh())
	line("model", m.GetProduct().GetModel())
	line("serial", m.GetUnit().GetSerial())
	line("shop", m.GetStoreName())
	if t := m.GetUnit().GetPurchasedAt(); t != nil {
		line("purchased", t.AsTime().Format(time.DateOnly))
	}
	if t := m.GetUnit().GetWarrantyUntil(); t != nil {
		line("warranty until", t.AsTime().Format(time.DateOnly))
	}
	line("ticket in work", m.GetOpenTicket().GetNumber())
	line("short code", m.GetUnit().GetHumanCode())
	if err := w.Flush(); err != nil || c.NoQR {
		return err
	}
	return c.drawQR(ctx, env)
}

// drawQR draws the symbol of a code of ours; a label of the maker's has none to draw.
func (c *Show) drawQR(ctx context.Context, env *Env) error {
	var l draw.Label
	err := env.transact(ctx, func(tx *postgres.Tx) error {
		i, err := env.Codes.FindCode(ctx, tx, c.Scanned)
		if err != nil {
			return err
		}
		l, err = env.Codes.Label(ctx, tx, i.ID)
		return err
	})
	if err != nil {
		return nil //nolint:nilerr // what was asked is answered; the drawing is extra
	}
	q, err := draw.Terminal(l, draw.M)
	if err != nil {
		return err
	}
	_, err = io.WriteString(env.Out, "\n"+q)
	return err
}
