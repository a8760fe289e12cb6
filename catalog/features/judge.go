package features

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"dreamserver/catalog"
	"dreamserver/manifest"
)

// judgement is a judged feature, and the services that decided.
type judgement struct {
	Judged

	wanted []standing // that are not known to be up, and what to do about them; of alternatives the nearest
}

// judge says how a feature of this extension is found.
func (v view) judge(owner catalog.Entry, f manifest.Feature) judgement {
	all, some := v.required(f)
	on, onSome := v.switchedOn(owner, f, all, some)
	n := newNeeds(f, all, some)
	wanted := slices.Concat(down(all), nearest(some))
	v.weigh(&n, !slices.ContainsFunc(wanted, func(s standing) bool { return !s.there }))
	j := judgement{wanted: wanted, Judged: Judged{
		ID: f.ID, Name: cmp.Or(f.Name, f.ID), Description: f.Description, Icon: cmp.Or(f.Icon, "Package"), Category: cmp.Or(f.Category, "other"),
		Extension: owner.ID, SetupTime: cmp.Or(f.SetupTime, "Unknown"), Priority: f.Priority,
	}}
	if len(wanted) == 0 {
		j.wanted = slices.Concat(down(on), nearest(onSome))
	}
	switch {
	case owner.Status == catalog.Enabled && owner.Problem != "":
		s := v.stand(owner.ID)
		j.Status, j.Reason, j.Next = Incompatible, s.sentence(), s.next
	case !madeFor(f.GPUBackends, v.GPUBackend):
		j.Status, j.Next = Incompatible, sayGPU
		j.Reason = "it is made for " + strings.Join(f.GPUBackends, ", ") + ", and this machine's GPU_BACKEND is " + v.GPUBackend
	case impossible(all, some) != nil:
		s := impossible(all, some)
		j.Status, j.Reason, j.Next = Incompatible, s.sentence(), s.next
	case len(down(on)) == 0 && len(nearest(onSome)) == 0:
		j.Status, j.Enabled, n.VRAMFits = Enabled, true, n.VRAMOK
		j.Reason, j.Next = v.onText(on, onSome), Next{Text: "Open it", Request: "GET /api/features/" + url.PathEscape(f.ID) + "/enable"}
	case v.lacksVRAM(n):
		j.Status, j.Reason = InsufficientVRAM, v.vramText(n)
		j.Next = Next{Text: "It takes a GPU with more memory", Command: "dream status"}
	case !n.ServicesOK:
		j.Status, j.Reason, j.Next = ServicesNeeded, v.lacks(n, j.wanted), v.next(n, j.wanted)
	default:
		j.Status, j.Reason, j.Next = Available, v.lacks(n, j.wanted), v.next(n, j.wanted)
	}
	j.Needs = n
	return j
}

// required is the services that the feature needs: all of the first, and one of the second.
func (v view) required(f manifest.Feature) (all, some []standing) {
	ids := f.Requirements.ServicesAll
	if len(ids) == 0 {
		ids = f.Requirements.Services
	}
	return v.standAll(ids), v.standAll(f.Requirements.ServicesAny)
}

// switchedOn is the services that run when the feature is on: those that the manifest names for it, else those that it
// needs, else its own extension.
func (v view) switchedOn(owner catalog.Entry, f manifest.Feature, all, some []standing) (on, onSome []standing) {
	on, onSome = all, some
	if len(f.EnabledServicesAll) > 0 {
		on = v.standAll(f.EnabledServicesAll)
	}
	if len(f.EnabledServicesAny) > 0 {
		onSome = v.standAll(f.EnabledServicesAny)
	}
	if len(on)+len(onSome) == 0 {
		on = []standing{v.stand(owner.ID)}
	}
	return on, onSome
}

func (v view) standAll(ids []string) []standing {
	out := make([]standing, 0, len(ids))
	for _, id := range ids {
		out = append(out, v.stand(id))
	}
	return out
}

// down is those that are not known to be up.
func down(all []standing) []standing {
	return slices.DeleteFunc(slices.Clone(all), func(s standing) bool { return s.up })
}

// nearest is the one of the alternatives that takes the least to bring up; none when one is up, or there are none.
func nearest(some []standing) []standing {
	if len(some) == 0 || len(down(some)) < len(some) {
		return nil
	}
	return []standing{slices.MinFunc(some, func(a, b standing) int { return cmp.Compare(a.far(), b.far()) })}
}

// far is how much it takes to bring the service up.
func (s standing) far() int {
	switch {
	case s.never, s.entry.ID == "":
		return 4
	case s.entry.Status == catalog.Enabled:
		return 0
	case s.entry.Status == catalog.Disabled:
		return 1
	case s.entry.Status == catalog.NotInstalled:
		return 2
	}
	return 3
}

// impossible is the first service that the feature cannot do without and that this machine cannot run; nil when there
// is none.
func impossible(all, some []standing) *standing {
	for i := range all {
		if all[i].never {
			return &all[i]
		}
	}
	if len(some) > 0 && !slices.ContainsFunc(some, func(s standing) bool { return !s.never }) {
		return &some[0]
	}
	return nil
}

func newNeeds(f manifest.Feature, all, some []standing) Needs {
	r := f.Requirements
	n := Needs{
		VRAMGB: r.VRAMGB, DiskGB: r.DiskGB, Services: names(r.Services), ServicesAll: idsOf(all), ServicesAny: idsOf(some),
		ServicesAvailable: []string{}, ServicesMissing: []string{}, ServicesUnknown: []string{}, Unknown: []string{},
	}
	someUp := len(down(some)) < len(some)
	for i, s := range slices.Concat(all, some) {
		switch {
		case s.up:
			n.ServicesAvailable = append(n.ServicesAvailable, s.id)
		case i >= len(all) && someUp: // an alternative that nobody needs
		case s.known:
			n.ServicesMissing = append(n.ServicesMissing, s.id)
		default:
			n.ServicesUnknown = append(n.ServicesUnknown, s.id)
		}
	}
	n.ServicesOK = len(n.ServicesMissing)+len(n.ServicesUnknown) == 0
	if len(n.ServicesUnknown) > 0 {
		n.Unknown = append(n.Unknown, "services")
	}
	return n
}

// lacks says what is missing, or not known.
func (v view) lacks(n Needs, wanted []standing) string {
	texts := sentences(wanted)
	for _, text := range []string{v.vramText(n), v.diskText(n)} {
		if text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

// next is the first step: room on the disk before what fills it.
func (v view) next(n Needs, wanted []standing) Next {
	if _, known := v.diskFree(); known && !n.DiskOK {
		return Next{Text: "Free " + gigabytes(v.toFree(n)) + " on the disk of the data folder", Command: "dream doctor"}
	}
	return wanted[0].next
}

// onText says what runs.
func (v view) onText(on, some []standing) string {
	var runs, parts []string
	for _, s := range slices.Concat(on, some) {
		if !s.up {
			continue
		}
		if runs = append(runs, s.id); s.why != "" {
			parts = append(parts, s.sentence())
		}
	}
	return strings.Join(append([]string{runText(runs)}, parts...), "; ")
}

func madeFor(backends []string, backend string) bool {
	return len(backends) == 0 || slices.Contains(backends, "all") || slices.Contains(backends, "none") || slices.Contains(backends, backend)
}

func idsOf(all []standing) []string {
	ids := make([]string, 0, len(all))
	for _, s := range all {
		ids = append(ids, s.id)
	}
	return ids
}

func names(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
