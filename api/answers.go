package api

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// answers keeps what requests for the snapshot were answered, for as long as the snapshot is the same: the next one is
// sent the same bytes, compressed before, or is told that it has them already. It is safe for concurrent use.
type answers struct {
	boot string // tells this process's generations from those of one before
	pack *packers

	mu         sync.Mutex
	generation uint64
	byURL      map[urlKey]*answer
	bytes      int
}

// urlKey is what an answer depends on beside its generation.
type urlKey struct{ path, query string }

// Bounds of what is kept for one generation.
const (
	maxAnswers     = 256
	maxAnswerBytes = 64 << 20
	maxAnswerURL   = 512 // bytes; a longer one is answered and not kept
)

func newAnswers(p *packers) *answers { return &answers{boot: rand.Text()[:8], pack: p} }

// answer is the reply to one URL. It is compressed when somebody asks for that first.
type answer struct {
	size              int // of the body as it was made
	plain, gzip, zstd func() *encoded
}

// encoded is an answer in one encoding. Its header is for all who ask for it.
type encoded struct {
	tag      string
	body     []byte
	validity headers // with 304, too
	content  headers
}

// newAnswer makes the answer of the body. tag tells it from all others; that of an encoding has the encoding's name.
func newAnswer(tag, contentType string, body []byte, p *packers) *answer {
	in := func(encoding string, encode func() []byte) func() *encoded {
		return sync.OnceValue(func() *encoded {
			e := &encoded{tag: `"` + tag + `"`, body: encode()}
			e.content = newHeaders("Content-Type", contentType, "Content-Length", strconv.Itoa(len(e.body)))
			if encoding != "" {
				e.tag = `"` + tag + "-" + encoding + `"`
				e.content = append(e.content, newHeaders("Content-Encoding", encoding)...)
			}
			e.validity = newHeaders("ETag", e.tag, "Vary", "Origin, Accept-Encoding", "Cache-Control", "private, no-cache")
			return e
		})
	}
	return &answer{
		size:  len(body),
		plain: in("", func() []byte { return body }),
		gzip:  in("gzip", func() []byte { return p.gzip(body) }),
		zstd:  in("zstd", func() []byte { return p.zstd().EncodeAll(body, nil) }),
	}
}

// in is the answer as the client takes it.
func (a *answer) in(encoding string) *encoded {
	switch encoding {
	case "zstd":
		return a.zstd()
	case "gzip":
		return a.gzip()
	}
	return a.plain()
}

func (k *answers) get(generation uint64, url urlKey) (*answer, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.generation != generation {
		return nil, false
	}
	a, ok := k.byURL[url]
	return a, ok
}

func (k *answers) keep(generation uint64, url urlKey, a *answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byURL == nil || generation > k.generation {
		k.generation, k.byURL, k.bytes = generation, map[urlKey]*answer{}, 0
	}
	if generation < k.generation || len(k.byURL) >= maxAnswers || k.bytes+a.size > maxAnswerBytes || len(url.path)+len(url.query) > maxAnswerURL {
		return
	}
	k.byURL[url] = a
	k.bytes += a.size
}

// metaSnapshot marks operations whose answer depends on the snapshot and the URL alone.
const metaSnapshot = "snapshot"

// ofSnapshot binds a handler that reads nothing but the snapshot and its parameters.
func ofSnapshot(bind binder) binder {
	return func(s *server, op huma.Operation) {
		op.Metadata[metaSnapshot] = true
		bind(s, op)
	}
}

// metaMoment marks operations whose answer depends on the clock and on figures beside the snapshot as well.
const metaMoment = "moment"

// ofMoment binds a handler that reads nothing but memory. What it answers is kept until the snapshot is another one, and
// for the rest of the second: so old may a figure be.
func ofMoment(bind binder) binder {
	return func(s *server, op huma.Operation) {
		op.Metadata[metaMoment] = true
		bind(s, op)
	}
}

func (s *server) generation() uint64 { return s.extensions.Snapshot().Generation }

// moment grows with each generation and each second. It is 0 where nobody keeps the snapshot up to date.
func (s *server) moment() uint64 {
	const bits = 34 // of seconds since 1970: until the year 2514
	g := s.generation()
	if g == 0 {
		return 0
	}
	return g<<bits | uint64(s.now().Unix())&(1<<bits-1) //nolint:gosec // the bits that count are positive
}

// fromMemory answers from what is kept. What handle writes is kept when the generation was the same before and after.
func (s *server) fromMemory(kept *answers, generationNow func() uint64, handle admitted) admitted {
	return func(w http.ResponseWriter, r *http.Request, who caller) {
		generation := generationNow()
		if generation == 0 { // nobody keeps it up to date: each answer is made for its request
			handle(w, r, who)
			return
		}
		url := urlKey{r.URL.Path, r.URL.RawQuery}
		a, ok := kept.get(generation, url)
		if !ok {
			made := &recording{header: http.Header{}}
			handle(made, r, who)
			if made.status != http.StatusOK || generationNow() != generation {
				made.replay(w)
				return
			}
			a = newAnswer(fmt.Sprintf("%s-%d", kept.boot, generation), made.header.Get("Content-Type"), made.body.Bytes(), kept.pack)
			kept.keep(generation, url, a)
		}
		a.send(w, r)
	}
}

func (a *answer) send(w http.ResponseWriter, r *http.Request) {
	e := a.in(bestEncoding(r.Header.Get("Accept-Encoding")))
	e.validity.set(w.Header())
	if matches(r.Header.Get("If-None-Match"), e.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	e.content.set(w.Header())
	_, _ = w.Write(e.body) // the client left: nobody to tell
}

// matches reports whether the client has the answer with this tag. A weak tag is as good: the bytes are the same.
func matches(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == tag || one == "*" {
			return true
		}
	}
	return false
}

// bestEncoding is zstd, gzip, or empty for none: the first of these that the client takes.
func bestEncoding(header string) string {
	var takesZstd, takesGzip bool
	for one := range strings.SplitSeq(header, ",") {
		name, parameter, _ := strings.Cut(one, ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "zstd":
			takesZstd = wanted(parameter)
		case "gzip":
			takesGzip = wanted(parameter)
		}
	}
	switch {
	case takesZstd:
		return "zstd"
	case takesGzip:
		return "gzip"
	}
	return ""
}

// wanted reports whether the parameter of an encoding does not say q=0.
func wanted(parameter string) bool {
	q, found := strings.CutPrefix(strings.ReplaceAll(parameter, " ", ""), "q=")
	if !found {
		return true
	}
	quality, err := strconv.ParseFloat(q, 64)
	return err == nil && quality > 0
}

// recording is a reply in memory.
type recording struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recording) Header() http.Header { return r.header }

func (r *recording) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recording) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

// replay sends it.
func (r *recording) replay(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	if r.status != 0 {
		w.WriteHeader(r.status)
	}
	_, _ = w.Write(r.body.Bytes()) // the client left: nobody to tell
}
