package phone

import (
	"bytes"
	"cmp"
	"encoding/json"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// maxPhoto is the greatest size of a photo in bytes.
const maxPhoto = 64 << 20

type photoCmd struct {
	Step string `arg:"" help:"Its place in the checklist, or its key."`
	File string `arg:"" type:"existingfile" help:"The picture: JPEG, PNG, WebP, HEIC or AVIF."`
	Kind string `help:"What it shows: before, serial_plate, after, surcharge, other; what the step asks for when absent." enum:"before,serial_plate,after,surcharge,other," default:""`
	on
	where
}

func (c photoCmd) Run(p *Phone) error {
	var args *fieldv1.AttachProof
	var current []byte
	err := p.store.Read(p.ctx, func(v *offline.View) error {
		j, err := p.find(v, c.Job)
		if err != nil {
			return err
		}
		s, err := p.step(v, j, c.Step)
		if err != nil {
			return err
		}
		at, err := c.position()
		current = j.ticket.GetId()
		args = &fieldv1.AttachProof{VisitId: j.visit.GetId(), Step: s.GetKey(), Kind: s.GetProof(), Position: at}
		return err
	})
	if err != nil {
		return err
	}
	if n, ok := fieldv1.ProofKind_value["PROOF_KIND_"+strings.ToUpper(c.Kind)]; ok && c.Kind != "" {
		args.Kind = fieldv1.ProofKind(n)
	}
	if args.Kind == fieldv1.ProofKind_PROOF_KIND_UNSPECIFIED || args.Kind == fieldv1.ProofKind_PROOF_KIND_SIGNATURE {
		args.Kind = fieldv1.ProofKind_PROOF_KIND_OTHER
	}
	p.note("正在读取照片 %s", "reading the photo %s", filepath.Base(c.File))
	kept, err := p.keep(c.File)
	if err != nil {
		return err
	}
	args.Id, args.Sha256, args.Size, args.MediaType = kept.ID[:], kept.SHA256, uint64(kept.Size), kept.Media
	if err := p.remember(fileCurrent, current); err != nil {
		return err
	}
	return act(p, field.AttachProof, args, func() {
		p.say("照片 %s，%d KB，SHA-256 %s…", "photo %s, %d KB, SHA-256 %s…", filepath.Base(c.File), (kept.Size+1023)/1024,
			short(kept.SHA256))
	}, kept)
}

// keep copies a picture into the phone. What is empty or no picture is refused here, while it can still be taken again.
func (p *Phone) keep(path string) (offline.Kept, error) {
	f, err := os.Open(path)
	if err != nil {
		return offline.Kept{}, fault.Wrap(err, fault.InvalidArgument, "%s", path)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() > maxPhoto {
		return offline.Kept{}, fault.Wrap(err, fault.InvalidArgument, "%s: a photo has 1 byte to 64 MiB", filepath.Base(path))
	}
	return p.store.Keep(p.ctx, f, "")
}

type signCmd struct {
	Name    string `arg:"" help:"Who signs."`
	Strokes string `help:"JSON file of strokes: [[[x, y, milliseconds], …], …], x and y from 0 to 100. A scribble made from the name when absent." type:"existingfile"`
	Step    string `help:"Its place in the checklist, or its key; the first that asks for a signature when absent."`
	on
}

func (c signCmd) Run(p *Phone) error {
	name := strings.TrimSpace(c.Name)
	if name == "" {
		return fault.New(fault.InvalidArgument, "the signer's name is empty: sign NAME")
	}
	strokes := scribble(name)
	if c.Strokes != "" {
		var err error
		if strokes, err = readStrokes(c.Strokes); err != nil {
			return err
		}
	} else {
		p.note(p.paint(dim, "没有手写板：笔迹由姓名生成，仅供演示"),
			p.paint(dim, "no pad here: the strokes are made from the name, for show only"))
	}
	picture, err := draw(strokes)
	if err != nil {
		return err
	}
	return onVisit(p, c.Job, field.SignSignature,
		0, func(id []byte, v *offline.View, j job) (*fieldv1.SignSignature, error) {
			own, err := newID()
			if err != nil {
				return nil, err
			}
			step, err := p.signatureStep(v, j, c.Step)
			if err != nil {
				return nil, err
			}
			language := cmp.Or(j.ticket.GetCustomer().GetLanguage(), "zh")
			lines := agreement.Lines(j.ticket)
			shown := terms(v, j, lines, language)
			p.showTerms(shown, language)
			return &fieldv1.SignSignature{
				Id: own, VisitId: id, Step: step, SignerName: name, Terms: shown, TicketHash: j.ticket.GetEventHash(),
				Strokes: strokes, Image: picture, Language: language,
				Lines: lines, Totals: agreement.Totals(lines), ContentHash: agreement.Hash(j.ticket.GetId(), lines),
			}, nil
		})
}

func (p *Phone) signatureStep(v *offline.View, j job, typed string) (string, error) {
	if typed != "" {
		s, err := p.step(v, j, typed)
		return s.GetKey(), err
	}
	for _, s := range field.Templates.Get(v, j.ticket.GetTemplateId()).GetSteps() {
		if s.GetKind() == fieldv1.StepKind_STEP_KIND_SIGNATURE {
			return s.GetKey(), nil
		}
	}
	return "", nil
}

func readStrokes(path string) ([]*fieldv1.Stroke, error) {
	b, err := os.ReadFile(path)
	var all [][][3]uint32
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil || len(all) == 0 || len(all) > 500 {
		return nil, fault.Wrap(err, fault.InvalidArgument, "%s", filepath.Base(path))
	}
	var out []*fieldv1.Stroke
	for _, line := range all {
		s := &fieldv1.Stroke{}
		for _, point := range line {
			s.X, s.Y, s.TMs = append(s.X, point[0]), append(s.Y, point[1]), append(s.TMs, point[2])
		}
		out = append(out, s)
	}
	return out, nil
}

// scribble makes strokes from a name, always the same ones: a wave for each letter.
func scribble(name string) []*fieldv1.Stroke {
	var out []*fieldv1.Stroke
	letters := []rune(name)
	for i, r := range letters {
		h := fnv.New32a()
		_, _ = h.Write([]byte(string(r))) // a hash never fails
		seed := float64(h.Sum32()%97) / 97
		s := &fieldv1.Stroke{}
		for k := range 24 {
			t := float64(k) / 23
			x := (float64(i) + t) * 90 / float64(len(letters))
			y := 18 + 12*math.Sin(t*(5+7*seed)+6*seed)
			s.X, s.Y = append(s.X, uint32(5+x)), append(s.Y, uint32(y))
			s.TMs = append(s.TMs, uint32(i*400+k*15))
		}
		out = append(out, s)
	}
	return out[:min(len(out), 100)]
}

// draw makes the small picture of the strokes.
func draw(strokes []*fieldv1.Stroke) ([]byte, error) {
	const scale = 3
	img := image.NewPaletted(image.Rect(0, 0, 101*scale, 40*scale), color.Palette{color.White, color.Black})
	for _, s := range strokes {
		for k := 1; k < min(len(s.GetX()), len(s.GetY())); k++ {
			x0, y0, x1, y1 := float64(s.X[k-1]), float64(s.Y[k-1]), float64(s.X[k]), float64(s.Y[k])
			steps := int(scale*math.Max(math.Abs(x1-x0), math.Abs(y1-y0))) + 1
			for n := range min(steps, 1000) + 1 {
				t := float64(n) / float64(steps)
				img.SetColorIndex(int(scale*(x0+(x1-x0)*t)), int(scale*(y0+(y1-y0)*t)), 1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, err
	}
	if b.Len() > 32<<10 {
		return nil, nil // the strokes themselves are the signature; the picture is for a quick look
	}
	return b.Bytes(), nil
}
