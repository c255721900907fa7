package code

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/human"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Target is what a scanned text stands for.
type Target struct {
	Kind token.Kind
	// ID is the unit, store or ticket; zero for a product whose piece is not known.
	ID uuid.UUID
	// Unit is set when the piece is known.
	Unit Unit
	// Product is set for units and products. Serial is what was read, also of a piece that is not known.
	Product *fieldv1.Product
	Serial  string
}

// errUnknown is the one answer to everything that is wrong with a code; why goes to the log only.
func errUnknown(why string) error { return fault.Wrap(errors.New(why), token.CodeUnknown, "") }

// identify finds out what was scanned in the org of the transaction, as things stood at that time. Signed codes and
// product labels only, no human codes: those can be guessed.
func (r *Codes) identify(ctx context.Context, tx *postgres.Tx, scanned string, at time.Time) (Target, error) {
	if text, ok := token.FromScan(scanned); ok {
		t, err := r.verify(text, at)
		if err != nil {
			return Target{}, err
		}
		if t.Handle() != token.HandleOf(tx.OrgID()) {
			return Target{}, errUnknown("a code of another org")
		}
		i, ok, err := codeByID(ctx, tx, t.ID)
		if err != nil {
			return Target{}, err
		}
		if !ok || i.Kind != t.Kind {
			return Target{}, errUnknown("signed, but not issued")
		}
		return r.targetOf(ctx, tx, i, at)
	}
	k, err := gs1.Parse(scanned)
	if err != nil {
		return Target{}, err
	}
	return r.labelled(ctx, tx, k.GTIN, k.Serial, at)
}

// identifyForStaff is identify with human codes, and with a serial typed beside a number that has none.
func (r *Codes) identifyForStaff(
	ctx context.Context, tx *postgres.Tx, scanned, serial string, at time.Time,
) (Target, error) {
	if h, err := human.Parse(scanned); err == nil {
		i, ok, err := codeByHuman(ctx, tx, h)
		if err != nil {
			return Target{}, err
		}
		if ok {
			return r.targetOf(ctx, tx, i, at)
		}
		// An EAN-8 can look like a short code.
	} else if len(scanned) <= human.Length+4 && strings.Contains(scanned, "-") {
		// Meant as a short code, for no number on a label is written so.
		return Target{}, err
	}
	t, err := r.identify(ctx, tx, scanned, at)
	if err != nil || t.Serial != "" || serial == "" || t.Kind != token.Unit || t.ID != uuid.Nil {
		return t, err
	}
	if serial, err = serialOf(serial); err != nil {
		return Target{}, err
	}
	if err := gs1.CheckSerial(serial); err != nil {
		return Target{}, err
	}
	return r.labelled(ctx, tx, gs1.GTIN(t.Product.Gtin), serial, at)
}

func (r *Codes) verify(text string, at time.Time) (token.Token, error) {
	return token.Verify(text,
		at, func(id token.KeyID) (ed25519.PublicKey, bool) { return r.keys.Verifier(id.String(), at) })
}

func (r *Codes) targetOf(ctx context.Context, tx *postgres.Tx, i Issued, at time.Time) (Target, error) {
	if !i.valid(at) {
		return Target{}, errUnknown("revoked or expired")
	}
	t := Target{Kind: i.Kind, ID: i.Target}
	if i.Kind != token.Unit {
		return t, nil
	}
	var ok bool
	var err error
	if t.Unit, ok, err = unitByID(ctx, tx, i.Target); err != nil {
		return Target{}, err
	} else if !ok {
		return Target{}, errUnknown("the unit is gone")
	}
	t.Serial = t.Unit.Serial
	if t.Product, ok, err = r.goods.Product(ctx, tx, t.Unit.Product); err != nil {
		return Target{}, err
	} else if !ok {
		return Target{}, errUnknown("the product is gone")
	}
	return t, nil
}

// labelled finds the product of a number, and the unit if one with this serial is known.
func (r *Codes) labelled(
	ctx context.Context, tx *postgres.Tx, g gs1.GTIN, serial string, at time.Time,
) (Target, error) {
	u, ok, err := unitByLabel(ctx, tx, g, serial)
	if err != nil {
		return Target{}, err
	}
	t := Target{Kind: token.Unit, Serial: serial}
	if ok {
		if is, err := blocked(ctx, tx, u.ID, at); err != nil {
			return Target{}, err
		} else if is {
			return Target{}, errUnknown("the unit's labels are revoked")
		}
		t.ID, t.Unit = u.ID, u
		t.Product, ok, err = r.goods.Product(ctx, tx, u.Product)
	} else {
		t.Product, ok, err = r.goods.ProductByGTIN(ctx, tx, string(g))
	}
	if err != nil {
		return Target{}, err
	}
	if !ok {
		return Target{}, errUnknown("no product has this number")
	}
	return t, nil
}
