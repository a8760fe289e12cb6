package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// substitutions are all that the tests change in deploy/prometheus: where the programs listen, where the key is, and how
// long things take. Each has to be there.
func substitutions(s *stack, keyFile string) (configuration, alerts [][2]string) {
	configuration = [][2]string{
		{"127.0.0.1:3002", s.api.addr},
		{"127.0.0.1:7710", s.agent.addr},
		{"/etc/prometheus/dream-server.key", keyFile},
		{"scrape_interval: 15s", "scrape_interval: 1s"},
		{"scrape_timeout: 10s", "scrape_timeout: 1s"},
		{"evaluation_interval: 15s", "evaluation_interval: 1s"},
	}
	return configuration, [][2]string{{"for: 2m", "for: 1s"}, {"for: 5m", "for: 1s"}}
}

func substitute(from, to string, pairs [][2]string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	text := string(data)
	for _, p := range pairs {
		if !strings.Contains(text, p[0]) {
			return fmt.Errorf("%s has no %q any more", from, p[0])
		}
		text = strings.ReplaceAll(text, p[0], p[1])
	}
	return os.WriteFile(to, []byte(text), 0o600)
}

// cmdPrometheus starts the real one: prometheus KEY.
func cmdPrometheus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: prometheus KEY")
	}
	s := stackOf(ts)
	dir := ts.MkAbs("prometheus")
	ts.Check(os.MkdirAll(dir, 0o700))
	keyFile := filepath.Join(dir, "key")
	ts.Check(os.WriteFile(keyFile, []byte(args[0]), 0o600))
	configuration, alerts := substitutions(s, keyFile)
	ts.Check(substitute("../deploy/prometheus/prometheus.yml", filepath.Join(dir, "prometheus.yml"), configuration))
	ts.Check(substitute("../deploy/prometheus/alerts.yml", filepath.Join(dir, "alerts.yml"), alerts))
	p, err := startPrometheus(dir)
	s.prometheus = p
	ts.Check(err)
}

// startPrometheus runs it until it says where it listens.
func startPrometheus(dir string) (*process, error) {
	p, err := launch(exec.Command("prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--log.format=json"), func(line logLine) (string, bool) { return line.Address, line.Msg == "Listening on" })
	if err != nil {
		return nil, fmt.Errorf("%w: tools/setup.sh --test provides it", err)
	}
	return p, nil
}

// cmdQuery waits for an answer: query EXPR VALUE, where none stands for no answer.
func cmdQuery(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: query EXPR VALUE|none")
	}
	p := stackOf(ts).prometheus
	var last string
	if !within(func() bool {
		values, err := p.query(args[0])
		last = strings.Join(values, " ")
		if err != nil {
			last = err.Error()
		}
		return err == nil && last == strings.TrimPrefix(args[1], "none")
	}) {
		ts.Fatalf("%s is %q, want %s; the log of Prometheus:\n%s", args[0], last, args[1], p.log)
	}
}

// query is the values that Prometheus has now.
func (p *process) query(expr string) ([]string, error) {
	resp, err := http.Get("http://" + p.addr + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Error string `json:"error"`
		Data  struct {
			Result []struct {
				Value [2]any `json:"value"` // when, and what
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	var values []string
	for _, r := range answer.Data.Result {
		values = append(values, fmt.Sprint(r.Value[1]))
	}
	return values, nil
}
