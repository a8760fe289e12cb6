package api

import (
	"slices"
	"sync"
	"time"

	"dreamserver/config"
)

const (
	sessionIdle   = 12 * time.Hour     // unused for so long, a session ends
	sessionLife   = 7 * 24 * time.Hour // used or not, it ends then
	rotateEvery   = 15 * time.Minute   // so long an id is used before another takes its place
	rotateGrace   = 30 * time.Second   // so long the old one still works: requests run side by side
	sessionsOfKey = 32                 // with more, the one of the same key that was unused for longest ends
	maxSessions   = 1024               // with more, the one that was unused for longest
)

// sessions are the browsers that are signed in. They are in memory alone: a restart signs everybody out. Of the
// ids there are digests alone, so that nothing that reads this memory can use them.
type sessions struct {
	mu   sync.Mutex
	all  []*session
	byID map[config.KeyDigest]*session // by each id that works
	last uint64                        // number
}

// session lasts as long as the key that opened it, at most. Its id changes while it is used: the browser gets the
// next one with a reply, and when it shows that, the one before has a short time left. A reply that was lost, with
// the id in it, signs nobody out: the old id stays until the new one was seen.
type session struct {
	number uint64           // tells it from all others of this process, whatever its id is now
	from   string           // see origin; from elsewhere its id is worth nothing
	warned bool             // somebody tried
	key    string           // the key's name
	digest config.KeyDigest // of the key
	opened time.Time
	used   time.Time

	current, next, previous config.KeyDigest // zero: none
	currentSince, nextSince time.Time
	previousUntil           time.Time
}

// open begins a session of the key and returns its id.
func (s *sessions) open(key config.APIKey, from string, now time.Time) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range slices.Clone(s.all) {
		if old.ended(now) {
			s.drop(old)
		}
	}
	s.makeRoom(func(o *session) bool { return o.key == key.Name }, sessionsOfKey)
	s.makeRoom(func(*session) bool { return true }, maxSessions)
	id, digest := newSessionID()
	s.last++
	n := &session{number: s.last, from: from, key: key.Name, digest: key.SHA256, opened: now, used: now, current: digest, currentSince: now}
	s.all = append(s.all, n)
	if s.byID == nil {
		s.byID = map[config.KeyDigest]*session{}
	}
	s.byID[digest] = n
	return id
}

func newSessionID() (id string, digest config.KeyDigest) {
	id = config.NewKey().Reveal() // as random as a key
	return id, config.DigestOf(id)
}

// makeRoom ends the session among those that was unused for longest, if there are most of them.
func (s *sessions) makeRoom(among func(*session) bool, most int) {
	var oldest *session
	n := 0
	for _, o := range s.all {
		if !among(o) {
			continue
		}
		n++
		if oldest == nil || o.used.Before(oldest.used) {
			oldest = o
		}
	}
	if n >= most {
		s.drop(oldest)
	}
}

// use finds the session with this id. What it returns is a copy. When it is time for another id, fresh is that.
// stolen is the first time that the id is shown from where the session is not.
func (s *sessions) use(id, from string, now time.Time) (found session, fresh string, ok, stolen bool) {
	digest := config.DigestOf(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.byID[digest]
	switch {
	case o == nil:
		return session{}, "", false, false
	case o.ended(now):
		s.drop(o)
		return session{}, "", false, false
	case o.from != from:
		stolen, o.warned = !o.warned, true
		return *o, "", false, stolen
	}
	switch digest {
	case o.previous:
		if !now.Before(o.previousUntil) {
			delete(s.byID, digest)
			return session{}, "", false, false
		}
	case o.next: // the browser has it
		delete(s.byID, o.previous)
		o.previous, o.previousUntil = o.current, now.Add(rotateGrace)
		o.current, o.currentSince = o.next, now
		o.next = config.KeyDigest{}
	default:
		if now.Sub(o.currentSince) >= rotateEvery && now.Sub(o.nextSince) >= rotateGrace {
			delete(s.byID, o.next) // its reply never arrived
			fresh, o.next = newSessionID()
			o.nextSince = now
			s.byID[o.next] = o
		}
	}
	o.used = now
	return *o, fresh, true, false
}

// goesOn reports whether the session with this number has not ended.
func (s *sessions) goesOn(number uint64, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.all, func(o *session) bool { return o.number == number && !o.ended(now) })
}

// close ends the session with this id, if there is one here.
func (s *sessions) close(id, from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.byID[config.DigestOf(id)]; o != nil && o.from == from {
		s.drop(o)
	}
}

func (s *sessions) drop(o *session) {
	for _, digest := range []config.KeyDigest{o.current, o.next, o.previous} {
		delete(s.byID, digest)
	}
	s.all = slices.DeleteFunc(s.all, func(other *session) bool { return other == o })
}

func (o *session) ended(now time.Time) bool {
	return now.Sub(o.used) >= sessionIdle || now.Sub(o.opened) >= sessionLife
}

// end is when the session of that key ends, however much it is used.
func (o *session) end(key config.APIKey) time.Time {
	end := o.opened.Add(sessionLife)
	if !key.Expires.IsZero() && key.Expires.Before(end) {
		return key.Expires
	}
	return end
}
