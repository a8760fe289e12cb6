package compose

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"gopkg.in/yaml.v3"
)

// Bounds of one unit, beside those of package yamldoc. compose-go takes minutes for what is a few kilobytes beyond
// them; no honest extension comes near.
const (
	maxServices = 32
	maxNesting  = 8   // of ${A:-${B:-…}}
	maxPorts    = 256 // of one range
)

// checkBounds refuses what would take too long to make a model of.
func checkBounds(in Input, file string, root *yaml.Node, vars *variables) error {
	if err := checkNesting(in, file, root); err != nil || in.Base {
		return err
	}
	count := 0
	for key, services := range entries(root) {
		if key.Value != "services" {
			continue
		}
		for name, service := range entries(services) {
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
	for key, list := range entries(service) {
		if key.Value != "ports" {
			continue
		}
		for i, item := range resolve(list).Content {
			var texts []string
			if item = resolve(item); item.Kind == yaml.ScalarNode {
				texts = append(texts, item.Value)
			}
			for k, v := range entries(item) {
				if k.Value == "published" {
					texts = append(texts, resolve(v).Value)
				}
			}
			for _, text := range texts {
				if strings.Contains(text, "$") {
					text, _ = template.SubstituteWithOptions(text, vars.lookup, template.WithoutLogging) // the loader says what is wrong with it
				}
				if hugeRange(text) {
					return invalid(in, file, item.Line, fmt.Sprintf("%s.ports.%d", at, i), fmt.Sprintf("more than %d ports in one range", maxPorts), "publish the few that are used")
				}
			}
		}
	}
	return nil
}

func hugeRange(text string) bool {
	for _, m := range portRange.FindAllStringSubmatch(text, -1) {
		low, err1 := strconv.Atoi(m[1])
		high, err2 := strconv.Atoi(m[2])
		if err1 != nil || err2 != nil || high-low >= maxPorts {
			return true
		}
	}
	return false
}
