package doctor

import (
	"fmt"
	"strconv"
	"strings"

	"dreamserver/compose"
)

// What is tested against. Debian 12's engine is the oldest that is, and 2.29 is the first plugin that writes its
// progress as JSON.
const (
	oldestAPI     = "1.41"
	oldestEngine  = "20.10"
	oldestCompose = "2.29"
)

// Docker is what is known of the engine and its compose plugin.
type Docker struct {
	Known   bool   // somebody could ask
	Problem string // why the engine does not answer, or why nobody could ask
	Version compose.EngineVersion
	Setup   compose.EngineInfo

	Compose        string // the plugin's version
	ComposeProblem string // why it has none
}

func (d Docker) judgeEngine() []Finding {
	switch {
	case !d.Known:
		return []Finding{{Severity: Skipped, Title: "nobody could ask the Docker Engine", Detail: d.Problem, Fix: seeMore}}
	case d.Problem != "":
		return []Finding{{
			Severity: Error, Title: "the Docker Engine does not answer", Detail: d.Problem, Fix: "sudo systemctl start docker\njournalctl -u docker -n 50, if that fails",
		}}
	case older(d.Version.API, oldestAPI):
		return []Finding{{
			Severity: Warning, Title: fmt.Sprintf("Docker Engine %s (API %s) is older than what is tested: %s (API %s)", d.Version.Version, d.Version.API, oldestEngine, oldestAPI),
			Fix: "upgrade Docker",
		}}
	}
	return fine(fmt.Sprintf("Docker Engine %s answers (API %s)", d.Version.Version, d.Version.API))
}

func (d Docker) judgeCompose() []Finding {
	const fix = "install docker compose " + oldestCompose + " or later; make run does it where there is none"
	switch {
	case d.Compose == "" && d.ComposeProblem == "":
		return skipped("nobody could ask for docker compose", "")
	case d.Compose == "":
		return []Finding{{Severity: Error, Title: "docker compose does not work: nothing can be started", Detail: d.ComposeProblem, Fix: fix}}
	case older(d.Compose, oldestCompose):
		return []Finding{{Severity: Error, Title: "docker compose " + d.Compose + " is too old: " + oldestCompose + " is the first that works", Fix: fix}}
	}
	return fine("docker compose " + d.Compose)
}

// older compares the first two numbers of versions such as v2.29.7-desktop.1. What is no number is not older.
func older(version, than string) bool {
	has, wants := strings.Split(strings.TrimPrefix(version, "v"), "."), strings.Split(than, ".")
	for i, want := range wants {
		if i >= len(has) {
			return false
		}
		a, err := strconv.Atoi(has[i])
		b, _ := strconv.Atoi(want)
		if err != nil || a != b {
			return err == nil && a < b
		}
	}
	return false
}

// Disk is a file system and what is in it. Sizes are in bytes; Total is 0 where it could not be asked.
type Disk struct {
	Holds              string // "the data directory"
	Path               string
	Total, Free        uint64
	Inodes, InodesFree uint64 // 0 where there is no bound
}

// Below these a disk is reported. An image of an AI service has 2 to 20 GB.
const (
	diskWarning = 10 << 30
	diskError   = 1 << 30
	inodesShare = 20 // one in so many must be free
)

func judgeDisks(disks []Disk) []Finding {
	var found []Finding
	for _, d := range disks {
		found = append(found, d.judge())
	}
	if found == nil {
		return skipped("no disk could be asked", "")
	}
	return found
}

func (d Disk) judge() Finding {
	f := Finding{Severity: OK, Title: fmt.Sprintf("%s free for %s (%s)", size(d.Free), d.Holds, d.Path)}
	const fix = "docker system df shows what can go; docker image prune -a removes images that no container uses"
	switch {
	case d.Total == 0:
		return skipped("the disk of "+d.Holds+" cannot be asked", d.Path)[0]
	case d.Free < diskError:
		f.Severity, f.Title, f.Fix = Error, "only "+f.Title, fix
	case d.Free < diskWarning:
		f.Severity, f.Title, f.Fix = Warning, "only "+f.Title, fix
	case d.Inodes > 0 && d.InodesFree < d.Inodes/inodesShare:
		f.Severity = Warning
		f.Title = fmt.Sprintf("only %d of %d files more fit on the disk of %s (%s)", d.InodesFree, d.Inodes, d.Holds, d.Path)
		f.Fix = "find " + quote(d.Path) + " -xdev -printf '%h\\n' | sort | uniq -c | sort -n | tail shows where the many are"
	}
	return f
}

// size is a number of bytes for people.
func size(n uint64) string {
	if n < 10<<30 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d GiB", n>>30)
}
