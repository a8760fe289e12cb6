package compose_test

import (
	"os"
	"testing"

	"dreamserver/compose"
)

// BenchmarkResolveReal lists the stack of the 52 real extensions with manifests that were parsed before, as the
// agent does for each operation. The goal is 5 ms.
func BenchmarkResolveReal(b *testing.B) {
	tree := realTree(b)
	for b.Loop() {
		if _, err := compose.Resolve(tree, compose.Host{Backend: "nvidia"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	text, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		b.Fatal(err)
	}
	in := input("web", string(text))
	for b.Loop() {
		load(b, in)
	}
}

func BenchmarkEncode(b *testing.B) {
	text, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		b.Fatal(err)
	}
	p := load(b, input("web", string(text))).Project
	for b.Loop() {
		if _, err := compose.Encode(p); err != nil {
			b.Fatal(err)
		}
	}
}
