package doctor

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"dreamserver/internal/printable"
)

// Installation is the folder with its shipped files.
type Installation struct {
	Dir     string
	Exists  bool // it has a base file
	Version string
	Shipped int      // how many files ship with this version
	Missing []string // those of them that are not there, the library's left out
	// Changed are those that are not as they ship, and what the library lacks: from another version, or changed by hand.
	Changed []string
	Problem string // why the files cannot be compared
}

func (i Installation) judge() []Finding {
	fix := "dream init --install-dir " + i.Dir
	switch {
	case !i.Exists:
		return []Finding{{
			Severity: Error, Title: i.Dir + " is no installation: it has no docker-compose.base.yml",
			Fix: fix + "\nor name the folder of yours: dream doctor --install-dir DIR",
		}}
	case i.Problem != "":
		return []Finding{{Severity: Skipped, Title: "the files that ship cannot be compared", Detail: i.Problem, Fix: seeMore}}
	}
	var found []Finding
	if len(i.Missing) > 0 {
		found = append(found, Finding{
			Severity: Error, Title: count(len(i.Missing), "file", "files") + " of version " + i.Version + " missing", Detail: some(i.Missing), Fix: fix,
		})
	}
	if len(i.Changed) > 0 {
		found = append(found, Finding{
			Severity: Warning, Title: count(len(i.Changed), "file is", "files are") + " not as version " + i.Version + " ships them",
			Detail: some(i.Changed) + "\nThey are from another version, or were changed by hand. dream init writes them anew:\nown changes belong into .env and docker-compose.override.yml, which it keeps.",
			Fix:    fix,
		})
	}
	if found == nil {
		return fine(fmt.Sprintf("%s is whole: %d files are as version %s ships them", i.Dir, i.Shipped, i.Version))
	}
	return found
}

// Path is a file or folder whose mode and owner matter.
type Path struct {
	File    string
	Problem string // why it cannot be looked at; empty when it can
	Mode    fs.FileMode
	UID     int
	// Most are the bits that it may have, Least those that it must have.
	Most, Least fs.FileMode
	// Secret is true for what holds keys: others who can read it can do everything.
	Secret bool
	// Owner is who must own it; -1 for anybody.
	Owner int
}

func judgePaths(paths []Path, who Observer) []Finding {
	var found []Finding
	right := 0
	for _, p := range paths {
		if f, ok := p.judge(who); ok {
			found = append(found, f)
		} else {
			right++
		}
	}
	if right > 0 || found == nil {
		found = append(found, fine(fmt.Sprintf("%s as closed as they must be", count(right, "file or folder is", "files and folders are")))...)
	}
	return found
}

// judge is false where nothing is wrong.
func (p Path) judge(who Observer) (Finding, bool) {
	f := Finding{Severity: Warning}
	mode := p.Mode.Perm()
	switch {
	case p.Problem != "":
		return skipped(p.File+" cannot be looked at", p.Problem)[0], true
	case p.Owner >= 0 && p.UID != p.Owner:
		f.Title = fmt.Sprintf("%s belongs to user %d, and the installation to user %d", p.File, p.UID, p.Owner)
		f.Fix = fmt.Sprintf("sudo chown %d %s", p.Owner, quote(p.File))
		return f, true
	case mode&^p.Most != 0:
		f.Title = fmt.Sprintf("%s is open to others: mode %04o, at most %04o is needed", p.File, mode, p.Most)
		if p.Secret {
			f.Severity, f.Detail = Error, "It holds keys. Who has read them keeps them: make new ones if others use this machine."
		}
	case p.Least&^mode != 0:
		f.Severity = Error
		f.Title = fmt.Sprintf("%s is too closed: mode %04o, and %04o is needed", p.File, mode, p.Least)
	default:
		return f, false
	}
	f.Fix = fmt.Sprintf("%schmod %o %s", who.sudo(p.UID), mode&p.Most|p.Least, quote(p.File))
	return f, true
}

// Clock is what the machine's time is compared with.
type Clock struct {
	// Newest is when the newest file of the installation was written; zero when unknown.
	Newest time.Time
	File   string
}

// clockSlack is how far the clock may be behind a file.
const clockSlack = time.Hour

func (c Clock) judge(now time.Time) []Finding {
	if c.Newest.Sub(now) <= clockSlack {
		return fine("the clock is not behind: " + now.UTC().Format(time.RFC3339))
	}
	return []Finding{{
		Severity: Warning, Title: fmt.Sprintf("the clock says %s, and %s was written at %s", now.UTC().Format(time.RFC3339), c.File, c.Newest.UTC().Format(time.RFC3339)),
		Detail: "Certificates, sessions and keys with an end go by the clock.",
		Fix:    "timedatectl set-ntp true",
	}}
}

// count is the number with what is counted, one or many.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// most is how many names a detail lists.
const most = 8

// some lists the first of the names, one a line, whatever they are made of.
func some(names []string) string {
	names = slices.Clone(names)
	for i, name := range names {
		names[i] = printable.Line(name)
	}
	if len(names) <= most {
		return strings.Join(names, "\n")
	}
	return strings.Join(names[:most], "\n") + fmt.Sprintf("\nand %d more", len(names)-most)
}

// quote makes a path one word of a shell.
func quote(path string) string {
	path = printable.Line(path)
	if strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune("/._-+:@%,=", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
