package compose

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"gopkg.in/yaml.v3"

	"dreamserver/internal/yamldoc"
)

// Bounds of what is read for one unit, or for all variants of one, beside those of package yamldoc for one file.
// compose-go takes minutes, and gigabytes, for what is a few kilobytes beyond them. Each is at least ten times what
// the largest of 52 real extensions needs.
const (
	maxFileBytes = 1 << 20 // of all files; a file counts each time that a variant reads it
	maxValues    = 12_000  // of all files, once aliases are expanded
	maxText      = 1 << 20 // bytes of texts, once aliases are expanded
	maxPaths     = 1 << 20 // bytes of key paths: long keys with many values below them
	maxMerged    = 4 << 20 // pairs of values that are compared when an overlay adds to a list
	maxServices  = 80
	maxPorts     = 256 // of one range
	maxAllPorts  = 1024
	maxEnvFiles  = 256 // files that env_file and label_file name
	maxNesting   = 8   // of ${A:-${B:-…}}
	maxMissing   = 16  // required variables without a value that one text is asked for
	maxLookups   = 5000
	maxFilled    = 1 << 20 // bytes that variables fill in
	maxWork      = 2 << 20 // bytes of text that are looked through for variables, once for each that is found
	maxSplit     = 1 << 28 // squares of the lengths of commands: compose-go copies a command for each of its letters
)

// Budget is what may still be read. All variants of an extension share one, so that twenty small ones are no more
// than one large one. The zero value is full.
type Budget struct {
	bytes, values, text, paths, merged, ports, envFiles, lookups, filled, work, split, tags int
	spent                                                                                   string // which limit was reached
}

// Spent reports whether a limit was reached: nothing more is read.
func (b *Budget) Spent() bool { return b.spent != "" }

// take spends n of a limit and reports whether there was so much.
func (b *Budget) take(of *int, n, limit int, what string) bool {
	if *of += n; *of > limit && b.spent == "" {
		b.spent = fmt.Sprintf(what, limit)
	}
	return b.spent == ""
}

// What the limits of variables are called.
const (
	searched = "variables in texts that are too long: more than %d bytes to look through"
	filling  = "variables that fill in more than %d bytes"
)

var errSpent = errors.New("a limit is reached")

// spentError refuses what is too much.
func spentError(in Input, file string, line int) error {
	return invalid(in, file, line, "", in.Budget.spent, "make it smaller, or several extensions of it")
}

// checkBounds refuses what would take too long to make a model of.
func checkBounds(in Input, file string, root *yaml.Node, vars *variables) error {
	if err := checkNesting(in, file, root); err != nil || in.Base {
		return err
	}
	b := in.Budget
	before := b.tags
	if over := b.measure(root, 0); over != nil {
		return spentError(in, file, over.Line)
	}
	// Each value is compared with the path of each tag, which costs as much as four comparisons in a merge.
	if !b.take(&b.merged, 4*(b.tags-before)*b.values, maxMerged, "tags !reset and !override: more than %d comparisons to find what they mean") {
		return spentError(in, file, 0)
	}
	count := 0
	for key, services := range yamldoc.Entries(root) {
		if key.Value != "services" {
			continue
		}
		for name, service := range yamldoc.Entries(services) {
			if count++; count > maxServices {
				return invalid(in, file, name.Line, "services", fmt.Sprintf("more than %d services", maxServices), "make several extensions of it")
			}
			if err := checkPorts(in, file, "services."+name.Value, service, vars); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure counts n and what is below it, as if aliases were expanded. It returns the node at which a limit is
// reached. Its own work is bounded by maxValues.
func (b *Budget) measure(n *yaml.Node, path int) *yaml.Node {
	target := yamldoc.Resolve(n)
	if !b.take(&b.values, 1, maxValues, "more than %d values in all files together") ||
		!b.take(&b.text, len(target.Value), maxText, "more than %d bytes of text once aliases are expanded") ||
		!b.take(&b.paths, path, maxPaths, "keys that are too long: more than %d bytes of key paths") {
		return n
	}
	if target.Tag == "!reset" || target.Tag == "!override" {
		b.tags++
	}
	below := path + 4 // a list item's number
	for i, child := range target.Content {
		if target.Kind == yaml.MappingNode && i%2 == 0 {
			below = path + 1 + len(child.Value)
			if value := yamldoc.Resolve(target.Content[i+1]); (child.Value == "command" || child.Value == "entrypoint") && !b.command(value.Value) {
				return child
			}
		}
		if over := b.measure(child, below); over != nil {
			return over
		}
	}
	return nil
}

func checkNesting(in Input, file string, n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		depth, deepest := 0, 0
		for i, c := range n.Value {
			switch {
			case c == '{' && i > 0 && n.Value[i-1] == '$':
				depth++
				deepest = max(deepest, depth)
			case c == '}' && depth > 0:
				depth--
			}
		}
		if deepest > maxNesting {
			return invalid(in, file, n.Line, "", fmt.Sprintf("variables nested deeper than %d levels", maxNesting), "write the value out")
		}
	}
	for _, child := range n.Content { // an alias has none: its anchor is looked at where it stands
		if err := checkNesting(in, file, child); err != nil {
			return err
		}
	}
	return nil
}

// portRange is a range of ports within a published port.
var portRange = regexp.MustCompile(`(\d+)-(\d+)`)

// checkPorts refuses ranges that compose-go would write out one by one.
func checkPorts(in Input, file, at string, service *yaml.Node, vars *variables) error {
	for key, list := range yamldoc.Entries(service) {
		if key.Value != "ports" && key.Value != "expose" {
			continue
		}
		for i, item := range yamldoc.Resolve(list).Content {
			var texts []string
			if item = yamldoc.Resolve(item); item.Kind == yaml.ScalarNode {
				texts = append(texts, item.Value)
			}
			for k, v := range yamldoc.Entries(item) {
				if k.Value == "published" {
					texts = append(texts, yamldoc.Resolve(v).Value)
				}
			}
			for _, text := range texts {
				if strings.Contains(text, "$") && vars.search(text) {
					text, _ = template.SubstituteWithOptions(text, vars.lookup, template.WithoutLogging) // the loader says what is wrong with it
				}
				n := portsOf(text)
				if n > maxPorts {
					return invalid(in, file, item.Line, fmt.Sprintf("%s.%s.%d", at, key.Value, i), fmt.Sprintf("more than %d ports in one range", maxPorts), "publish the few that are used")
				}
				if !in.Budget.take(&in.Budget.ports, n, maxAllPorts, "more than %d ports in all ranges together") {
					return spentError(in, file, item.Line)
				}
			}
		}
	}
	return nil
}

// portsOf is how many ports the largest range in the text has.
func portsOf(text string) int {
	most := 1
	for _, m := range portRange.FindAllStringSubmatch(text, -1) {
		low, err1 := strconv.Atoi(m[1])
		high, err2 := strconv.Atoi(m[2])
		if err1 != nil || err2 != nil || high-low >= maxPorts {
			return maxPorts + 1
		}
		most = max(most, high-low+1)
	}
	return most
}

// search spends what it costs to fill in the text: compose-go looks through the rest of it after each variable.
func (v *variables) search(text string) bool {
	b := v.in.Budget
	found := strings.Count(text, "$")
	return found == 0 || b.take(&b.work, found*len(text), maxWork, searched)
}

// fill spends what a variable's value adds.
func (v *variables) fill(value string) bool {
	b := v.in.Budget
	return b.take(&b.lookups, 1, maxLookups, "more than %d uses of variables") &&
		b.take(&b.filled, len(value), maxFilled, filling)
}

// command spends what it costs compose-go to take a command that is one text apart.
func (b *Budget) command(text string) bool {
	return b.take(&b.split, len(text)*len(text), maxSplit, "commands in one text that are too long: more than %d steps to take them apart")
}

// hosts counts the entries of extra_hosts: compose-go makes many of one text with commas.
func (b *Budget) hosts(s *types.ServiceConfig) bool {
	n := 0
	for _, addresses := range s.ExtraHosts {
		n += len(addresses)
	}
	if s.Build != nil {
		for _, addresses := range s.Build.ExtraHosts {
			n += len(addresses)
		}
	}
	return b.take(&b.values, n, maxValues, "more than %d values in all files together")
}

// merge spends what it costs compose-go to add n values to the list or mapping at path: it compares each with those
// of the files before. sizes remembers how many these are.
func (b *Budget) merge(sizes map[string]int, path string, n int) bool {
	before := sizes[path]
	sizes[path] = before + n
	return b.take(&b.merged, before*n, maxMerged, "lists of several files that are too long: more than %d comparisons to merge them")
}

// readSome reads a file to its limit, and one byte more when there is more.
func readSome(f io.Reader, limit int) ([]byte, error) {
	return io.ReadAll(io.LimitReader(f, int64(limit)+1))
}
