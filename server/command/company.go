package command

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"
	"github.com/mattn/go-isatty"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/code/operator"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/load"
	"github.com/doorstep-dev/doorstep/server/order/console"
	"github.com/doorstep-dev/doorstep/server/order/mapping"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// closers are what a command must give back when it has run.
type closers struct{ all []func() error }

func (c *closers) add(fn func() error) { c.all = append(c.all, fn) }

func (c *closers) close() error {
	var errs []error
	for i := len(c.all) - 1; i >= 0; i-- {
		errs = append(errs, c.all[i]())
	}
	c.all = nil
	return errors.Join(errs...)
}

// company is an installation and one company in it.
type company struct {
	installation
	Org       string `env:"DOORSTEP_ORG" placeholder:"NAME" group:"What to work on:" help:"Short name of the company; not needed where there is only one, not counting those for load."`
	PublicURL string `name:"public-url" env:"DOORSTEP_PUBLIC_URL" placeholder:"URL" group:"What to work on:" help:"The address that printed codes hold; that of the running embedded server if there is one."`
}

// enter opens the rooms and finds the company.
func (o company) enter(ctx context.Context, c Console, end *closers) (*app.App, account.Org, error) {
	services, err := o.open(ctx, c, "")
	if err != nil {
		return nil, account.Org{}, err
	}
	end.add(func() error {
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return services.stop(down)
	})
	if o.PublicURL != "" {
		services.config.PublicURL = o.PublicURL
	}
	a, err := app.Open(ctx, services.config)
	if err != nil {
		return nil, account.Org{}, err
	}
	end.add(func() error { return a.Close(context.WithoutCancel(ctx)) })
	if o.Org != "" {
		org, err := orgOf(ctx, a.Rooms.Account, o.Org)
		return a, org, err
	}
	orgs, err := a.Rooms.Account.Orgs(ctx)
	if working := workingOnly(orgs); len(working) == 1 {
		orgs = working
	}
	if err == nil && len(orgs) != 1 {
		err = fault.New(fault.ConfigInvalid, "--org: which company? doorstep admin org list shows them all")
	}
	if err != nil {
		return nil, account.Org{}, err
	}
	return a, orgs[0], nil
}

// workingOnly leaves companies out that are there for load.
func workingOnly(orgs []account.Org) []account.Org {
	return slices.DeleteFunc(slices.Clone(orgs), func(o account.Org) bool { return load.Marked(o.Slug) })
}

type codes struct {
	company
	operator.Commands
}

// Help is shown by doorstep codes --help.
func (codes) Help() string {
	return `Codes for product units, shop entries and tickets, and the labels that carry them.

  doorstep codes issue entry 国贸店                         the code of a shop's counter
  doorstep codes issue ticket T-26113000012                a code for a ticket's customer
  doorstep codes sheet --units 国贸店 --out labels.pdf      labels of all units of a shop
  doorstep codes read '(01)06901234567892(21)SN0001'       what does a label hold? needs no server
  doorstep codes show https://doorstep.example.com/c/…     what is this?
  doorstep codes revoke K7M3-9QX8 --reason stolen`
}

// AfterApply opens what the subcommands work with.
func (o *codes) AfterApply(ctx context.Context, c Console, end *closers, k *kong.Context) error {
	k.BindTo(c.Out, (*io.Writer)(nil))
	return k.BindToProvider(func() (*operator.Env, error) {
		a, org, err := o.enter(ctx, c, end)
		if err != nil {
			return nil, err
		}
		return &operator.Env{
			Codes: a.Rooms.Code, Org: org.ID, Out: c.Out, Ticket: a.Rooms.Ticket.ByNumber,
			Shop: func(ctx context.Context, tx *postgres.Tx, text string) (uuid.UUID, error) {
				places, err := a.Rooms.Account.Places(ctx, tx)
				if err != nil {
					return uuid.Nil, err
				}
				p, err := placeNamed(places, text, identity.ScopeStore)
				return p.ID, err
			},
		}, nil
	})
}

type importing struct {
	company
	File    string `arg:"" type:"existingfile" help:"CSV or XLSX file."`
	Mapping string `type:"existingfile" placeholder:"FILE" help:"Which column means what; examples: docs/examples."`
	Init    bool   `name:"init-mapping" help:"Print a mapping for the file's own columns, to begin with; imports nothing."`
	Report  string `type:"path" placeholder:"FILE" help:"Where refused lines are written; FILE.refused.csv beside the file."`
	DryRun  bool   `name:"dry-run" help:"Read and check everything, write nothing."`
}

// Help is shown by doorstep import --help.
func (importing) Help() string {
	return `Takes the orders of a file in and opens their tickets. The same file twice adds nothing; broken off, also by
kill -9, it goes on where it was. Every refused line is reported with its number and reason.

  doorstep import orders.csv --mapping docs/examples/import-orders.yaml --dry-run
  doorstep import orders.csv --mapping docs/examples/import-orders.yaml`
}

// Run imports.
func (i *importing) Run(ctx context.Context, c Console, end *closers) error {
	if i.Init {
		return console.Propose(i.File, c.Out)
	}
	if i.Mapping == "" {
		return fault.New(mapping.Invalid, "--mapping FILE is missing; --init-mapping prints one to begin with")
	}
	a, org, err := i.enter(ctx, c, end)
	if err != nil {
		return err
	}
	file, terminal := c.Err.(interface{ Fd() uintptr })
	return console.Import(ctx, a.Rooms.Order, change.Org(org.ID), console.Options{
		File: shortest(i.File), Mapping: i.Mapping, Report: i.Report, DryRun: i.DryRun, Chinese: c.Chinese(),
		Bar: terminal && isatty.IsTerminal(file.Fd()), Now: time.Now,
	}, c.Out, c.Err)
}
