// Package console is `doorstep import` as a person at a terminal meets it: a bar while a file is read, what became
// of its lines, and a report of those that were refused.
package console

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/server/order"
	"github.com/doorstep-dev/doorstep/server/order/mapping"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/server/order/sheet"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Options is what was typed.
type Options struct {
	File, Mapping string
	// Report is where refused lines are written; empty for FILE.refused.csv beside the file, written only if there
	// are any.
	Report  string
	DryRun  bool
	Chinese bool
	// Bar draws the progress bar on Err: for terminals only.
	Bar bool
	// Now is the clock for the bar's pace.
	Now func() time.Time
}

// shownRefusals is how many refused lines the terminal lists; the report has them all.
const shownRefusals = 10

// Import imports a file and tells how it went. It fails when the file as a whole cannot be read; refused lines are
// no failure, for the others are in.
func Import(ctx context.Context, orders *order.Orders, org change.Org, o Options, out, errOut io.Writer) error {
	m, err := os.ReadFile(o.Mapping)
	if err != nil {
		return fault.Wrap(err, mapping.Invalid, "the file cannot be opened")
	}
	rep := &report{path: o.Report, out: out, chinese: o.Chinese}
	if rep.path == "" {
		rep.path = strings.TrimSuffix(o.File, filepath.Ext(o.File)) + ".refused.csv"
	}
	b := &bar{w: errOut, on: o.Bar, now: o.Now}
	rep.before = b.clear
	done, err := orders.Import(ctx, order.Import{
		Org: org, File: o.File, Mapping: m, Actor: "system:import", DryRun: o.DryRun, Progress: b.draw, Refused: rep.add,
	})
	b.clear()
	if e := rep.close(); err == nil && e != nil {
		err = fault.Wrap(e, failure.Folder, "%s", rep.path)
	}
	if err != nil {
		return err
	}
	summary(out, done, o, rep)
	return nil
}

func summary(out io.Writer, d order.Outcome, o Options, rep *report) {
	say := func(en, zh string, args ...any) {
		if o.Chinese {
			en = zh
		}
		fmt.Fprintf(out, en+"\n", args...)
	}
	if rep.n > shownRefusals {
		say("  … and %d more refused lines in the report", "  …… 另有 %d 行被拒，见报告", rep.n-shownRefusals)
	}
	if o.DryRun {
		say("Dry run: nothing was written.", "试运行：没有写入任何内容。")
	}
	if d.Resumed > 0 {
		say("Went on behind line %d, where an earlier import was broken off.", "从上次中断的第 %d 行之后继续。", d.Resumed)
	}
	opened, openedZH := "tickets opened", "新开工单"
	if o.DryRun {
		opened, openedZH = "tickets would be opened", "将开工单"
	}
	say("%d lines: %d new, %d there already, %d left out by the mapping, %d refused; %d "+opened+".",
		"共 %d 行：新增 %d，已存在 %d，按映射跳过 %d，被拒 %d；"+openedZH+" %d。", d.Read, d.Added, d.Existing, d.Skipped, d.Refused, d.Tickets)
	if rep.n > 0 {
		say("Refused lines with their reasons: %s", "被拒行及原因：%s", rep.path)
	}
}

// report writes refused lines to a file that appears with the first of them, and the first few to the terminal.
type report struct {
	path    string
	out     io.Writer
	chinese bool
	before  func()
	n, last int // refused lines, and the last one
	file    *os.File
	csv     *refusal.Report
}

func (r *report) add(x refusal.Refusal) error {
	if r.file == nil {
		f, err := os.OpenFile(r.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // it holds customers' data
		if err != nil {
			return fault.Wrap(err, failure.Folder, "%s", r.path)
		}
		r.file = f
		if r.csv, err = refusal.NewReport(f); err != nil {
			return err
		}
	}
	if x.Line != r.last {
		r.n, r.last = r.n+1, x.Line
	}
	if r.n <= shownRefusals {
		r.before()
		word, reason := "line", x.English()
		if r.chinese {
			word, reason = "行", x.Chinese()
		}
		where := x.Column
		if x.Value != "" {
			where = strings.TrimSpace(where + " " + fmt.Sprintf("%q", x.Value))
		}
		fmt.Fprintf(r.out, "  %s %d: %s: %s [%s]\n", word, x.Line, where, reason, x.Code)
	}
	return r.csv.Add(x)
}

func (r *report) close() error {
	if r.file == nil {
		return nil
	}
	err := r.csv.Flush()
	if e := r.file.Close(); err == nil {
		err = e
	}
	return err
}

// bar draws how much of the file has been read, at most ten times a second.
type bar struct {
	w     io.Writer
	on    bool
	now   func() time.Time
	last  time.Time
	start time.Time
	drawn bool
}

const barWidth = 30

func (b *bar) draw(done, total int64) {
	if !b.on || total <= 0 {
		return
	}
	now := b.now()
	if b.start.IsZero() {
		b.start = now
	}
	if now.Sub(b.last) < 100*time.Millisecond && done < total {
		return
	}
	b.last, b.drawn = now, true
	full := int(done * barWidth / total)
	left := ""
	if spent := now.Sub(b.start); done > 0 && spent > time.Second {
		left = "  " + (spent * time.Duration(total-done) / time.Duration(done)).Round(time.Second).String()
	}
	fmt.Fprintf(b.w, "\r[%s%s] %3d%%  %s / %s%s \x1b[K", strings.Repeat("█", full), strings.Repeat("░", barWidth-full),
		done*100/total, size(done), size(total), left)
}

func (b *bar) clear() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn = false
	}
}

func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprint(n)
}

// Propose writes a mapping for the file's own headers, as a beginning.
func Propose(file string, out io.Writer) error {
	rows, err := sheet.Open(file, sheet.Options{})
	if err != nil {
		return err
	}
	defer rows.Close()
	row, err := rows.Next()
	if err != nil {
		return fault.Wrap(err, sheet.FileRefused, "no line with the names of the columns")
	}
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	_, err = io.WriteString(out, mapping.Propose(name, row.Cells))
	return err
}
