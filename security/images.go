package security

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

var images = []row{
	on("services.*", image),
	allow("services.*.image"),
	allow("services.*.platform"),
	allow("services.*.pull_policy"),
}

// image notes an image that tomorrow may be another one.
func image(c *scan, at path, v any) {
	s, _ := v.(map[string]any)
	ref := str(s["image"])
	build, _ := s["build"].(map[string]any)
	where := append(slices.Clip(at), "image")
	switch {
	case build != nil || s["provider"] != nil: // it is made here, from the folder that was judged
	case ref == "":
		c.find("no-image", at, "names neither an image nor a build: nothing could run", "add image")
	case !isReference(ref):
		c.find("image-name", where, fmt.Sprintf("image %q is no image's name", ref), "write registry/name:tag")
	case strings.Contains(ref, "@sha256:"):
	case tagOf(ref) == "" || tagOf(ref) == "latest":
		c.note("image-latest", where, "image "+ref+" is whatever was published last", "write a tag with a version, and its digest")
	default:
		c.note("image-digest", where, "image "+ref+" has no digest: its publisher can exchange it", "add @sha256:… to the image")
	}
}

func isReference(ref string) bool {
	_, err := reference.ParseNormalizedNamed(ref)
	return err == nil
}

// tagOf is the image's tag; empty when there is none. The colon of a registry's port is no tag's.
func tagOf(ref string) string {
	_, tag, found := strings.Cut(ref[strings.LastIndexByte(ref, '/')+1:], ":")
	if !found {
		return ""
	}
	return tag
}
