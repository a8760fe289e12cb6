package manifest

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Bounds on one manifest. The largest of 52 real ones has 3 KB, 200 values and 5 levels.
const (
	MaxBytes = 256 << 10 // size of the file

	maxNodes  = 5_000 // values, each alias counted as all that it stands for
	maxDepth  = 50    // levels of nesting
	maxIssues = 50    // problems reported at once
)

// Error is everything that is wrong in one manifest. Its text has one line for each issue.
type Error struct {
	File   string
	Issues []Issue // in the order of their lines; at least one
}

func (e *Error) Error() string {
	lines := make([]string, len(e.Issues))
	for i, issue := range e.Issues {
		lines[i] = issue.String()
	}
	return strings.Join(lines, "\n")
}

// String is the issue on one line: file, line, key path and message, as far as they are known.
func (i Issue) String() string {
	var b strings.Builder
	b.WriteString(i.File)
	if i.Line > 0 {
		fmt.Fprintf(&b, ":%d", i.Line)
	}
	b.WriteString(": ")
	if i.Path != "" {
		b.WriteString(i.Path + ": ")
	}
	b.WriteString(i.Message)
	return b.String()
}

// Parse reads a manifest from YAML or JSON. The name file is only for messages. An error is always an
// *[Error]; it names every problem at once. What a person should mend but what stops nothing is in
// [Manifest.Warnings]. Parse never expands aliases before it has counted what they stand for, so that its
// time and memory are bounded by [MaxBytes], whatever the content.
func Parse(file string, data []byte) (*Manifest, error) {
	d, err := ParseDocument(file, data)
	if err != nil {
		return nil, err
	}
	return d.Manifest()
}

// Document is a manifest's file that is within the bounds, and not yet held against the contract.
type Document struct {
	Root   *yaml.Node // the root mapping
	parser *parser
}

// ParseDocument reads the file as far as its form goes. An error is always an *[Error].
func ParseDocument(file string, data []byte) (*Document, error) {
	p := &parser{file: file}
	root := p.document(data)
	if root == nil || !p.bounded(root) {
		return nil, p.err()
	}
	return &Document{Root: root, parser: p}, nil
}

// Manifest holds the document against the contract, as [Parse] does. It is called once.
func (d *Document) Manifest() (*Manifest, error) {
	p := d.parser
	m := p.manifest(d.Root)
	if len(p.issues) > 0 {
		return nil, p.err()
	}
	m.Warnings = sorted(p.file, p.warnings)
	return m, nil
}

// Warnings are those of [Manifest.Warnings], of a manifest that was refused, too.
func (d *Document) Warnings() []Issue { return sorted(d.parser.file, d.parser.warnings) }

// parser gathers what is wrong while one manifest is read.
type parser struct {
	file     string
	issues   []Issue
	warnings []Issue
}

func (p *parser) err() *Error {
	return &Error{File: p.file, Issues: sorted(p.file, p.issues)}
}

func (p *parser) fail(line int, path, format string, args ...any) {
	p.issues = append(p.issues, Issue{File: p.file, Line: line, Path: path, Message: fmt.Sprintf(format, args...)})
}

func (p *parser) warn(line int, path, format string, args ...any) {
	p.warnings = append(p.warnings, Issue{File: p.file, Line: line, Path: path, Message: fmt.Sprintf(format, args...)})
}

// sorted puts issues in the order of their lines and cuts a list that nobody would read.
func sorted(file string, issues []Issue) []Issue {
	slices.SortStableFunc(issues, func(a, b Issue) int { return a.Line - b.Line })
	if more := len(issues) - maxIssues; more > 0 {
		issues = append(issues[:maxIssues:maxIssues], Issue{File: file, Message: fmt.Sprintf("and %d more", more)})
	}
	return issues
}
