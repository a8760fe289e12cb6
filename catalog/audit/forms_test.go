package audit

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/internal/yamldoc"
)

func TestPorts_ReadEveryForm(t *testing.T) {
	for text, want := range map[string]string{
		`"127.0.0.1:${PORT:-9200}:8080"`: "{8080 8080} [9200/tcp]",
		`"9200:8080/udp"`:                "{8080 8080} [9200/udp]",
		`8080`:                           "{8080 8080} []",
		`"127.0.0.1::8080"`:              "{8080 8080} []",
		`"[::1]:9200:8080"`:              "{8080 8080} [9200/tcp]",
		`"9200-9202:80-82"`:              "{80 82} [9200/tcp 9201/tcp 9202/tcp]",
		`{target: 80, published: "${PORT:-9200}", protocol: udp}`:          "{80 80} [9200/udp]",
		`{target: 80, published: 9200, host_ip: 127.0.0.1, mode: ingress}`: "{80 80} [9200/tcp]",
		`"${PORT:?choose one}:80"`:                                         "{80 80} []",
		`"x:y"`:                                                            "{0 0} []",
		`"9202-9200:80"`:                                                   "{80 80} []",
		`"70000:80"`:                                                       "{80 80} []",
		`[]`:                                                               "{0 0} []",
	} {
		doc, err := yamldoc.Parse([]byte("ports: [" + text + "]"))
		if err != nil {
			t.Fatal(err)
		}
		p := ports(root(doc), nil)[0]
		if got := fmt.Sprint(p.target, p.host()); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestVariablesIn_FindsNestedOnes(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                     "",
		"$A ${B} $$C $${D} ${E:+x}": "A B E ",
		"${A:-1}/${B-two words}":    `A="1" B="two words" `,
		"${A:?why} ${B?why}":        "A! B! ",
		"${A:-http://x:${B:-80}/}":  `A B="80" `,
		"${A:-}":                    `A="" `,
		"${A:-${B:?why}}":           "A B! ",
		"${":                        "",
	} {
		got := ""
		for _, v := range variablesIn(text) {
			got += v.key
			if v.required {
				got += "!"
			}
			if v.fallback != nil {
				got += fmt.Sprintf("=%q", *v.fallback)
			}
			got += " "
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestAddresses_AreFoundInEveryForm(t *testing.T) {
	for text, want := range map[string][]address{
		"CMD curl -sf http://127.0.0.1:8080/health":                                  {{8080, "/health"}},
		"curl -f http://localhost:8080 || exit 1":                                    {{8080, "/"}},
		"curl -f http://127.0.0.1/up?x=1":                                            {{80, "/up"}},
		"wget -qO- https://[::1]/ok && true":                                         {{443, "/ok"}},
		"CMD python3 -c urllib.request.urlopen('http://127.0.0.1:8188/', timeout=8)": {{8188, "/"}},
		"exec 3<>/dev/tcp/127.0.0.1/3000 && printf 'GET /api/ping HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&3 && grep OK <&3": {{3000, "/api/ping"}},
		"CMD pg_isready -h 127.0.0.1":             nil,
		"curl http://other:80/":                   nil,
		"exec 3<>/dev/tcp/127.0.0.1/3000 && true": nil,
	} {
		if diff := cmp.Diff(want, addresses(text), cmp.AllowUnexported(address{})); diff != "" {
			t.Errorf("%s: -want +got:\n%s", text, diff)
		}
	}
}
