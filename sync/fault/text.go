package fault

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// Text is a sentence for people: a key and its arguments. The key is the English sentence with %s in the place of each
// argument, as gettext has it; Translate gives its Chinese. A Text can be compared with == and stored as a string:
// Text(stored) reads it back. A string that was never encoded, such as a stored sentence of an older version, is a Text
// that is the same in every language.
type Text string

// encoded is the stored form of a Text with arguments, or of one whose words were made in both languages.
type encoded struct {
	Key string `json:"key,omitempty"`
	// Args are strings, or Texts of their own.
	Args []argument `json:"args,omitempty"`
	// Both are the Chinese and the English words, instead of a key.
	Both []string `json:"both,omitempty"`
}

// argument is one argument: a word that is the same in every language, or a Text.
type argument struct {
	Word string `json:"word,omitempty"`
	Text Text   `json:"text,omitempty"`
}

// Textf makes a Text. The format is constant and in English; it is the key. Verbs are those of Sprintf and write their
// argument at once; an argument that is a Text, or an error of this package, is said in the reader's language.
func Textf(format string, args ...any) Text {
	if len(args) == 0 {
		return plain(format)
	}
	key, verbs := places(format)
	if len(verbs) != len(args) {
		// A programming error, which go vet finds; Sprintf shows what is wrong.
		return plain(fmt.Sprintf(format, args...))
	}
	t := encoded{Key: key}
	for i, a := range args {
		switch a := a.(type) {
		case Text:
			t.Args = append(t.Args, argument{Text: a})
		default:
			t.Args = append(t.Args, argument{Word: fmt.Sprintf(verbs[i], a)})
		}
	}
	if key == "%s" { // nothing of its own
		if a := t.Args[0]; a.Text != "" || a.Word == "" {
			return a.Text
		}
		return plain(t.Args[0].Word)
	}
	return t.text()
}

// Both is a Text whose words are made in both languages where it arises, such as one that names the steps of a
// company's checklist.
func Both(zh, en string) Text { return encoded{Both: []string{zh, en}}.text() }

// Key is a Text whose key a variable names, such as a state. A word without Chinese is the same in every language.
func Key(key string) Text { return plain(key) }

// Join puts texts behind each other, with the separator of the reader's language between them.
func Join(texts []Text, zh, en string) Text {
	var out Text
	for i, t := range texts {
		if i == 0 {
			out = t
			continue
		}
		out = encoded{Key: "%s%s%s", Args: []argument{{Text: out}, {Text: Both(zh, en)}, {Text: t}}}.text()
	}
	return out
}

// plain is a Text without arguments.
func plain(s string) Text {
	if strings.HasPrefix(s, "{") { // it would be read as the encoded form
		return encoded{Key: "%s", Args: []argument{{Word: s}}}.text()
	}
	return Text(s)
}

func (e encoded) text() Text {
	b, err := json.Marshal(e)
	if err != nil { // strings only: it cannot fail
		return Text(e.Key)
	}
	return Text(b)
}

// In is the sentence in a language: "zh", or anything else for English.
func (t Text) In(lang string) string {
	var e encoded
	if !strings.HasPrefix(string(t), "{") || json.Unmarshal([]byte(t), &e) != nil {
		return translated(string(t), lang)
	}
	if len(e.Both) == 2 {
		if lang == "zh" {
			return e.Both[0]
		}
		return e.Both[1]
	}
	args := make([]any, len(e.Args))
	for i, a := range e.Args {
		args[i] = a.Word
		if a.Text != "" {
			args[i] = a.Text.In(lang)
		}
	}
	return printer(lang).Sprintf(e.Key, args...)
}

// String is the English sentence, for logs.
func (t Text) String() string { return t.In("en") }

// places are the verbs of a format, and the format with %s in place of each.
func places(format string) (key string, verbs []string) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		j := i + 1
		for j < len(format) && strings.IndexByte("+-# 0123456789.", format[j]) >= 0 {
			j++
		}
		if j == len(format) || format[j] == '%' {
			b.WriteString("%%")
		} else {
			b.WriteString("%s")
			verbs = append(verbs, format[i:j+1])
		}
		i = j
	}
	return b.String(), verbs
}

// The Chinese of all keys. Packages fill it before main runs and nobody changes it afterwards.
var (
	chinese = map[string]string{}
	builder = catalog.NewBuilder(catalog.Fallback(language.English))
	speaks  = sync.OnceValue(func() *message.Printer {
		return message.NewPrinter(language.Chinese, message.Catalog(builder))
	})
	english = message.NewPrinter(language.English, message.Catalog(catalog.NewBuilder()))
)

// Translate gives the Chinese of keys, as Textf makes them: with %s in every place; %[2]s and the like change their
// order. It returns the keys' number, so that a package can call it in a declaration:
//
//	var _ = fault.Translate(map[string]string{"login %s is taken": "账号 %s 已被占用"})
//
// It panics for a key that has another Chinese already.
func Translate(rows map[string]string) int {
	for key, zh := range rows {
		if was, twice := chinese[key]; twice && was != zh {
			panic("fault: two translations of " + key)
		}
		chinese[key] = zh
		if strings.Contains(key, "%") {
			if err := builder.SetString(language.Chinese, key, zh); err != nil {
				panic("fault: " + key + ": " + err.Error())
			}
		}
	}
	return len(rows)
}

// Translations are all keys with their Chinese, for tests.
func Translations() map[string]string {
	out := make(map[string]string, len(chinese))
	maps.Copy(out, chinese)
	return out
}

// translated is a key without places in a language, or the key itself.
func translated(key, lang string) string {
	if zh, ok := chinese[key]; ok && lang == "zh" {
		return zh
	}
	return key
}

func printer(lang string) *message.Printer {
	if lang == "zh" {
		return speaks()
	}
	return english
}
