package audit

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
)

// port is one entry of a service's ports, with every variable at its default. Ranges are not written out.
type port struct {
	at        value
	text      string // as it is written, where variables may be
	target    span
	published span // zero when Docker chooses
	protocol  string
}

// span is a range of ports, one at least; the zero span is none.
type span struct{ low, high int }

func newSpan(text string) span {
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	low, err1 := strconv.Atoi(first)
	high, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil || low < 1 || high > 65535 || high < low {
		return span{}
	}
	return span{low, high}
}

// ports reads the entries of a service's ports, in the short and the long form. What Compose cannot read is for
// Compose to refuse.
func ports(service value, f *folder) []port {
	var all []port
	for _, v := range service.at("ports").items() {
		p := port{at: v, text: v.text(), protocol: "tcp"}
		if v.isMapping() {
			p.text = v.at("published").text()
			p.target, p.published = newSpan(fill(v.at("target").text(), f)), newSpan(fill(p.text, f))
			p.protocol = cmp.Or(fill(v.at("protocol").text(), f), p.protocol)
		} else {
			text, protocol, _ := strings.Cut(fill(p.text, f), "/")
			rest := text[:max(0, strings.LastIndexByte(text, ':'))] // [address:]published
			p.target, p.published = newSpan(text[strings.LastIndexByte(text, ':')+1:]), newSpan(rest[strings.LastIndexByte(rest, ':')+1:])
			p.protocol = cmp.Or(protocol, p.protocol)
		}
		all = append(all, p)
	}
	return all
}

// inside reports whether the entry is for this port in the container.
func (p port) inside(number int) bool { return p.target.low <= number && number <= p.target.high }

// maxSpan is how many ports of a range are compared with those of others. More are no default that anybody chose.
const maxSpan = 256

// host are the ports on this machine, such as 8080/tcp.
func (p port) host() []string {
	var all []string
	for n := p.published.low; n > 0 && n <= p.published.high && len(all) < maxSpan; n++ {
		all = append(all, strconv.Itoa(n)+"/"+p.protocol)
	}
	return all
}

// maxFilled is how long a text may be in which variables are looked up, in bytes.
const maxFilled = 4 << 10

// fill puts the defaults of variables into a text: those of an installed extension's manifest, as when it runs, else
// the file's own. A text that cannot do without a variable stays as it is.
func fill(text string, f *folder) string {
	if !strings.Contains(text, "$") || len(text) > maxFilled {
		return text
	}
	filled, err := template.SubstituteWithOptions(text, func(key string) (string, bool) {
		if f == nil || f.manifest == nil || f.builtin() {
			return "", false
		}
		for _, v := range f.manifest.Service.EnvVars {
			if v.Key == key && v.Default != nil {
				return *v.Default, true
			}
		}
		return "", false
	}, template.WithoutLogging)
	if err != nil {
		return text
	}
	return filled
}
