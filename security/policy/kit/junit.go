package kit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

type suite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Time     string   `xml:"time,attr"`
	Cases    []tested `xml:"testcase"`
}

type tested struct {
	Name    string  `xml:"name,attr"`
	Class   string  `xml:"classname,attr"`
	Time    string  `xml:"time,attr"`
	Failure *reason `xml:"failure,omitempty"` // it is not as expected
	Error   *reason `xml:"error,omitempty"`   // it could not be asked
}

type reason struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes results as CI reads them.
func WriteJUnit(w io.Writer, name string, results []Result) error {
	s := suite{Name: name, Tests: len(results)}
	var all time.Duration
	for _, r := range results {
		all += r.Took
		t := tested{Name: r.Name, Class: name, Time: seconds(r.Took)}
		first, _, _ := strings.Cut(r.Problem, "\n")
		switch why := (&reason{first, r.Problem}); {
		case r.Broken:
			t.Error = why
			s.Errors++
		case r.Problem != "":
			t.Failure = why
			s.Failures++
		}
		s.Cases = append(s.Cases, t)
	}
	s.Time = seconds(all)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
