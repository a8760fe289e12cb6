package api

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// packers compress answers. They are kept and shared, because their tables are hundreds of times what they compress: who
// asks for many answers must not have many of them made. They are safe for concurrent use.
type packers struct {
	zstd    func() *zstd.Encoder // one answer at a time, the others wait; made when somebody asks for it
	writers sync.Pool            // of *gzip.Writer
}

func newPackers() *packers {
	return &packers{
		zstd: sync.OnceValue(func() *zstd.Encoder {
			e, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(1)) // which exist; the best one has tables of 50 MB
			return e
		}),
		writers: sync.Pool{New: func() any {
			w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestCompression) // a level that exists
			return w
		}},
	}
}

func (p *packers) gzip(body []byte) []byte {
	var b bytes.Buffer
	w, _ := p.writers.Get().(*gzip.Writer)
	defer p.writers.Put(w)
	w.Reset(&b)
	_, _ = w.Write(body) // to memory
	_ = w.Close()
	w.Reset(io.Discard) // lets go of the answer
	return b.Bytes()
}
