package printable_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"dreamserver/internal/printable"
)

func TestTexts_CommandNoTerminal(t *testing.T) {
	for _, tt := range []struct{ in, line, text string }{
		{in: "plain, in Z\u00fcrich", line: "plain, in Z\u00fcrich", text: "plain, in Z\u00fcrich"},
		{in: "two\nlines\tand a tab", line: "two?lines?and a tab", text: "two\nlines\tand a tab"},
		{in: "web\x1b]0;title\a\x1b[2J", line: "web?]0;title??[2J", text: "web?]0;title??[2J"},
		{in: "over\rwritten", line: "over?written", text: "over?written"},
		{in: "\x1b[1;31mred\x1b[0m", line: "?[1;31mred?[0m", text: "red"},
		{in: "eight bits \u009b2J", line: "eight bits ?2J", text: "eight bits ?2J"},
		{in: "no UTF-8 \x9b2J", line: "no UTF-8 ?2J", text: "no UTF-8 ?2J"},
		{in: "turned \u202egnp.exe", line: "turned ?gnp.exe", text: "turned ?gnp.exe"},
	} {
		if got := printable.Line(tt.in); got != tt.line {
			t.Errorf("Line(%q) is %q, want %q", tt.in, got, tt.line)
		}
		if got := printable.Text(tt.in); got != tt.text {
			t.Errorf("Text(%q) is %q, want %q", tt.in, got, tt.text)
		}
		var b bytes.Buffer
		if n, err := fmt.Fprint(printable.Writer(&b), tt.in); n != len(tt.in) || err != nil || b.String() != tt.text {
			t.Errorf("%d bytes of %q are written as %q, %v", n, tt.in, b.String(), err)
		}
	}
}

// A program that reads the document gets the text as it was.
func TestJSON_MeansTheSame(t *testing.T) {
	in := "web\x1b[2J\u009b2J \u202e \x7f \u00fc"
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	data = printable.JSON(data)
	if want := `"web\u001b[2J\u009b2J \u202e \u007f ` + "\u00fc" + `"`; string(data) != want {
		t.Errorf("%s, want %s", data, want)
	}
	var out string
	if err := json.Unmarshal(data, &out); err != nil || out != in {
		t.Errorf("%q, %v", out, err)
	}
}
