package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Factory makes a compiled-in plugin with the operator's config for it, which is nil where there is none.
type Factory func(config json.RawMessage) (Plugin, error)

var (
	registering sync.Mutex
	registry    = map[string]Factory{}
)

// Register makes a compiled-in plugin known by the name that the operator lists. It is for init functions, and panics
// when the name is taken: two packages of one program cannot both be right.
func Register(name string, make Factory) {
	registering.Lock()
	defer registering.Unlock()
	if _, taken := registry[name]; taken || !validName.MatchString(name) {
		panic(fmt.Sprintf("policy: %q is no name, or is registered already", name))
	}
	registry[name] = make
}

// rules makes the rules of a config; nil where no package can.
var rules func([]RuleConfig) ([]Plugin, error)

// RegisterRules has rules made by that function, like [Register]. Its error has a line for each rule that is wrong,
// "12:5: what".
func RegisterRules(make func([]RuleConfig) ([]Plugin, error)) {
	registering.Lock()
	defer registering.Unlock()
	rules = make
}

// makeRules makes them.
func makeRules(c []RuleConfig) ([]Plugin, error) {
	registering.Lock()
	make := rules
	registering.Unlock()
	if make == nil {
		return nil, fmt.Errorf("%d: this program was built without rules", c[0].Line)
	}
	return make(c)
}

// registered is the factory of that name.
func registered(name string) (Factory, bool) {
	registering.Lock()
	defer registering.Unlock()
	f, ok := registry[name]
	return f, ok
}

// Registered are the names of all compiled-in plugins, sorted.
func Registered() []string {
	registering.Lock()
	defer registering.Unlock()
	return slices.Sorted(maps.Keys(registry))
}
