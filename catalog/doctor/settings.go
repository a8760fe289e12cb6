package doctor

import (
	"fmt"
	"strings"
	"time"
)

// Settings is what .env says. No value of it is a fact: only names, and what is wrong.
type Settings struct {
	File    string
	Missing bool // there is no such file
	Denied  bool // who looks may not read it
	Link    bool // the name is a symbolic link
	// Kind is what is there in place of a file, such as "a folder"; empty for a file, and for nothing.
	Kind string
	// Invalid are the words of whoever reads the settings: where, what, and what to write instead.
	Invalid []string
	// Keys are the lengths of the keys that .env must have, by name; 0 for one that it lacks.
	Keys  map[string]int
	Notes []string
}

// keyNames are the secrets that every installation has, and whether it works without.
var keyNames = []struct {
	name     string
	required bool
}{{"DASHBOARD_API_KEY", true}, {"DREAM_AGENT_KEY", true}, {"DREAM_AGENT_API_KEY", false}, {"WEBUI_SECRET", true}}

// KeyNames are the keys that .env must have.
func KeyNames() []string {
	names := make([]string, 0, len(keyNames))
	for _, k := range keyNames {
		names = append(names, k.name)
	}
	return names
}

// shortestKey is how long a key must be, in characters: 128 bits in hexadecimal.
const shortestKey = 32

func (s Settings) judge() []Finding {
	switch {
	case s.Kind != "":
		return []Finding{{
			Severity: Error, Title: s.File + " is " + s.Kind + ", not a file: it has no settings and no keys", Fix: "move it away\ndream init",
		}}
	case s.Missing && s.Link:
		return []Finding{{Severity: Error, Title: s.File + " is a symbolic link that leads nowhere: there are no keys", Fix: "remove it\ndream init"}}
	case s.Missing:
		return []Finding{{Severity: Error, Title: s.File + " does not exist: there are no keys", Fix: "dream init"}}
	case s.Denied:
		return []Finding{{Severity: Skipped, Title: s.File + " may not be read by this user", Fix: seeMore}}
	}
	var found []Finding
	if s.Link {
		found = append(found, Finding{
			Severity: Error, Title: s.File + " is a symbolic link, which writing would replace: `dream config` and `dream init` refuse to change it",
			Fix: "put the file that it leads to in its place",
		})
	}
	if len(s.Invalid) > 0 {
		found = append(found, Finding{
			Severity: Error, Title: "settings cannot be used", Detail: strings.Join(s.Invalid, "\n"),
			Fix: "mend the line, or remove it: then the default holds",
		})
	}
	found = append(found, s.judgeKeys()...)
	for _, note := range s.Notes {
		found = append(found, Finding{Severity: Warning, Title: strings.TrimSuffix(note, ".")})
	}
	if found == nil {
		return fine(s.File + " can be read, and has its keys")
	}
	return found
}

func (s Settings) judgeKeys() []Finding {
	if s.Keys == nil {
		return nil // the file cannot be parsed, which is said
	}
	var found []Finding
	for _, k := range keyNames {
		n := s.Keys[k.name]
		f := Finding{Severity: Warning}
		switch {
		case n == 0 && k.required:
			f.Severity, f.Title, f.Fix = Error, k.name+" is missing in .env", "dream init\nmake run"
		case n == 0:
			f.Title, f.Fix = k.name+" is missing in .env, which is older: the API shows the agent the owner's key", "dream init\nmake run"
		case n < shortestKey:
			f.Title = fmt.Sprintf("%s is short: %d characters, and %d or more cannot be guessed", k.name, n, shortestKey)
			f.Fix = "remove its line from .env; dream init makes a new one and make run hands it out"
		default:
			continue
		}
		found = append(found, f)
	}
	return found
}

// Certificate is what the dashboard shows to other machines.
type Certificate struct {
	Needed  bool // the dashboard is published for other machines
	File    string
	Address string // what it is published on
	Problem string // why there is none that can be used
	Denied  bool   // who looks may not read it
	From    time.Time
	Until   time.Time
	Hosts   []string // under which the dashboard is reached
	Foreign []string // those of them that it is not for
}

// renewBefore is how long before its end a certificate is reported.
const renewBefore = 14 * 24 * time.Hour

func (c Certificate) judge(now time.Time) []Finding {
	if !c.Needed {
		return fine("the dashboard serves this machine alone, and needs no certificate")
	}
	var found []Finding
	add := func(s Severity, title, fix string) {
		found = append(found, Finding{Severity: s, Title: title, Fix: fix})
	}
	const renew = "put a new one into tls/cert.pem and tls/key.pem; the dashboard takes it without a restart"
	if len(c.Hosts) == 0 {
		add(Error, "the dashboard is published on "+c.Address+" and DASHBOARD_ALLOWED_HOSTS is empty: it does not start",
			"set DASHBOARD_ALLOWED_HOSTS in .env to the names that other machines use, or DASHBOARD_LAN_ADDRESS to 127.0.0.1")
	}
	switch {
	case c.Denied:
		add(Skipped, "the certificate may not be read by this user", seeMore)
	case c.Problem != "":
		add(Error, "the dashboard is published on "+c.Address+" and has no certificate that it can use: "+c.Problem,
			"put one into tls/cert.pem and its key into tls/key.pem (docs/configuration.md), or set DASHBOARD_LAN_ADDRESS to 127.0.0.1")
	case now.After(c.Until):
		add(Error, "the certificate ended on "+c.Until.UTC().Format(time.DateOnly), renew)
	case now.Before(c.From):
		add(Error, "the certificate holds from "+c.From.UTC().Format(time.RFC3339)+" only", "timedatectl set-ntp true, if the clock is wrong; else "+renew)
	case c.Until.Sub(now) < renewBefore:
		add(Warning, "the certificate ends on "+c.Until.UTC().Format(time.DateOnly), renew)
	}
	if len(c.Foreign) > 0 {
		add(Warning, "the certificate is not for "+strings.Join(c.Foreign, ", ")+": browsers will warn", "make one for every name in DASHBOARD_ALLOWED_HOSTS")
	}
	if found == nil {
		return fine("the certificate holds until " + c.Until.UTC().Format(time.DateOnly))
	}
	return found
}
