package operator

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/human"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Read is `doorstep codes read`.
type Read struct {
	Text []string `arg:"" help:"What a scanner handed over. \\u001d and \\x1d stand for the separator FNC1."`
	JSON bool     `help:"One JSON object a line, for programs."`
}

// Help is shown by doorstep codes read --help.
func (Read) Help() string {
	return `Reads labels as the phones and the server do, without either: for trying a scanner or a maker's label.

  doorstep codes read 6901234567892
  doorstep codes read ']d2010690123456789221SN0001\u001d10L7' 'https://id.example.com/01/06901234567892/21/SN0001'

The exit code is 1 when a text holds nothing that is known.`
}

// reading is what one text holds.
type reading struct {
	Text string `json:"text"`
	// Kind is label, short code or signed code; empty for what cannot be read.
	Kind      string     `json:"kind,omitempty"`
	GTIN      string     `json:"gtin,omitempty"`
	Lot       string     `json:"lot,omitempty"`
	Serial    string     `json:"serial,omitempty"`
	Host      string     `json:"host,omitempty"`
	Prefix    string     `json:"prefix,omitempty"`
	ShortCode string     `json:"short_code,omitempty"`
	Stands    string     `json:"stands_for,omitempty"`
	CodeID    string     `json:"code_id,omitempty"`
	KeyID     string     `json:"key_id,omitempty"`
	Expires   *time.Time `json:"expires,omitempty"`
	Error     string     `json:"error,omitempty"`
}

// Run reads every text, and then fails if one of them could not be read.
func (c *Read) Run(out io.Writer) error {
	var failed error
	for _, text := range c.Text {
		r, err := read(unescape(text))
		if err != nil {
			r.Error, failed = fault.As(err).Public("en"), fault.Wrap(err, fault.CodeOf(err), "%s", fault.As(err).Detail)
		}
		if err := c.print(out, r); err != nil {
			return err
		}
	}
	return failed
}

// unescape undoes the escapes of control characters, which no keyboard types. A text without any stays as it is.
func unescape(text string) string {
	if s, err := strconv.Unquote(`"` + text + `"`); err == nil {
		return s
	}
	return text
}

func read(text string) (reading, error) {
	r := reading{Text: text}
	if signed, ok := token.FromScan(text); ok {
		t, _, err := token.Parse(signed)
		if err != nil {
			return r, err
		}
		r.Kind, r.CodeID, r.KeyID, r.Stands = "signed code", t.ID.String(), t.Key.String(), kindWord(t.Kind)
		if !t.Expires.IsZero() {
			r.Expires = &t.Expires
		}
		return r, nil
	}
	// Eight digits are an EAN-8 when their check digit says so: short codes are written with a hyphen.
	k, err := gs1.Parse(text)
	if code, bad := human.Parse(text); bad == nil && err != nil {
		r.Kind, r.ShortCode = "short code", code.String()
		return r, nil //nolint:nilerr // it is no label, and a short code
	}
	if err != nil {
		return r, err
	}
	r.Kind, r.GTIN, r.Lot, r.Serial, r.Host, r.Prefix = "label", string(k.GTIN), k.Lot, k.Serial, k.Host, k.Prefix
	return r, nil
}

func (c *Read) print(out io.Writer, r reading) error {
	if c.JSON {
		return json.NewEncoder(out).Encode(r)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %s\t%s\n", name, value)
		}
	}
	fmt.Fprintf(w, "%q\n", r.Text)
	line("kind", r.Kind)
	line("product (01)", r.GTIN)
	if ean, ok := gs1.GTIN(r.GTIN).EAN13(); ok {
		line("EAN-13", ean)
	}
	line("batch (10)", r.Lot)
	line("serial (21)", r.Serial)
	line("host", r.Host)
	line("prefix", r.Prefix)
	line("short code", r.ShortCode)
	line("stands for", r.Stands)
	line("code id", r.CodeID)
	line("key id", r.KeyID)
	if r.Expires != nil {
		line("expires", r.Expires.UTC().Format(time.RFC3339))
	}
	if r.Kind == "signed code" {
		line("signature", "not checked here: doorstep codes show does")
	}
	line("cannot be read", r.Error)
	return w.Flush()
}

func kindWord(k token.Kind) string {
	return map[token.Kind]string{token.Unit: "unit", token.Entry: "entry", token.Ticket: "ticket"}[k]
}
