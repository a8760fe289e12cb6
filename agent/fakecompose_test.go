package agent_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gopkg.in/yaml.v3"

	"dreamserver/compose"
)

// dockerCommand is main of the fake docker.
func dockerCommand(dir string, args []string) int {
	if err := updateDocker(dir, func(s *dockerState) { s.Given = append(append(s.Given, os.Args...), os.Environ()...) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if slices.Equal(args, []string{"compose", "version", "--short"}) {
		fmt.Println("5.5.1")
		return 0
	}
	c := dockerCall{dir: dir}
	verb := c.parse(args)
	var failure, says string
	var waits bool
	err := updateDocker(dir, func(s *dockerState) {
		s.Calls = append(s.Calls, strings.Join(append([]string{verb}, c.services...), " "))
		failure, says, waits = s.Fails[verb], s.Says, s.Waits[verb]
		if failure == "" {
			c.begin(verb, s)
		}
	})
	fmt.Fprintln(os.Stderr, says)
	if err == nil && failure != "" {
		err = errors.New(failure)
	}
	if err == nil && waits {
		err = c.wait()
	}
	if err == nil {
		err = updateDocker(dir, func(s *dockerState) { c.finish(verb, s) })
	}
	if err != nil {
		line, _ := json.Marshal(map[string]any{"error": true, "message": err.Error()})
		fmt.Fprintln(os.Stderr, string(line))
		return 1
	}
	return 0
}

// dockerCall is one call of docker compose.
type dockerCall struct {
	dir      string
	file     string
	services []string
}

// parse takes the arguments apart: global flags, verb, flags of the verb, services.
func (c *dockerCall) parse(args []string) (verb string) {
	for i := 1; i < len(args); i++ {
		switch a := args[i]; {
		case verb == "" && (a == "-p" || a == "--env-file" || a == "--progress" || a == "--project-directory"):
			i++
		case verb == "" && a == "-f":
			i++
			c.file = args[i]
		case verb == "":
			verb = a
		case a == "--pull":
			i++
		case !strings.HasPrefix(a, "-"):
			c.services = append(c.services, a)
		}
	}
	return verb
}

// begin does the first half of a verb: create and up create containers.
func (c *dockerCall) begin(verb string, s *dockerState) {
	if verb != "up" && verb != "create" {
		return
	}
	for name, svc := range c.closure() {
		config, _ := yaml.Marshal(svc)
		i := slices.IndexFunc(s.Containers, func(f fakeContainer) bool { return f.Service == name })
		if i >= 0 && s.Containers[i].Config == string(config) && s.Containers[i].MadeFrom == s.imageID(svc.Image) {
			continue
		}
		if i >= 0 {
			s.Containers = slices.Delete(s.Containers, i, i+1)
		}
		s.Made++
		made := fakeContainer{Config: string(config), MadeFrom: s.imageID(svc.Image), Container: compose.Container{
			ID: "id" + strconv.Itoa(s.Made), Name: svc.Name, Service: name, Image: svc.Image, State: "created",
		}}
		for _, v := range svc.Volumes {
			if v.Type != "bind" {
				continue
			}
			made.Mounted = append(made.Mounted, v.Source)
			if !v.ReadOnly {
				made.Written = append(made.Written, v.Source)
			}
		}
		if made.Name == "" {
			made.Name = "dream-server-" + name + "-1"
		}
		s.Containers = append(s.Containers, made)
	}
}

// finish does the rest.
func (c *dockerCall) finish(verb string, s *dockerState) {
	switch verb {
	case "up":
		closure := c.closure()
		for i, f := range s.Containers {
			if _, ok := closure[f.Service]; !ok || f.State == "running" {
				continue
			}
			to := compose.Container{State: "running"}
			if b, ok := s.Becomes[f.Service]; ok {
				to = b
			}
			to.ID, to.Name, to.Service, to.Image, to.StartedAt = f.ID, f.Name, f.Service, f.Image, time.Now()
			s.Containers[i].Container = to
		}
	case "pull", "build":
		s.Missing = nil
	case "stop":
		for i, f := range s.Containers {
			if slices.Contains(c.services, f.Service) {
				s.Containers[i].State = "exited"
			}
		}
	case "rm":
		s.Containers = slices.DeleteFunc(s.Containers, func(f fakeContainer) bool { return slices.Contains(c.services, f.Service) })
	case "down":
		s.Containers = nil
	}
}

type fakeVolume struct {
	Type     string `yaml:"type"`
	Source   string `yaml:"source"`
	ReadOnly bool   `yaml:"read_only"`
}

type fakeService struct {
	Image     string         `yaml:"image"`
	Volumes   []fakeVolume   `yaml:"volumes"`
	Name      string         `yaml:"container_name"`
	DependsOn map[string]any `yaml:"depends_on"`
	Rest      map[string]any `yaml:",inline"`
}

// closure is the services of the file that the call is about, and what they depend on.
func (c *dockerCall) closure() map[string]fakeService {
	var file struct {
		Services map[string]fakeService `yaml:"services"`
	}
	data, err := os.ReadFile(c.file)
	if err == nil {
		err = yaml.Unmarshal(data, &file)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := map[string]fakeService{}
	for todo := c.services; len(todo) > 0; todo = todo[1:] {
		svc, ok := file.Services[todo[0]]
		if !ok {
			fmt.Fprintf(os.Stderr, "no such service: %s\n", todo[0])
			os.Exit(1)
		}
		if _, done := out[todo[0]]; !done {
			out[todo[0]] = svc
			todo = append(slices.Clone(todo), slices.Collect(maps.Keys(svc.DependsOn))...)
		}
	}
	return out
}

// wait tells the test that it is half done, and waits for its word or for a signal.
func (c *dockerCall) wait() error {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	if err := os.WriteFile(filepath.Join(c.dir, "entered"), nil, 0); err != nil {
		return err
	}
	released := make(chan error, 1)
	go func() {
		_, err := os.ReadFile(filepath.Join(c.dir, "release"))
		released <- err
	}()
	select {
	case <-ended:
		return errors.New("interrupted")
	case err := <-released:
		return err
	}
}
