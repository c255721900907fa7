package phone

import (
	"bufio"
	"strings"
	"unicode"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type shellCmd struct{}

// Run reads commands line by line until the input ends.
func (shellCmd) Run(p *Phone) error {
	d, err := p.store.Device(p.ctx)
	if err != nil {
		return err
	}
	if d.Enrolled() {
		p.say("%s，您好。输入 today 看今日工单，help 看全部命令，exit 离开。",
			"Hello %s. Type today for your jobs, help for all commands, exit to leave.", d.UserName)
	} else {
		p.say("这台手机还没有登记：enrol 登记码 --server 地址", "This phone is not enrolled yet: enrol CODE --server URL")
	}
	lines := bufio.NewScanner(p.In)
	for p.prompt(); lines.Scan(); p.prompt() {
		words, err := split(lines.Text())
		if err == nil && len(words) == 0 {
			continue
		}
		if err == nil && (words[0] == "exit" || words[0] == "quit") {
			break
		}
		if err == nil {
			err = p.command(words)
		}
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		if err != nil {
			p.say("%s", "%s", p.paint(red, offline.Sentence(spoken(err), p.lang)))
			if p.json {
				p.jsonError(err)
			}
		}
	}
	return lines.Err()
}

func (p *Phone) prompt() {
	if !p.Terminal || p.json {
		return
	}
	mark := ""
	if u, err := p.store.Unsent(p.ctx); err == nil && !u.Empty() {
		mark = p.paint(yellow, "●")
	}
	_, _ = p.Out.Write([]byte(p.paint(cyan, "doorstep") + mark + "> ")) // a terminal that is gone ends the input too
}

// command runs one line of the prompt.
func (p *Phone) command(words []string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(left); !ok {
				panic(v)
			}
			err = nil
		}
	}()
	if words[0] == "help" {
		words = append(words[1:], "--help")
	}
	var a actions
	parser, err := newParser(&a, p.Console, p.lang, "", p.pick("可用命令", "What can be typed"))
	if err != nil {
		return err
	}
	k, err := parser.Parse(words)
	if err != nil {
		return mistyped(err)
	}
	return k.Run(p)
}

// split parts a line into words; quotes of both kinds hold words together.
func split(line string) (words []string, err error) {
	var word strings.Builder
	var quote rune
	in := false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, in = r, true
		case unicode.IsSpace(r):
			if in {
				words = append(words, word.String())
				word.Reset()
			}
			in = false
		default:
			in = true
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, fault.New(fault.InvalidArgument, "the quotation mark %c is not closed", quote)
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}
