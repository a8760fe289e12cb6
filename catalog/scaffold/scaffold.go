// Package scaffold makes new extensions: from the templates that ship in extensions/templates, and from compose files
// as people publish them. It is a function of values: what is to be made goes in, files come out, and who calls it
// writes them.
//
// Start with [New] and [Convert].
package scaffold

import (
	"cmp"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/distribution/reference"

	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// GPU says how the extension uses one.
type GPU string

// The patterns.
const (
	GPUNone GPU = "none"
	GPUSwap GPU = "swap" // runs on the CPU; overlays exchange the image
	GPUOnly GPU = "only" // makes no sense without; overlays are the whole service
)

// Options is what a new extension is to be.
type Options struct {
	ID string
	// Prefix is how the names of its variables begin, without the last _; empty for [Prefix] of the id. [Known.Prefix]
	// finds one that is free.
	Prefix string
	Image  string // with a tag that is a version
	Port   int    // inside the container
	// HostPort is the default port on this machine.
	HostPort int
	Health   string // path
	GPU      GPU
	// Folder is where the extension will be, as a person would type it; for messages.
	Folder string
	// Schema is the path of the manifest's schema, relative to the extension's folder or a URL; where it is empty the
	// manifest has no hint for editors.
	Schema string
}

// File is one file of an extension.
type File struct {
	Name    string `json:"name"` // path in the extension's folder, with slashes
	Content []byte `json:"-"`
	What    string `json:"what"` // for people
}

// What the templates call things. Each text stands for nothing else in them.
const (
	exampleID       = "my-service"
	examplePrefix   = "MY_SERVICE"
	exampleName     = "My Service"
	exampleImage    = "ghcr.io/example/my-service:1.2.0"
	examplePort     = "8080"
	exampleHostPort = "9200"
	exampleHealth   = "/health"
	exampleURL      = "http://127.0.0.1:" + examplePort + exampleHealth
)

// New makes an extension from the templates.
func New(templates fs.FS, o Options) ([]File, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := checkImage(o.Image); err != nil {
		return nil, err
	}
	t := loader{fsys: templates, options: o}
	files := []File{t.manifest(gpuBackends[o.GPU])}
	if o.GPU != GPUOnly {
		files = append(files, File{Name: "compose.yaml", Content: []byte(t.text("compose-template.yaml")), What: "what runs"})
	}
	if o.GPU != GPUNone {
		files = append(files, t.documents("compose-gpu-"+string(o.GPU)+".yaml")...)
	}
	return files, t.err
}

// gpuBackends are the machines for which each pattern is made.
var gpuBackends = map[GPU]string{GPUNone: "[all]", GPUSwap: "[all]", GPUOnly: "[nvidia, amd]"}

func (o Options) check() error {
	if err := CheckID(o.ID); err != nil {
		return err
	}
	for name, port := range map[string]int{"port": o.Port, "host port": o.HostPort} {
		if port < 1 || port > 65535 {
			return problem.Newf(problem.InvalidArgument, "%s %d: write a port from 1 to 65535", name, port)
		}
	}
	if o.HostPort < firstHostPort {
		return problem.Newf(problem.InvalidArgument, "host port %d belongs to the machine's own services: write one from %d", o.HostPort, firstHostPort)
	}
	if !healthPath.MatchString(o.Health) {
		return problem.Newf(problem.InvalidArgument, "health path %.60q: write a path such as /health, of letters, digits and -._~/=%%, and after a ? of & as well", o.Health)
	}
	return nil
}

// healthPath is a path that needs no quotes in YAML, with a query that needs single ones in a shell.
var healthPath = regexp.MustCompile(`\A/[A-Za-z0-9._~/=%-]{0,200}(?:\?[A-Za-z0-9._~/?=&%-]{0,200})?\z`)

// CheckID refuses an id that no extension may have. Whose others are is not looked at: [Known].
func CheckID(id string) error {
	if !manifest.ValidID(id) {
		return problem.Newf(problem.InvalidArgument,
			"%.80q is no extension id: write 1 to 63 lower-case letters, digits, - and _, the first a letter or digit", id)
	}
	if reason := config.ReservedReason(id); reason != "" {
		return problem.Newf(problem.ReservedID, "the id %q is reserved for the platform (%s): choose another", id, reason)
	}
	return nil
}

// checkImage wants a name that docker reads, and a tag that will still mean the same tomorrow.
func checkImage(image string) error {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return problem.Newf(problem.InvalidArgument, "image %.120q is no image's name: write one such as %s", image, exampleImage)
	}
	tagged, ok := named.(reference.Tagged)
	if _, digested := named.(reference.Digested); !ok && digested {
		return nil
	}
	if !ok || tagged.Tag() == "latest" {
		return problem.Newf(problem.InvalidArgument,
			"image %s is whatever was published last: write a tag with a version, such as %s:1.2.0; the image's page at its registry lists them", image, named.Name())
	}
	return nil
}

// isImage reports whether docker reads the text as an image's name. Such a text needs no quotes in YAML.
func isImage(text string) bool {
	_, err := reference.ParseNormalizedNamed(text)
	return err == nil
}

// variant is the image's build for a GPU, by the custom of tags: 1.2-cpu has a 1.2-cuda beside it. A digest is that of
// one build alone.
func variant(image, suffix string) string {
	name, _, _ := strings.Cut(image, "@")
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		return strings.TrimSuffix(name, "-cpu") + suffix
	}
	return name + ":latest" + suffix
}

// Prefix is how the names of the extension's variables begin: MY_SERVICE for my-service. A name cannot begin with a
// digit.
func Prefix(id string) string {
	prefix := strings.ToUpper(strings.ReplaceAll(id, "-", "_"))
	if prefix[0] >= '0' && prefix[0] <= '9' {
		prefix = "X" + prefix
	}
	return prefix
}

// title is a name for people: My Service for my-service.
func title(id string) string {
	words := strings.FieldsFunc(id, func(r rune) bool { return r == '-' || r == '_' })
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}

// loader reads templates and puts the extension's values in. The first error stays.
type loader struct {
	fsys    fs.FS
	options Options
	err     error
}

// text is a template with the extension's values.
func (t *loader) text(name string) string {
	data, err := fs.ReadFile(t.fsys, name)
	if err != nil && t.err == nil {
		t.err = fmt.Errorf("template: %w", err)
	}
	o := t.options
	return strings.NewReplacer(
		"llama-server:8080", "llama-server:8080", // another service, whose port stays
		exampleURL, shellWord(healthAddress(o.Port, o.Health)),
		// Whole scalars: as a key, a value or in a list.
		"\n  "+exampleID+":", "\n  "+plainOrQuoted(o.ID)+":",
		": "+exampleID, ": "+plainOrQuoted(o.ID),
		"["+exampleID+"]", "["+plainOrQuoted(o.ID)+"]",
		": "+exampleName, ": "+plainOrQuoted(title(o.ID)),
		": "+exampleImage+"-cuda", ": "+plainOrQuoted(variant(o.Image, "-cuda")),
		": "+exampleImage+"-rocm", ": "+plainOrQuoted(variant(o.Image, "-rocm")),
		": "+exampleImage, ": "+plainOrQuoted(o.Image),
		// Parts of others.
		exampleImage+"-cuda", variant(o.Image, "-cuda"),
		exampleImage+"-rocm", variant(o.Image, "-rocm"),
		exampleImage, o.Image,
		exampleID, o.ID,
		examplePrefix, cmp.Or(o.Prefix, Prefix(o.ID)),
		exampleName, title(o.ID),
		exampleHostPort, strconv.Itoa(o.HostPort),
		examplePort, strconv.Itoa(o.Port),
		exampleHealth, o.Health,
	).Replace(string(data))
}

// manifest is the template of the manifest for these machines, with each line of changes in place of the line that
// begins alike.
func (t *loader) manifest(backends string, changes ...string) File {
	first, rest, _ := strings.Cut(t.text("service-template.yaml"), "\n") // the hint, whose path is for another folder
	if before, _, ok := strings.Cut(first, "$schema="); ok && t.options.Schema != "" {
		rest = before + "$schema=" + t.options.Schema + "\n" + rest
	}
	lines := strings.Split(rest, "\n")
	for i, line := range lines {
		lines[i] = strings.Replace(line, "gpu_backends: [all]", "gpu_backends: "+backends, 1)
		for _, change := range changes {
			key, _, _ := strings.Cut(change, ":")
			if strings.HasPrefix(line, key+":") {
				lines[i] = change
			}
		}
	}
	return File{Name: "manifest.yaml", Content: []byte(strings.Join(lines, "\n")), What: "what it is"}
}

const fileMark = "# file: "

// documents are the files that a template holds, each below a line with its name.
func (t *loader) documents(name string) []File {
	var files []File
	for _, part := range strings.Split("\n"+t.text(name), "\n"+fileMark)[1:] {
		name, content, _ := strings.Cut(part, "\n")
		files = append(files, File{Name: name, Content: []byte(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(content), "---")) + "\n"), What: whatOf[name]})
	}
	return files
}

var whatOf = map[string]string{
	"compose.yaml":        "what runs: nothing without a GPU",
	"compose.nvidia.yaml": "what runs on an NVIDIA GPU",
	"compose.amd.yaml":    "what runs on an AMD GPU",
}
