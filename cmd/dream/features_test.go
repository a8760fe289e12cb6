package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/gpu"
)

func TestFeatures_ShowWhatRunsAndWhatTheMachineHas(t *testing.T) {
	f := &fakeAgent{
		state: catalog.State{Containers: []compose.Container{{Name: "dream-searxng", Service: "searxng", State: "running", Health: "healthy"}}},
		facts: catalog.HostFacts{Disk: catalog.Disk{Total: 1 << 40, Free: 1 << 39}, GPUs: gpu.Facts{Devices: []gpu.Device{}}},
	}
	run := session(t, f)
	got := run("features")
	for _, want := range []string{`web-search +enabled +searxng runs +`, `chat +services_needed +llama-server does not run; open-webui does not run +dream up llama-server`} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(got.Stdout) {
			t.Errorf("no line %s in\n%s%s", want, got.Stdout, got.Stderr)
		}
	}
	if got := run("features", "--json"); got.Code != 0 || !strings.Contains(got.Stdout, `"name": "None",`) || !strings.Contains(got.Stdout, `"tier": "Minimal"`) {
		t.Errorf("exit %d:\n%s", got.Code, got.Stdout)
	}
	want := terminal{Stdout: "Web search: enabled\n  1. It is on: nothing is left to do\n     SearXNG: http://localhost:8888/\n"}
	if got := run("features", "web-search"); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestFeatures_GuideIsOneLineForEachStep(t *testing.T) {
	var out bytes.Buffer
	shownGuide{
		Name: "A\nB", Status: "enabled", Steps: []string{"one\n  2. run `sh`", "\x1b[2Jtwo"},
		Links: []shownLink{{Label: "C\rD", URL: "http://localhost/\x1b"}},
	}.write(&app{stdout: &out})
	want := "A?B: enabled\n  1. one?  2. run `sh`\n  2. ?[2Jtwo\n     C?D: http://localhost/?\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
