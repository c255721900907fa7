package statement

import (
	"strings"
	"unicode"
)

// scan cuts SQL into lower-case words, parameters ($1) and single marks. What stands in quotes becomes one token
// that begins with the quote; comments vanish.
func scan(sql string) []string {
	var out []string
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(sql[i:], "--"):
			i = after(sql, i, "\n")
		case strings.HasPrefix(sql[i:], "/*"):
			i = after(sql, i+2, "*/")
		case c == '\'' || c == '"':
			end := after(sql, i+1, string(c))
			out = append(out, sql[i:end])
			i = end
		case c == '$' && i+1 < len(sql) && unicode.IsDigit(rune(sql[i+1])), word(rune(c)):
			end := i + 1
			for end < len(sql) && word(rune(sql[end])) {
				end++
			}
			out = append(out, strings.ToLower(sql[i:end]))
			i = end
		default:
			out = append(out, sql[i:i+1])
			i++
		}
	}
	return out
}

// after is the place behind the next end at or after from, or the end of all.
func after(sql string, from int, end string) int {
	if at := strings.Index(sql[from:], end); at >= 0 {
		return from + at + len(end)
	}
	return len(sql)
}

func word(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || r >= 0x80 }

// before are words after which a FROM or an UPDATE names no table: IS DISTINCT FROM, FOR UPDATE, DO UPDATE.
var before = map[string]bool{"distinct": true, "for": true, "do": true, "key": true, "on": true}

// endsList are words that end a list of tables.
var endsList = map[string]bool{
	"where": true, "group": true, "order": true, "having": true, "limit": true, "offset": true, "union": true, "set": true,
	"values": true, "returning": true, "window": true, "select": true, "except": true, "intersect": true, ";": true,
}

// ownFrom are functions whose arguments have a FROM of their own.
var ownFrom = map[string]bool{"extract": true, "substring": true, "trim": true, "overlay": true}

// tables are the names that stand where a statement names tables; functions and common table expressions are
// among them.
func tables(tokens []string) []string {
	type frame struct{ inList, deaf bool }
	var out []string
	stack := []frame{{}}
	expect, previous := false, ""
	for i, t := range tokens {
		top := &stack[len(stack)-1]
		switch {
		case t == "(":
			stack = append(stack, frame{deaf: ownFrom[previous]})
			expect = false
		case t == ")":
			if len(stack) > 1 {
				stack = stack[:len(stack)-1]
			}
			expect = false
		case t == ",":
			expect = top.inList
		case top.deaf:
		case t == "from", t == "update":
			expect = !before[previous]
			top.inList = expect && t == "from"
		case t == "join", t == "into", t == "using", t == "truncate":
			expect = true
		case t == "only", t == "table", t == "lateral":
		case endsList[t]:
			expect, top.inList = false, false
		case expect && (word(rune(t[0])) || t[0] == '"'):
			if strings.Trim(t, `"`) == "public" && i+1 < len(tokens) && tokens[i+1] == "." {
				break
			}
			out = append(out, strings.Trim(t, `"`))
			expect = false
		}
		previous = t
	}
	return out
}
