package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/security/drift"
	"dreamserver/security/policy/decisions"
)

const (
	driftLimit = 60 * time.Second // of one comparison
	driftAgain = time.Minute      // after one that did not work
	driftQuiet = 2 * time.Second  // after a change, which seldom comes alone
)

// driftWatch is what is known of containers that are not as they were approved.
type driftWatch struct {
	report atomic.Pointer[drift.Comparison] // nil before the first comparison
	kick   chan struct{}                    // a change has ended
	one    sync.Mutex                       // one comparison at a time
	read   approvedCache
	told   map[string][]drift.Divergence // what is recorded of each extension; of one comparison at a time
}

// last is the last report; nil before the first comparison.
func (w *driftWatch) last() *drift.Comparison { return w.report.Load() }

// lookForDrift has what runs compared soon.
func (s *Server) lookForDrift() {
	select {
	case s.drift.kick <- struct{}{}:
	default: // it is going to be
	}
}

// watchDrift compares what runs with what was approved: now, every hour, after each change, and a minute after a
// comparison that did not work, until ctx ends.
func (s *Server) watchDrift(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.drift.kick:
			timer.Reset(driftQuiet)
			continue
		case <-timer.C:
		}
		wait := s.opts.DriftEvery
		if _, err := s.compareWithApproved(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn().Err(err).Msg("what runs cannot be compared with what was approved")
			wait = min(wait, driftAgain)
		}
		timer.Reset(wait)
	}
}

// compareWithApproved makes a report, remembers it, and records what is new in it.
func (s *Server) compareWithApproved(ctx context.Context) (*drift.Comparison, error) {
	s.drift.one.Lock()
	defer s.drift.one.Unlock()
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, driftLimit)
	defer cancel()
	before := s.drift.last()
	r, err := s.findDrift(ctx)
	r.At, r.Took = began.UTC(), float64(time.Since(began).Microseconds())/1000
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) { // nobody waits for it any more
			return nil, err
		}
		r.Problem = problem.As(slow(err)).Detail
		if before != nil {
			r.Findings, r.Containers, r.Approved = before.Findings, before.Containers, before.Approved
		}
		s.drift.report.Store(r)
		return nil, slow(err)
	}
	s.drift.report.Store(r)
	s.recordDrift(ctx, r)
	return r, nil
}

// findDrift looks at the files and at the engine. Of extensions that are being changed meanwhile nothing is said: their
// containers may be those of before, and their files those of afterwards.
func (s *Server) findDrift(ctx context.Context) (*drift.Comparison, error) {
	r := &drift.Comparison{Findings: []drift.Divergence{}}
	changing := s.busy.changing()
	approved, err := s.allApproved(ctx)
	if err != nil {
		return r, err
	}
	earlier, err := s.made.read(s.opts.Settings.StateDir)
	if err != nil {
		return r, err
	}
	project := s.opts.Settings.Names.Project
	names := drift.Names(project, approved)
	containers, err := s.opts.Engine.InspectAll(ctx, func(name string) bool { return names[name] != "" })
	if err != nil {
		return r, err
	}
	images := map[string]string{}
	for _, c := range containers {
		if images[c.Image], err = s.opts.Engine.ImageID(ctx, c.Image); err != nil {
			return r, err
		}
	}
	later, err := s.made.read(s.opts.Settings.StateDir)
	if err != nil {
		return r, err
	}
	r.Containers, r.Approved = len(containers), len(approved)
	r.Findings = drift.Compare(project, approved, knownMade(earlier, later), containers, func(ref string) string { return images[ref] })
	for _, f := range s.changedFiles(approved, containers) {
		if !slices.ContainsFunc(r.Findings, func(other drift.Divergence) bool { return other.Extension == f.Extension }) {
			r.Findings = append(r.Findings, f)
		}
	}
	changing = slices.Compact(slices.Sorted(slices.Values(append(changing, s.busy.changing()...))))
	r.Changing = slices.DeleteFunc(changing, func(id string) bool { return id == "" })
	if slices.Contains(changing, "") { // the whole stack
		r.Findings = r.Findings[:0]
	}
	touched := map[string]bool{}
	for _, a := range approved {
		if slices.Contains(changing, a.ID) {
			for service := range a.Project.Services {
				touched[service] = true
			}
		}
	}
	r.Findings = slices.DeleteFunc(r.Findings, func(f drift.Divergence) bool {
		return touched[f.Service] || slices.ContainsFunc(changing, func(id string) bool { return compose.OwnsService(id, cmp.Or(f.Service, f.Extension), nil) })
	})
	return r, nil
}

// changedFiles tells of extensions that run and whose files are others than those that were started.
func (s *Server) changedFiles(approved []drift.Approved, containers []compose.Inspected) (found []drift.Divergence) {
	root, err := os.OpenRoot(s.opts.Settings.UserExtensionsDir)
	if err != nil {
		return nil // nothing was ever installed
	}
	defer root.Close()
	for _, a := range approved {
		rec, ok := s.startedRecord(a.ID)
		if !ok || rec.Digest == "" || !slices.ContainsFunc(containers, func(c compose.Inspected) bool { return a.Containers[c.Name] == c.ID }) {
			continue
		}
		folder, err := fs.Sub(catalog.FS(root), a.ID)
		if err != nil {
			continue
		}
		digest, err := catalog.TreeDigest(folder)
		if err != nil || digest == rec.Digest { // one that cannot be read is a finding of the doctor's
			continue
		}
		found = append(found, drift.Divergence{
			Extension: a.ID, What: drift.Files, Want: rec.Digest, Have: digest,
			Message: "the files of " + a.ID + " have changed since it was started: what runs is what was approved then",
			Fix:     "dream restart " + a.ID,
		})
	}
	return found
}

// startedRecord is what is remembered of the last start that worked.
func (s *Server) startedRecord(id string) (started, bool) {
	data, err := os.ReadFile(s.startedFile(id))
	var rec started
	return rec, err == nil && json.Unmarshal(data, &rec) == nil
}

// recordDrift writes which extensions have differences that they had not before, and which have none any more. Of those that
// are being changed it waits until they are not.
func (s *Server) recordDrift(ctx context.Context, now *drift.Comparison) {
	base := decisions.Record{
		Phase: decisions.Audit, Operation: "scan", User: cmp.Or(catalog.Actor(ctx), ownActor), RequestID: catalog.RequestID(ctx), Peer: callerPeer(ctx), Took: now.Took,
	}
	is := byExtension(now.Findings)
	for id := range s.drift.told {
		if _, still := is[id]; still || slices.Contains(now.Changing, id) {
			continue
		}
		rec := base
		rec.Extension, rec.Outcome, rec.Message = id, decisions.Mended, "what runs is what was approved, or nothing runs"
		_ = s.writeDecision(rec) // the agent's own log has it
		delete(s.drift.told, id)
	}
	for _, id := range slices.Sorted(maps.Keys(is)) {
		findings := is[id]
		if slices.Equal(s.drift.told[id], findings) {
			continue
		}
		rec := base
		rec.Extension, rec.Outcome, rec.Message, rec.Findings = id, decisions.Drifted, findings[0].Message, findings
		for _, f := range findings {
			s.log.Warn().Str("extension", id).Str("container", f.Container).Str("what", f.What).Str("fix", f.Fix).Msg(f.Message)
		}
		_ = s.writeDecision(rec)
		if s.drift.told == nil {
			s.drift.told = map[string][]drift.Divergence{}
		}
		s.drift.told[id] = findings
	}
}

func byExtension(findings []drift.Divergence) map[string][]drift.Divergence {
	out := map[string][]drift.Divergence{}
	for _, f := range findings {
		out[f.Extension] = append(out[f.Extension], f)
	}
	return out
}

// lastDrift answers with the last report, and with 503 before the first.
func (s *Server) lastDrift(w http.ResponseWriter, _ *http.Request) {
	r := s.drift.last()
	if r == nil {
		reply(w, problem.Newf(problem.Unavailable, "what runs was not compared with what was approved yet: the agent does it when it starts; try again"))
		return
	}
	send(w, r)
}

// scanDrift compares now.
func (s *Server) scanDrift(w http.ResponseWriter, r *http.Request) {
	unhurried(w)
	report, err := s.compareWithApproved(r.Context())
	if err != nil {
		reply(w, err)
		return
	}
	send(w, report)
}
