package policy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Bounds of what a program or a server may answer.
const (
	maxAnswer  = 4 << 20
	maxStderr  = 8 << 10
	killedWait = time.Second // for a killed program's pipes
)

// program is a plugin that runs for each question: the request on its standard input, the answer on its output, and the
// name of the hook as its last argument. It gets a clean environment and a process group of its own, all of which ends
// with it. Its digest is looked at before each start: what was loaded is what answers.
type program struct {
	info Info
	argv []string
	ours func(name string) error // refuses what others may change
}

// newProgram checks what is to be run: nobody but root and this user may be able to change it, or the folder it is in.
func newProgram(c PluginConfig, ours func(name string) error) (*program, error) {
	digest, err := programDigest(c.Exec[0], ours)
	if err != nil {
		return nil, err
	}
	if c.SHA256 != "" && !strings.EqualFold(c.SHA256, digest) {
		return nil, fmt.Errorf("%s has the digest %s, and the config wants %s", c.Exec[0], digest, c.SHA256)
	}
	hooks := c.Hooks
	if len(hooks) == 0 {
		hooks = Hooks()
	}
	return &program{info: Info{Name: c.Name, Transport: "exec", Digest: digest, Hooks: hooks}, argv: c.Exec, ours: ours}, nil
}

// programDigest is the SHA-256 of the program, if nobody else may change it.
func programDigest(name string, ours func(name string) error) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return "", fmt.Errorf("%s is no program: it is not a file that can be executed", name)
	}
	for _, p := range []string{name, filepath.Dir(name)} {
		if err := ours(p); err != nil {
			return "", err
		}
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Info tells what the program is.
func (p *program) Info() Info { return p.info }

// Apply runs the program.
func (p *program) Apply(ctx context.Context, q Request) (Response, error) {
	if digest, err := programDigest(p.argv[0], p.ours); err != nil {
		return Response{}, err
	} else if digest != p.info.Digest {
		return Response{}, fmt.Errorf("%s was replaced after it was loaded: restart the host agent to take the new one", p.argv[0])
	}
	question, err := json.Marshal(q)
	if err != nil {
		return Response{}, err
	}
	cmd := exec.CommandContext(ctx, p.argv[0], append(p.argv[1:len(p.argv):len(p.argv)], string(q.Hook))...)
	cmd.Dir = filepath.Dir(p.argv[0])
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	cmd.Stdin = bytes.NewReader(question)
	out, log := &bounded{most: maxAnswer}, &bounded{most: maxStderr}
	cmd.Stdout, cmd.Stderr = out, log
	cmd.SysProcAttr = processGroup()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killedWait
	err = cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whoever of the group is left; mostly nobody
	}
	switch {
	case ctx.Err() != nil:
		return Response{}, ctx.Err()
	case out.over:
		return Response{}, fmt.Errorf("it answers with more than %d MiB", maxAnswer>>20)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return Response{}, fmt.Errorf("it ended with %w%s", err, log.said())
	}
	return readAnswer(out.kept.Bytes())
}

// readAnswer reads one JSON document and nothing behind it.
func readAnswer(data []byte) (Response, error) {
	var r Response
	if len(bytes.TrimSpace(data)) == 0 {
		return r, errors.New("it answers nothing")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var answer struct {
		Spec     *Spec    `json:"spec"`
		Error    *string  `json:"error"`
		Warnings []string `json:"warnings"`
	}
	if err := dec.Decode(&answer); err != nil {
		return r, fmt.Errorf(`its answer is not {"spec": {…}, "error": null}: %w`, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return r, errors.New("its answer goes on behind the JSON document")
	}
	switch {
	case answer.Error != nil && *answer.Error == "":
		return r, errors.New("its answer has an empty error: null is none, and a text is a rejection")
	case answer.Error != nil:
		r.Error = *answer.Error
	}
	if answer.Spec != nil {
		r.Spec = *answer.Spec
	}
	r.Warnings = answer.Warnings
	return r, nil
}

// bounded keeps the first bytes of an output.
type bounded struct {
	kept bytes.Buffer // no part of it by name: its ReadFrom would take everything
	most int
	over bool
}

// Write never fails: a program that prints too much is judged when it ends.
func (b *bounded) Write(p []byte) (int, error) {
	if room := b.most - b.kept.Len(); len(p) > room {
		b.over = true
		b.kept.Write(p[:max(0, room)])
		return len(p), nil
	}
	return b.kept.Write(p)
}

// said is the end of what it printed, for an error.
func (b *bounded) said() string {
	text := strings.TrimSpace(strings.ToValidUTF8(b.kept.String(), "?"))
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	return ": " + lines[len(lines)-1]
}
