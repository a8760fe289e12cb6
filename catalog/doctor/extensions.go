package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Extensions are those that do not take part as their owner wants.
type Extensions struct {
	Unknown string // why who looks may not read their files
	Broken  []Broken

	StartsUnknown string // why nothing is known of what runs
	Failed        []Failed
}

// Broken is an extension whose files keep it from running.
type Broken struct {
	ID      string
	Enabled bool
	Reason  string
}

// Failed is an extension whose last start failed, or whose containers are not as they should be.
type Failed struct {
	ID     string
	Reason string
	At     time.Time // of the failure; zero when unknown
}

func (e Extensions) judgeFiles() []Finding {
	if e.Unknown != "" {
		return []Finding{{Severity: Skipped, Title: "the extensions' files may not be read by this user", Detail: e.Unknown, Fix: seeMore}}
	}
	var found []Finding
	for _, b := range e.Broken {
		f := Finding{Severity: Warning, Title: b.ID + " takes no part", Detail: b.Reason, Fix: "mend the file that is named, or remove its folder"}
		if b.Enabled {
			f.Severity, f.Title, f.Fix = Error, b.ID+" is enabled and cannot run", "do what is said there, or dream disable "+b.ID
		}
		found = append(found, f)
	}
	if found == nil {
		return fine("no extension is kept from running by its files")
	}
	return found
}

func (e Extensions) judgeStarts() []Finding {
	if e.StartsUnknown != "" {
		return skipped("what runs is not known", e.StartsUnknown)
	}
	var found []Finding
	for _, f := range e.Failed {
		title := f.ID + " does not run as it should"
		if !f.At.IsZero() {
			title = f.ID + " failed to start at " + f.At.UTC().Format(time.RFC3339)
		}
		found = append(found, Finding{Severity: Error, Title: title, Detail: f.Reason, Fix: "dream logs " + f.ID + "\ndream start " + f.ID})
	}
	if found == nil {
		return fine("no start has failed since the agent runs")
	}
	return found
}

// Leftovers are files that something which was killed left behind.
type Leftovers struct {
	Folder  string            // of installed extensions
	Staged  []string          // folders in it that nobody works on
	Pending map[string]string // extension → the change that nobody works on
	Away    bool              // the agent, which finishes them, is
	// State are records about extensions that are gone, as absolute paths. StateUnknown says why they are not known.
	State        []string
	StateUnknown string
	Owner        int // of the state directory
}

func (l Leftovers) judge(who Observer) []Finding {
	var found []Finding
	if len(l.Staged) > 0 {
		found = append(found, Finding{
			Severity: Warning, Title: count(len(l.Staged), "folder is", "folders are") + " left in " + l.Folder + " by a change that was killed", Detail: some(l.Staged),
			Fix: "the next install or uninstall removes them; by hand: " + remove("rm -r ", l.Folder, l.Staged),
		})
	}
	for _, id := range slices.Sorted(maps.Keys(l.Pending)) {
		f := Finding{Severity: Warning, Title: fmt.Sprintf("%s of %s is not finished", l.Pending[id], id), Fix: "dream status shows what comes of it"}
		if l.Away {
			f.Fix = "the host agent finishes it when it is back"
		}
		found = append(found, f)
	}
	switch {
	case l.StateUnknown != "":
		found = append(found, skipped("records of extensions that are gone: only the agent can look", l.StateUnknown)...)
	case len(l.State) > 0:
		found = append(found, Finding{
			Severity: Warning, Title: count(len(l.State), "record is", "records are") + " about extensions that are gone", Detail: some(l.State), Fix: who.sudo(l.Owner) + remove("rm ", "", l.State),
		})
	}
	if found == nil {
		return fine("nothing is left over")
	}
	return found
}

// remove is a command on at most so many names as a detail lists.
func remove(command, folder string, names []string) string {
	var words []string
	for _, n := range names[:min(len(names), most)] {
		if folder != "" {
			n = folder + "/" + n
		}
		words = append(words, quote(n))
	}
	return command + strings.Join(words, " ")
}

// Catalogue is the index beside the library that it was made from.
type Catalogue struct {
	File    string
	Denied  bool   // who looks may not read them
	Problem string // why the index or the library cannot be read
	Library int    // how many folders the library has
	// Outdated says in which way the index is not about these folders.
	Outdated []string
}

func (c Catalogue) judge() []Finding {
	switch {
	case c.Denied:
		return []Finding{{Severity: Skipped, Title: "the catalogue and the library may not be read by this user", Detail: c.Problem, Fix: seeMore}}
	case c.Problem != "":
		return []Finding{{Severity: Error, Title: "the catalogue cannot be read", Detail: c.Problem, Fix: "dream init"}}
	case c.Library == 0:
		return []Finding{{Severity: Error, Title: "the library is missing or empty: nothing can be installed", Fix: "dream init"}}
	case len(c.Outdated) > 0:
		return []Finding{{Severity: Warning, Title: c.File + " is stale", Detail: some(c.Outdated), Fix: "dream catalog build"}}
	}
	return fine(fmt.Sprintf("the catalogue lists the library as it is: %d extensions", c.Library))
}
