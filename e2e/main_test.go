package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// bin is the folder of the built programs, image the fixture image, pageImage one that serves a page without being told,
// apiImage the image of the API: made once for all tests.
var (
	bin       string
	image     = "dream-e2e/busybox:local"
	pageImage = "dream-e2e/page:local"
	apiImage  = "dream-e2e/dashboard-api:local"
)

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	if os.Getenv("DREAM_TEST_ENGINE") == "" {
		return m.Run() // each test says how to run it
	}
	dir, err := os.MkdirTemp("", "dream-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = buildAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return m.Run()
}

// buildAll builds the programs and, around them and busybox, the images, without any registry.
func buildAll(dir string) error {
	bin = filepath.Join(dir, "bin")
	for name, pkg := range map[string]string{"dream": "dream", "dashboard-api": "dashboard-api", "dream-host-agent": "host-agent"} {
		cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(bin, name), "dreamserver/cmd/"+pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("busybox is not installed (Debian: busybox-static): %w", err)
	}
	if err := buildImage(filepath.Join(dir, "busybox"), image, busybox, "busybox",
		"FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n"); err != nil {
		return err
	}
	if err := buildImage(filepath.Join(dir, "page"), pageImage, busybox, "busybox",
		"FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nCOPY busybox /bin/wget\n"+
			`RUN ["/bin/busybox", "mkdir", "/www"]`+"\n"+`RUN echo works > /www/health`+"\n"+
			`CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]`+"\n"); err != nil {
		return err
	}
	dockerfile, err := os.ReadFile("../Dockerfile")
	if err != nil {
		return err
	}
	return buildImage(filepath.Join(dir, "api"), apiImage, filepath.Join(bin, "dashboard-api"), "bin/dashboard-api", string(dockerfile))
}

func buildImage(dir, tag, program, as, dockerfile string) error {
	data, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, as)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, data, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		return err
	}
	if out, err := exec.Command("docker", "build", "-q", "-t", tag, dir).CombinedOutput(); err != nil {
		return fmt.Errorf("docker build %s: %w\n%s", tag, err, out)
	}
	return nil
}
