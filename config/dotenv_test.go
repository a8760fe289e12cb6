package config_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/config"
)

func TestParseEnv(t *testing.T) {
	tests := []struct {
		name, in string
		want     map[string]string
	}{
		{name: "empty", in: "", want: map[string]string{}},
		{name: "comments and blank lines", in: "# a\n\n  # b\nA=1 # one\n", want: map[string]string{"A": "1"}},
		{name: "windows", in: "\ufeffA=1\r\nB=\"2\"\r\n", want: map[string]string{"A": "1", "B": "2"}},
		{name: "no final line break", in: "A=1\nB=2", want: map[string]string{"A": "1", "B": "2"}},
		{name: "export", in: "export A=1\n", want: map[string]string{"A": "1"}},
		{name: "quotes", in: `A='a # $b'` + "\n" + `B="x\ty"`, want: map[string]string{"A": "a # $b", "B": "x\ty"}},
		{name: "several lines", in: "A='1\n2'\nB=3\n", want: map[string]string{"A": "1\n2", "B": "3"}},
		{name: "reference", in: "A=1\nB=${A}2\nC=${NONE:-3}\nD=${NONE-4}\n", want: map[string]string{"A": "1", "B": "12", "C": "3", "D": "4"}},
		{name: "reference to nothing", in: "A=a$nothing\n", want: map[string]string{"A": "a"}},
		{name: "the last wins", in: "A=1\nA=2\n", want: map[string]string{"A": "2"}},
		{name: "key without value", in: "A\nB=1\nC", want: map[string]string{"B": "1"}},
		{name: "value without key", in: "=1\nB=1\n", want: map[string]string{"B": "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := config.ParseEnv(".env", []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseEnv (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseEnv_NamesTheLineAndNeverTheValue(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"no pair", "A=1\nhunter2 is it\n", ".env:2: is not KEY=value: write letters, digits and _ before the ="},
		{"odd key", "A=1\n\n# c\nhun/ter2=1\n", ".env:4: is not KEY=value: write letters, digits and _ before the ="},
		{"open quote", "A='1\n2'\nB=\"hunter2\nC=1\nD=1\n", ".env:3: a quote is opened and not closed: close it"},
		{"open quote at the end", "A=1\nB='hunter2", ".env:2: a quote is opened and not closed: close it"},
		{"bad reference", "A='1\n2'\nB=hunter2${\nC=1\n", `.env:3: a "$" starts no variable: put the value in single quotes`},
		{"required", "A=1\nB=${C:?hunter2}\n", ".env:2: the value requires a variable that is not set above it: set that first"},
		{"NUL", "A=1\nB=\x00hunter2\n", ".env:2: holds a NUL byte: save the file as UTF-8 text"},
		{"escaped NUL", `A="\0000"`, ".env: a value holds a NUL byte, which no environment can have: write it without the escape"},
		{"too large", strings.Repeat("A=hunter2\n", 200_000), ".env: is larger than the 1048576 bytes that it may have: remove what is not settings"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config.ParseEnv(".env", []byte(tt.in))
			if fmt.Sprint(err) != tt.want {
				t.Errorf("ParseEnv error: %v\nwant: %s", err, tt.want)
			}
		})
	}
}

// Compose's parser logs the name of a variable that is not set, and in a password with a "$" that is half of
// the password. The log is global, so another process shows what is written there.
func TestParseEnv_LogsNothing(t *testing.T) {
	if os.Getenv("DREAM_TEST_PARSE") != "" {
		config.ParseEnv(".env", []byte("PASS=pa$hunter2\nB=${hunter2}\n"))
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "DREAM_TEST_PARSE=1")
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("hunter2")) {
		t.Errorf("the parser printed %s (%v), want nothing of the value", out, err)
	}
}

func TestReadEnv_RefusesWhatIsNoFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := config.ReadEnv(file)
	if want := file + ": is not a regular file: put a file with KEY=value lines there"; fmt.Sprint(err) != want {
		t.Errorf("ReadEnv error: %v\nwant: %s", err, want)
	}
}

// A line broken by hand must not keep anybody from turning things off: the keys above and below it are read.
func TestParseEnv_SalvagesTheOtherLines(t *testing.T) {
	got, err := config.ParseEnv(".env", []byte("A=1\nnot a line\nB=2\nC='open\n"))
	if want := ".env:2: is not KEY=value: write letters, digits and _ before the ="; err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
	if diff := cmp.Diff(map[string]string{"A": "1", "B": "2"}, got); diff != "" {
		t.Errorf("pairs (-want +got):\n%s", diff)
	}
}
