package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"dreamserver/compose"
	"dreamserver/manifest"
	"dreamserver/security"
)

// unitCache keeps loaded, placed and accepted units by everything they were made from, so that an operation
// costs what it changes and not what is installed. Units in it are shared and never edited. The zero value is
// ready.
type unitCache struct {
	mu    sync.Mutex
	units map[string]acceptedUnit

	scanned func([]security.Finding) // told of each scan; nil tells nobody
}

// acceptedUnit is a unit and the grants that it uses.
type acceptedUnit struct {
	*compose.Unit
	grants []manifest.Grant
}

const maxUnits = 512

// load makes the unit, or finds it made. For units of extensions, folder says what it is judged against; the
// platform's own files have none and are not judged.
func (c *unitCache) load(ctx context.Context, in compose.Input, place compose.Place, folder *security.Folder) (acceptedUnit, error) {
	key := unitKey(in, place, folder)
	c.mu.Lock()
	u, ok := c.units[key]
	c.mu.Unlock()
	if ok {
		return u, nil
	}
	unit, err := compose.Load(ctx, in)
	if err != nil {
		return u, err
	}
	unit.Place(place, in.Base)
	u = acceptedUnit{Unit: unit}
	if folder != nil {
		unit.Harden()
		findings, err := security.Scan(folder.Subject(unit))
		if c.scanned != nil {
			c.scanned(findings)
		}
		if err == nil {
			err = security.Refusal(in.ID, findings)
		}
		if err != nil {
			return u, err
		}
		u.grants = security.Grants(findings)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.units) >= maxUnits {
		c.units = nil
	}
	if c.units == nil {
		c.units = map[string]acceptedUnit{}
	}
	c.units[key] = u
	return u, nil
}

// unitKey digests files, variables, place, and what the judgement depends on. env_file is read from the folder OwnDir; for installed extensions
// its name is a digest already, and built-in ones do not change while the agent runs unless they are upgraded,
// so the folder's time of change takes part.
func unitKey(in compose.Input, p compose.Place, f *security.Folder) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %t %+v\n", in.ID, in.Source, in.Base, p)
	if f != nil {
		fmt.Fprintf(h, "%q %q %q %q\n", f.Manifest.Service.GPUBackends, f.Manifest.Service.Grants, f.CoreIDs, f.OtherIDs)
	}
	if info, err := os.Stat(p.OwnDir); err == nil && in.Source == compose.Builtin {
		fmt.Fprintf(h, "%d\n", info.ModTime().UnixNano())
	}
	for _, f := range in.Files {
		fmt.Fprintf(h, "%q %d\n", f.Name, len(f.Content))
		h.Write(f.Content)
	}
	for _, k := range slices.Sorted(maps.Keys(in.Env)) {
		fmt.Fprintf(h, "%q=%q\n", k, in.Env[k])
	}
	return hex.EncodeToString(h.Sum(nil))
}
