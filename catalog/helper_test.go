package catalog_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// The jobs of another process: this test binary, started again.
const (
	jobHold    = "hold"    // begins an install of notes, says so, and waits
	jobInstall = "install" // installs notes when its input ends and prints the code
	jobDie     = "die"     // installs notes and is killed while the agent starts it
	jobFull    = "full"    // installs notes on a file system of 1 MB
	jobSealed  = "sealed"  // installs notes on a read-only file system
)

// process starts another process on the installation. Closing its input lets it go on.
func (in *installation) process(job string) (cmd *exec.Cmd, stdin io.Closer, out *bufio.Scanner) {
	in.t.Helper()
	cmd = exec.CommandContext(in.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "CATALOG_TEST_JOB="+job, "CATALOG_TEST_DIR="+in.dir, "GORACE=atexit_sleep_ms=0") // the race detector sleeps a second else
	cmd.Stderr = os.Stderr
	if job == jobFull || job == jobSealed {
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	stdin, err := cmd.StdinPipe()
	in.must(err)
	stdout, err := cmd.StdoutPipe()
	in.must(err)
	in.must(cmd.Start())
	return cmd, stdin, bufio.NewScanner(stdout)
}

// result runs a job to its end and returns the line that it prints.
func (in *installation) result(job string) string {
	in.t.Helper()
	cmd, stdin, out := in.process(job)
	stdin.Close()
	out.Scan()
	in.must(cmd.Wait())
	return out.Text()
}

// helper is main of the other process.
func helper(job string) int {
	dir := os.Getenv("CATALOG_TEST_DIR")
	s, err := config.Load(func(key string) string {
		return map[string]string{"DREAM_INSTALL_DIR": dir}[key]
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	agent := &fakeAgent{}
	m := catalog.New(catalog.Options{Settings: s, Agent: agent, Version: "2.1.0", Actor: "helper", Log: zerolog.Nop()})
	switch job {
	case jobHold:
		if _, err := catalog.NewJournal(s.OperationsDir, -1, -1).Begin("notes", catalog.Intent{Kind: "install", Actor: "helper"}); err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println("begun")
	case jobDie:
		agent.start = func(string) (catalog.Report, error) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	case jobFull, jobSealed:
		if err := mountSmall(s.DataDir+"/user-extensions", job == jobSealed); err != nil {
			fmt.Println(err)
			return 0
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if job == jobHold {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err = m.Install(ctx, "notes", catalog.Given{})
	if err == nil {
		fmt.Println("installed")
		return 0
	}
	fmt.Println(problem.As(err).Code, err)
	return 0
}

// mountSmall puts a file system of 1 MB there, for this process alone.
func mountSmall(dir string, readOnly bool) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var flags uintptr
	if readOnly {
		flags = syscall.MS_RDONLY
	}
	return syscall.Mount("tmpfs", dir, "tmpfs", flags, "size=1m")
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
}
