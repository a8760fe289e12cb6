package scaffold

import "strings"

// use is one ${NAME…} in a text of a compose file.
type use struct {
	name     string
	operator string // "", ":-", "-", ":?", "?", ":+" or "+"
	operand  string
}

// String is the reference as Compose reads it.
func (r use) String() string { return "${" + r.name + r.operator + r.operand + "}" }

// rewrite replaces the references in a text by what f makes of them. $$ stays; a $ that Compose would refuse becomes one.
func rewrite(s string, f func(use) string) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(s, '$')
		if at < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:at])
		s = s[at:]
		r, rest, ok := cut(s)
		if !ok {
			b.WriteString("$$")
			s = strings.TrimPrefix(s[1:], "$")
			continue
		}
		b.WriteString(f(r))
		s = rest
	}
}

// cut takes a reference off the front of a text.
func cut(s string) (r use, rest string, ok bool) {
	if len(s) == 1 {
		return r, s, false
	}
	if s[1] != '{' {
		end := nameEnd(s[1:])
		return use{name: s[1 : 1+end]}, s[1+end:], end > 0
	}
	end := closing(s[2:])
	if end < 0 {
		return r, s, false
	}
	inner, rest := s[2:2+end], s[2+end+1:]
	n := nameEnd(inner)
	r.name = inner[:n]
	for _, operator := range []string{":-", ":?", ":+", "-", "?", "+", ""} {
		if operand, found := strings.CutPrefix(inner[n:], operator); found {
			r.operator, r.operand = operator, operand
			break
		}
	}
	return r, rest, n > 0 && (r.operator != "" || r.operand == "")
}

// nameEnd is how much of s is the name of a variable.
func nameEnd(s string) int {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' && (c < '0' || c > '9' || i == 0) {
			return i
		}
	}
	return len(s)
}

// closing is where the brace closes that was opened before s; -1 where it does not.
func closing(s string) int {
	depth := 1
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "${"):
			depth++
			i++
		case s[i] == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// folderOf is the text with each reference replaced by its default; what has none is a folder beside the file.
func folderOf(s string) string {
	place := rewrite(s, func(r use) string {
		if value := defaults(r.String()); value != "" {
			return value
		}
		return "./" + strings.ToLower(r.name)
	})
	return strings.ReplaceAll(place, "/./", "/")
}

// maxNested bounds the references in references: Compose gives up far earlier.
const maxNested = 8

// defaults is the text with each reference replaced by its default; what has none is empty.
func defaults(s string) string { return defaultsWithin(s, maxNested) }

func defaultsWithin(s string, levels int) string {
	return rewrite(s, func(r use) string {
		if levels == 0 || !strings.HasSuffix(r.operator, "-") {
			return ""
		}
		return defaultsWithin(r.operand, levels-1)
	})
}
