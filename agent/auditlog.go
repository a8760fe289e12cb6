package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/DeRuina/timberjack"

	"dreamserver/catalog"
	"dreamserver/internal/chainlog"
)

const (
	auditName  = "audit"
	auditExt   = ".jsonl"
	auditMB    = 10 // of a file, before the next is begun
	auditFiles = 5  // that are kept beside it
)

// auditLog appends entries to <state>/audit.jsonl, one JSON object in a line. A full file is renamed, with the time
// in its name, and the oldest is removed. It is safe for concurrent use.
type auditLog struct {
	dir string
	mu  sync.Mutex
	out *timberjack.Logger
	// torn is set when the file may end in the middle of a line: after a crash, or a full disk.
	torn bool
}

// newAuditLog opens nothing yet. A size of 0 MB means the default.
func newAuditLog(dir string, sizeMB int) *auditLog {
	if sizeMB == 0 {
		sizeMB = auditMB
	}
	return &auditLog{dir: dir, torn: true, out: &timberjack.Logger{
		Filename: filepath.Join(dir, auditName+auditExt), MaxSize: sizeMB, MaxBackups: auditFiles, FileMode: 0o600, Compression: "none",
	}}
}

func (l *auditLog) write(e catalog.AuditEntry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	line = append(line, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.torn && !l.endsWhole() {
		line = append([]byte{'\n'}, line...)
	}
	_, err = l.out.Write(line)
	l.torn = err != nil
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}

// endsWhole reports whether the file is empty or ends with a whole line.
func (l *auditLog) endsWhole() bool {
	f, err := os.Open(l.out.Filename)
	if err != nil {
		return true // there is none; or writing will say what is wrong
	}
	defer f.Close()
	end, err := f.Seek(-1, io.SeekEnd)
	if err != nil {
		return true // it is empty
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, end)
	return err == nil && last[0] == '\n'
}

func (l *auditLog) close() error { return l.out.Close() }

// read returns the newest entries, newest first. What is no entry, such as half a line, is passed over. It holds
// the entries and one block of a file in memory.
func (l *auditLog) read(limit int) ([]catalog.AuditEntry, error) {
	files, err := l.open()
	defer func() {
		for _, f := range files {
			_ = f.Close() // it was only read
		}
	}()
	entries := []catalog.AuditEntry{}
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		info, err := f.Stat()
		if err != nil {
			return nil, fmt.Errorf("audit log: %w", err)
		}
		for line, err := range chainlog.Backward(f, info.Size()) {
			if err != nil {
				return nil, fmt.Errorf("audit log: %w", err)
			}
			var e catalog.AuditEntry
			if json.Unmarshal(line, &e) != nil {
				continue
			}
			if entries = append(entries, e); len(entries) == limit {
				return entries, nil
			}
		}
	}
	return entries, nil
}

// open opens the files, newest first, while none can be renamed. An open file stays readable whatever becomes of
// its name.
func (l *auditLog) open() ([]*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := []string{auditName + auditExt}
	all, err := os.ReadDir(l.dir) // sorted by name, in which an old file has the time when it was full
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	for _, e := range slices.Backward(all) {
		if strings.HasPrefix(e.Name(), auditName+"-") && strings.HasSuffix(e.Name(), auditExt) && len(names) <= auditFiles {
			names = append(names, e.Name())
		}
	}
	var files []*os.File
	for _, name := range names {
		f, err := os.Open(filepath.Join(l.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // nothing was written yet, or it was the oldest and is gone
		}
		if err != nil {
			return files, fmt.Errorf("audit log: %w", err)
		}
		files = append(files, f)
	}
	return files, nil
}
