package audit

import (
	"bytes"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/compose"
	"dreamserver/manifest"
)

// Mend is the text of a file without those of its findings that can be taken away safely: nothing that runs is
// another afterwards, and comments and order stay. It also returns the findings that are gone.
func Mend(data []byte, found []Issue) ([]byte, []Issue) {
	var gone []Issue
	for _, i := range found {
		mended := data
		switch i.Code {
		case "text-bom":
			mended = bytes.TrimPrefix(data, []byte(bom))
		case "text-crlf": // to YAML both are one line break, in quoted and block texts, too
			mended = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		case "compose-file-missing":
			mended = nameComposeFile(data)
		}
		if !bytes.Equal(mended, data) {
			data, gone = mended, append(gone, i)
		}
	}
	return data, gone
}

// Mendable are the findings that [Mend] may take away, by file.
func (r *Report) Mendable() map[string][]Issue {
	files := map[string][]Issue{}
	for _, i := range r.Issues() {
		if ruleOf(i.Code).Mends && i.Fix != ruleOf("compose-file-missing").Fix {
			files[string(i.Path)] = append(files[string(i.Path)], i)
		}
	}
	return files
}

// nameComposeFile writes the name that holds without compose_file below the service's id. A manifest in another form
// than one key on a line stays as it is.
func nameComposeFile(data []byte) []byte {
	service := serviceOf(data)
	id := service.at("id")
	if !id.given() || service.node.Style&yaml.FlowStyle != 0 || service.at("compose_file").given() || id.node.Line != id.line {
		return data
	}
	key := slices.IndexFunc(service.node.Content, func(n *yaml.Node) bool { return n.Value == "id" && n.Line == id.line })
	if key < 0 {
		return data
	}
	lines := slices.Collect(bytes.Lines(data))
	if last := lines[id.line-1]; !bytes.HasSuffix(last, []byte("\n")) {
		lines[id.line-1] = append(slices.Clip(last), '\n')
	}
	added := strings.Repeat(" ", service.node.Content[key].Column-1) + "compose_file: " + compose.Fragment + "\n"
	mended := bytes.Join(slices.Insert(lines, id.line, []byte(added)), nil)
	if serviceOf(mended).at("compose_file").text() != compose.Fragment {
		return data
	}
	return mended
}

// serviceOf is the section `service` of a manifest's text.
func serviceOf(data []byte) value {
	d, err := manifest.ParseDocument("manifest.yaml", data)
	if err != nil {
		return value{}
	}
	return root(d.Root).at("service")
}
