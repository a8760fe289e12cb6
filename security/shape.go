package security

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// shape is what every service consists of, and what is refused whole because it reaches past the model.
var shape = []row{
	allow("name"), // the loader sets it, and refuses files that do
	allow("services.*.command.*"),
	allow("services.*.entrypoint.*"),
	allow("services.*.environment.*"),
	on("services.*.working_dir", kernelPath),
	allow("services.*.init"),
	allow("services.*.tty"),
	allow("services.*.stdin_open"),
	allow("services.*.attach"),
	allow("services.*.read_only"),
	allow("services.*.restart"),
	allow("services.*.stop_signal"),
	on("services.*.stop_grace_period", gracePeriod),
	allow("services.*.profiles.*"), // what has one is left out of the model
	allow("services.*.expose.*"),

	allow("services.*.depends_on.*.condition"),
	allow("services.*.depends_on.*.required"),
	allow("services.*.depends_on.*.restart"),

	on("services.*", healthchecked),
	allow("services.*.healthcheck.test.*"),
	on("services.*.healthcheck.interval", probeTime),
	allow("services.*.healthcheck.timeout"),
	allow("services.*.healthcheck.retries"),
	allow("services.*.healthcheck.start_period"),
	on("services.*.healthcheck.start_interval", probeTime),
	allow("services.*.healthcheck.disable"),

	on("services.*.deploy.mode", deployMode),
	allow("services.*.deploy.restart_policy.condition"),
	allow("services.*.deploy.restart_policy.delay"),
	allow("services.*.deploy.restart_policy.max_attempts"),
	allow("services.*.deploy.restart_policy.window"),

	on("services.*.logging.driver", logDriver),
	on("services.*.logging.options.*", logOption),

	refuse("services.*.provider", "provider", "provider runs a program on the host"),
	refuse("services.*.develop", "develop", "develop watches and copies host files"),
	refuse("services.*.extends", "extends", "extends reads another file"),
	refuse("services.*.env_file", "env-file", "env_file was not read into environment"),
	refuse("services.*.label_file", "label-file", "label_file reads another file: write the labels into labels"),
	refuse("services.*.models", "models", "models run outside the container"),
	refuse("services.*.pre_start", "hooks", "hooks run commands beside the service"),
	refuse("services.*.post_start", "hooks", "hooks run commands beside the service"),
	refuse("services.*.pre_stop", "hooks", "hooks run commands beside the service"),
	refuse("models", "models", "models run outside the containers"),
}

// writtenKeys refuses keys of files, services and nothing below, that the table does not know and that the model has
// no trace of, because their value is empty or the loader dropped them.
func (c *scan) writtenKeys(root *node) {
	found := map[string]bool{} // by the walk
	for _, f := range c.findings {
		found[f.Path] = true
	}
	for key := range c.Unit.Lines {
		at := path(strings.Split(key, "."))
		known := true
		switch {
		case strings.HasPrefix(at.last(), "x-") || key == "version" || key == "":
		case len(at) == 1:
			known = root.child(key) != nil
		case len(at) == 3 && at[0] == "services":
			service := root.child("services").child(at[1])
			known = service.child(at[2]) != nil
		}
		if !known && !found[at.String()] {
			c.unknown(at)
		}
	}
}

// kernelPath refuses places in the container that are the kernel's: through a file that the runtime left open there,
// /proc has led out of containers (CVE-2024-21626).
func kernelPath(c *scan, at path, v any) {
	p := filepath.Clean(str(v))
	if under(p, "/proc") || under(p, "/sys") {
		c.find("kernel-path", at, fmt.Sprintf("%s is the kernel's, in a container too", p), "choose another folder")
	}
}

func deployMode(c *scan, at path, v any) {
	if mode := str(v); mode != "" && mode != "replicated" {
		c.find("replicas", at, fmt.Sprintf("deploy mode %q starts as many containers as there are machines", mode), "remove mode")
	}
}

// minProbe is how long must be between two health probes: each is a process that the engine starts.
const minProbe = time.Second

func probeTime(c *scan, at path, v any) {
	if d, err := time.ParseDuration(str(v)); err == nil && d > 0 && d < minProbe {
		c.find("probe-interval", at, fmt.Sprintf("a health probe every %s wears the engine out", str(v)), fmt.Sprintf("write at least %s", minProbe))
	}
}

// maxGrace is how long a service may ask to be waited for when it is told to stop: so long a stop lasts.
const maxGrace = 90 * time.Second

func gracePeriod(c *scan, at path, v any) {
	if d, err := time.ParseDuration(str(v)); err != nil || d > maxGrace {
		c.find("grace-period", at, fmt.Sprintf("stop_grace_period %s lets nobody stop the service", str(v)), fmt.Sprintf("write at most %s", maxGrace))
	}
}

// healthchecked notes a service that nobody can tell is well.
func healthchecked(c *scan, at path, v any) {
	s, _ := v.(map[string]any)
	check, _ := s["healthcheck"].(map[string]any)
	if check == nil || check["disable"] == true {
		c.note("no-healthcheck", at, "has no healthcheck: nobody can tell whether it works", "add healthcheck with a command that the image has")
	}
}

// logDrivers keep what a container writes on this machine, where its log can be read.
var logDrivers = []string{"", "json-file", "local"}

func logDriver(c *scan, at path, v any) {
	for _, d := range logDrivers {
		if str(v) == d {
			return
		}
	}
	c.find("logging", at, "logging driver "+quote(v)+" sends the log away, through the daemon and not the container", "write json-file or local, or remove logging")
}

// logOptions bound a log, and the values that they may have. tag and labels are no such options: Docker makes each
// line as long as their template says.
var logOptions = map[string]*regexp.Regexp{
	"max-size": regexp.MustCompile(`\A[0-9]{1,6}k\z|\A[0-9]{1,3}m\z|\A[0-9]{1,9}\z`),
	"max-file": regexp.MustCompile(`\A[0-9]{1,2}\z`),
	"compress": regexp.MustCompile(`\A(true|false)\z`),
}

func logOption(c *scan, at path, v any) {
	allowed := logOptions[at.last()]
	if allowed == nil || !allowed.MatchString(strings.ToLower(fmt.Sprint(v))) {
		c.find("logging", at, "logging option "+at.last()+" does not bound the log to a size", "remove it; allowed are max-size up to 999m, max-file up to 99, and compress")
	}
}
