package phone

import (
	"strconv"
	"strings"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// on is which job a command is about.
type on struct {
	Job string `name:"job" short:"t" help:"The job: its place in the last list, or the end of its number; the current one when absent."`
}

// upon is which job a command is about that takes nothing else: as its word, or as --job like everywhere.
type upon struct {
	Word string `arg:"" optional:"" name:"job" help:"The job: its place in the last list, or the end of its number; the current one when absent."`
	on
}

func (u upon) job() string {
	if u.Word != "" {
		return u.Word
	}
	return u.Job
}

// where is where the phone is.
type where struct {
	At string `help:"Where the phone is: LATITUDE,LONGITUDE." placeholder:"LAT,LON"`
}

func (w where) position() (*typesv1.Position, error) {
	if w.At == "" {
		return nil, nil
	}
	a, b, _ := strings.Cut(w.At, ",")
	lat, err1 := strconv.ParseFloat(strings.TrimSpace(a), 64)
	lon, err2 := strconv.ParseFloat(strings.TrimSpace(b), 64)
	if err1 != nil || err2 != nil || lat < -90 || lat > 90 || lon < -180 || lon > 180 {
		return nil, fault.New(fault.InvalidArgument, "--at %s", w.At)
	}
	return &typesv1.Position{Latitude: lat, Longitude: lon}, nil
}

// onVisit finds the job, sees that what is to be done is offered for its visit now, makes the job the current one
// and saves the mutation. next is the state in which the visit will be, 0 when it stays.
func onVisit[T any, M offline.Message[T]](p *Phone, typed string, m offline.Mutator[T, M], next fieldv1.VisitState,
	args func(visit []byte, v *offline.View, j job) (M, error),
) error {
	var a M
	var j job
	err := p.store.Read(p.ctx, func(v *offline.View) (err error) {
		if j, err = p.find(v, typed); err != nil {
			return err
		}
		if a, err = args(j.visit.GetId(), v, j); err != nil {
			return err
		}
		if !m.Offered(v, a) {
			w := visitWords[j.visit.GetState()]
			if next == fieldv1.VisitState_VISIT_STATE_ON_SITE && m.Kind == field.VisitResume.Kind {
				return fault.New(NotOnBreak, "%s: %s", j.ticket.GetNumber(), p.pick(w[0], w[1]))
			}
			return fault.New(fault.StateForbids, "%s: %s", j.ticket.GetNumber(), p.pick(w[0], w[1]))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.remember(fileCurrent, j.ticket.GetId()); err != nil {
		return err
	}
	if err := p.noteAbout(about{j.ticket.GetNumber(), j.ticket.GetCustomer().GetName()}, j.ticket.GetId(),
		j.visit.GetId()); err != nil {
		return err
	}
	return act(p, m, a, func() {
		if next != 0 {
			p.say("%s → %s", "%s → %s", j.ticket.GetNumber(), p.visitWord(next))
		}
	})
}

type acceptCmd struct {
	upon
}

func (c acceptCmd) Run(p *Phone) error {
	return onVisit(p, c.job(), field.VisitAccept,
		fieldv1.VisitState_VISIT_STATE_ACCEPTED, func(id []byte, _ *offline.View, _ job) (*fieldv1.VisitAccept, error) {
			return &fieldv1.VisitAccept{VisitId: id}, nil
		})
}

type declineCmd struct {
	Words []string `arg:"" name:"job-and-reason" help:"The job, unless --job names it or it is the current one, and the reason: its key or words."`
	on
	Note string `help:"More words."`
}

// read tells the job from the reason.
func (c declineCmd) read() (job, reason string, err error) {
	switch {
	case len(c.Words) == 1:
		return c.Job, c.Words[0], nil
	case len(c.Words) == 2 && c.Job == "":
		return c.Words[0], c.Words[1], nil
	}
	return "", "", fault.New(fault.InvalidArgument, "decline takes a job and a reason, not %s", strings.Join(c.Words, " "))
}

func (c declineCmd) Run(p *Phone) error {
	typed, why, err := c.read()
	if err != nil {
		return err
	}
	return onVisit(p, typed, field.VisitDecline,
		fieldv1.VisitState_VISIT_STATE_DECLINED, func(id []byte, v *offline.View, _ job) (*fieldv1.VisitDecline, error) {
			reason, err := p.reason(v, "decline", why)
			return &fieldv1.VisitDecline{VisitId: id, Reason: reason, Note: c.Note}, err
		})
}

type travelCmd struct {
	upon
	where
}

func (c travelCmd) Run(p *Phone) error {
	return onVisit(p, c.job(), field.VisitTravel,
		fieldv1.VisitState_VISIT_STATE_TRAVELING, func(id []byte, _ *offline.View, _ job) (*fieldv1.VisitTravel, error) {
			at, err := c.position()
			return &fieldv1.VisitTravel{VisitId: id, Position: at}, err
		})
}

type arriveCmd struct {
	upon
	where
}

func (c arriveCmd) Run(p *Phone) error {
	return onVisit(p, c.job(), field.VisitArrive,
		fieldv1.VisitState_VISIT_STATE_ON_SITE, func(id []byte, _ *offline.View, _ job) (*fieldv1.VisitArrive, error) {
			at, err := c.position()
			return &fieldv1.VisitArrive{VisitId: id, Position: at}, err
		})
}

type breakCmd struct{ upon }

func (c breakCmd) Run(p *Phone) error {
	return onVisit(p, c.job(), field.VisitBreak,
		fieldv1.VisitState_VISIT_STATE_ON_BREAK, func(id []byte, _ *offline.View, _ job) (*fieldv1.VisitBreak, error) {
			return &fieldv1.VisitBreak{VisitId: id}, nil
		})
}

type resumeCmd struct{ upon }

func (c resumeCmd) Run(p *Phone) error {
	return onVisit(p, c.job(), field.VisitResume,
		fieldv1.VisitState_VISIT_STATE_ON_SITE, func(id []byte, _ *offline.View, _ job) (*fieldv1.VisitResume, error) {
			return &fieldv1.VisitResume{VisitId: id}, nil
		})
}

type completeCmd struct {
	upon
	where
	Force bool `help:"Send it although something is missing; the office decides."`
}

func (c completeCmd) Run(p *Phone) error {
	var visit []byte
	err := onVisit(p, c.job(), field.VisitComplete,
		fieldv1.VisitState_VISIT_STATE_COMPLETED, func(id []byte, v *offline.View, j job) (*fieldv1.VisitComplete, error) {
			d := read(v, j)
			if words := p.missing(d); len(words) > 0 && !c.Force {
				code := checklist.Incomplete
				if len(d.gaps) == 0 {
					code = agreement.ChargesNotAgreed
				}
				return nil, fault.New(code, "%s", strings.Join(words, p.pick("；", "; ")))
			}
			visit = id
			at, err := c.position()
			return &fieldv1.VisitComplete{VisitId: id, Position: at}, err
		})
	if err != nil || p.json {
		return err
	}
	return p.sayMissing(visit)
}

type cannotCmd struct {
	Reason string `arg:"" help:"Reason: its key or words."`
	on
	Note      string `help:"More words."`
	Partially bool   `help:"Some of the work is done and stays."`
}

func (c cannotCmd) Run(p *Phone) error {
	next := fieldv1.VisitState_VISIT_STATE_CANNOT_COMPLETE
	if c.Partially {
		next = fieldv1.VisitState_VISIT_STATE_PARTIALLY_COMPLETED
	}
	return onVisit(p, c.Job, field.VisitCannotComplete,
		next, func(id []byte, v *offline.View, _ job) (*fieldv1.VisitCannotComplete, error) {
			reason, err := p.reason(v, "cannot_complete", c.Reason)
			return &fieldv1.VisitCannotComplete{VisitId: id, Reason: reason, Note: c.Note, Partially: c.Partially}, err
		})
}

type answerCmd struct {
	Step  string   `arg:"" help:"Its place in the checklist, or its key."`
	Value []string `arg:"" help:"yes/no, a number, a choice, or words."`
	on
}

func (c answerCmd) Run(p *Phone) error {
	return onVisit(p, c.Job, field.AnswerTask, 0, func(id []byte, v *offline.View, j job) (*fieldv1.AnswerTask, error) {
		s, err := p.step(v, j, c.Step)
		if err != nil {
			return nil, err
		}
		a, err := p.value(s, strings.Join(c.Value, " "))
		if err != nil {
			return nil, err
		}
		out := &fieldv1.AnswerTask{VisitId: id, Step: s.GetKey()}
		switch value := a.GetValue().(type) {
		case *fieldv1.TaskAnswer_Check:
			out.Value = &fieldv1.AnswerTask_Check{Check: value.Check}
		case *fieldv1.TaskAnswer_Number:
			out.Value = &fieldv1.AnswerTask_Number{Number: value.Number}
		case *fieldv1.TaskAnswer_Text:
			out.Value = &fieldv1.AnswerTask_Text{Text: value.Text}
		}
		return out, checklist.CheckAnswer(s, a)
	})
}

// value reads what was typed as the step wants it.
func (p *Phone) value(s *fieldv1.Step, typed string) (*fieldv1.TaskAnswer, error) {
	a := &fieldv1.TaskAnswer{Step: s.GetKey()}
	switch s.GetKind() {
	case fieldv1.StepKind_STEP_KIND_CHECK:
		switch strings.ToLower(typed) {
		case "yes", "y", "true", "ok", "1", "是", "好", "✓":
			a.Value = &fieldv1.TaskAnswer_Check{Check: true}
		case "no", "n", "false", "0", "否":
			a.Value = &fieldv1.TaskAnswer_Check{Check: false}
		default:
			return nil, fault.New(fault.InvalidArgument, "step %s: expects yes or no", s.GetKey())
		}
	case fieldv1.StepKind_STEP_KIND_NUMBER:
		n, err := strconv.ParseFloat(strings.TrimSuffix(typed, s.GetUnit()), 64)
		if err != nil {
			return nil, fault.New(fault.InvalidArgument, "step %s: expects a number", s.GetKey())
		}
		a.Value = &fieldv1.TaskAnswer_Number{Number: n}
	case fieldv1.StepKind_STEP_KIND_CHOICE:
		for _, one := range s.GetChoices() {
			if one.GetKey() == typed || one.GetName().GetZh() == typed || strings.EqualFold(one.GetName().GetEn(), typed) {
				typed = one.GetKey()
			}
		}
		a.Value = &fieldv1.TaskAnswer_Text{Text: typed}
	case fieldv1.StepKind_STEP_KIND_PHOTO, fieldv1.StepKind_STEP_KIND_SIGNATURE:
		return nil, fault.New(fault.InvalidArgument, "step %s: is answered by photo or sign", s.GetKey())
	default:
		a.Value = &fieldv1.TaskAnswer_Text{Text: typed}
	}
	return a, nil
}

func formatNumber(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) }

type partCmd struct {
	Item     string `arg:"" help:"SKU or name."`
	Quantity uint32 `arg:"" optional:"" default:"1"`
	on
}

func (c partCmd) Run(p *Phone) error {
	return onVisit(p, c.Job, field.AddPart, 0, func(id []byte, v *offline.View, j job) (*fieldv1.AddPart, error) {
		item, err := p.priceItem(v, j, fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART, c.Item)
		if err != nil {
			return nil, err
		}
		own, err := newID()
		return &fieldv1.AddPart{Id: own, VisitId: id, PriceItemId: item.GetId(), Quantity: c.Quantity}, err
	})
}

type surchargeCmd struct {
	Item     string `arg:"" help:"SKU or name."`
	Quantity uint32 `arg:"" optional:"" default:"1"`
	on
}

func (c surchargeCmd) Run(p *Phone) error {
	return onVisit(p, c.Job, field.AddSurcharge,
		0, func(id []byte, v *offline.View, j job) (*fieldv1.AddSurcharge, error) {
			item, err := p.priceItem(v, j, fieldv1.PriceItemKind_PRICE_ITEM_KIND_SURCHARGE, c.Item)
			if err != nil {
				return nil, err
			}
			own, err := newID()
			return &fieldv1.AddSurcharge{Id: own, VisitId: id, PriceItemId: item.GetId(), Quantity: c.Quantity}, err
		})
}

type noteCmd struct {
	Text []string `arg:"" help:"The words."`
	on
}

func (c noteCmd) Run(p *Phone) error {
	return onVisit(p, c.Job, field.AddNote, 0, func(_ []byte, _ *offline.View, j job) (*fieldv1.AddNote, error) {
		own, err := newID()
		return &fieldv1.AddNote{Id: own, TicketId: j.ticket.GetId(), Text: strings.Join(c.Text, " ")}, err
	})
}
