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
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// answers keeps what requests for the snapshot were answered, for as long as the snapshot is the same: the next one is
// sent the same bytes, compressed before, or is told that it has them already. It is safe for concurrent use.
type answers struct {
	boot string // tells this process's generations from those of one before

	mu         sync.Mutex
	generation uint64
	byURL      map[string]*answer
	bytes      int
}

// Bounds of what is kept for one generation.
const (
	maxAnswers     = 256
	maxAnswerBytes = 64 << 20
	maxAnswerURL   = 512 // bytes; a longer one is answered and not kept
)

func newAnswers() *answers { return &answers{boot: rand.Text()[:8]} }

// answer is the body of one URL. It is compressed when somebody asks for that first.
type answer struct {
	contentType string
	body        []byte
	gzip, zstd  func() []byte
}

func newAnswer(contentType string, body []byte) *answer {
	return &answer{
		contentType: contentType, body: body,
		gzip: sync.OnceValue(func() []byte {
			var b bytes.Buffer
			w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // a level that exists
			_, _ = w.Write(body)                                  // to memory
			_ = w.Close()
			return b.Bytes()
		}),
		zstd: sync.OnceValue(func() []byte {
			e, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
			defer e.Close()
			return e.EncodeAll(body, nil)
		}),
	}
}

// encoded is the body as the client takes it.
func (a *answer) encoded(encoding string) []byte {
	switch encoding {
	case "zstd":
		return a.zstd()
	case "gzip":
		return a.gzip()
	}
	return a.body
}

func (k *answers) get(generation uint64, url string) (*answer, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.generation != generation {
		return nil, false
	}
	a, ok := k.byURL[url]
	return a, ok
}

func (k *answers) keep(generation uint64, url string, a *answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byURL == nil || generation > k.generation {
		k.generation, k.byURL, k.bytes = generation, map[string]*answer{}, 0
	}
	if generation < k.generation || len(k.byURL) >= maxAnswers || k.bytes+len(a.body) > maxAnswerBytes || len(url) > maxAnswerURL {
		return
	}
	k.byURL[url] = a
	k.bytes += len(a.body)
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

// fromSnapshot answers from what is kept. What handle writes is kept when the snapshot was the same before and after.
func (s *server) fromSnapshot(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		generation := s.extensions.Snapshot().Generation
		if generation == 0 { // nobody keeps it up to date: each answer is made for its request
			handle(w, r)
			return
		}
		url := r.URL.Path + "?" + r.URL.RawQuery
		a, ok := s.answers.get(generation, url)
		if !ok {
			made := &recording{header: http.Header{}}
			handle(made, r)
			if made.status != http.StatusOK || s.extensions.Snapshot().Generation != generation {
				made.replay(w)
				return
			}
			a = newAnswer(made.header.Get("Content-Type"), made.body.Bytes())
			s.answers.keep(generation, url, a)
		}
		s.send(w, r, generation, a)
	}
}

func (s *server) send(w http.ResponseWriter, r *http.Request, generation uint64, a *answer) {
	encoding := bestEncoding(r.Header.Get("Accept-Encoding"))
	tag := fmt.Sprintf(`"%s-%d%s"`, s.answers.boot, generation, strings.TrimSuffix("-"+encoding, "-"))
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "private, no-cache")
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.encoded(encoding)
	h.Set("Content-Type", a.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	_, _ = w.Write(body) // the client left: nobody to tell
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
	takes := map[string]bool{}
	for one := range strings.SplitSeq(header, ",") {
		name, parameter, _ := strings.Cut(strings.TrimSpace(one), ";")
		q, found := strings.CutPrefix(strings.ReplaceAll(parameter, " ", ""), "q=")
		quality, err := strconv.ParseFloat(q, 64)
		takes[strings.ToLower(strings.TrimSpace(name))] = !found || err == nil && quality > 0
	}
	for _, encoding := range []string{"zstd", "gzip"} {
		if takes[encoding] {
			return encoding
		}
	}
	return ""
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
