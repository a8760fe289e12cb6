package audit

import (
	"bytes"
	"fmt"
	"path"
	"unicode/utf8"
)

const bom = "\ufeff"

// checkText looks at the bytes of the manifest and the compose files.
func (f *folder) checkText() {
	if f.data != nil {
		f.checkBytes(path.Base(f.file), f.data)
	}
	for _, x := range f.fragments {
		f.checkBytes(x.name, x.data)
	}
}

func (f *folder) checkBytes(name string, data []byte) {
	if bytes.HasPrefix(data, []byte(bom)) {
		f.add("text-bom", name, 1, "", "begins with a byte order mark")
		data = data[len(bom):]
	}
	if i := bytes.Index(data, []byte("\r\n")); i >= 0 {
		f.add("text-crlf", name, lineAt(data, i), "", "has CRLF line ends")
	}
	if i := notASCII(data); i >= 0 && utf8.Valid(data) {
		r, _ := utf8.DecodeRune(data[i:])
		f.add("text-not-ascii", name, lineAt(data, i), "", fmt.Sprintf("holds %U, which is not ASCII", r))
	}
}

func lineAt(data []byte, i int) int { return 1 + bytes.Count(data[:i], []byte("\n")) }

// notASCII is where the first byte beyond ASCII is, or -1.
func notASCII(data []byte) int {
	return bytes.IndexFunc(data, func(r rune) bool { return r >= utf8.RuneSelf })
}
