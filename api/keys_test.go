package api_test

import (
	"strings"
	"testing"
	"time"

	"dreamserver/config"
)

func TestKeys_AreListedWithoutWhatOpens(t *testing.T) {
	in := newInstallation(t)
	in.addKey("grafana", config.ScopeMetrics, in.now().Add(time.Hour))
	in.addKey("phone", config.ScopeOperate, time.Time{})
	in.writeKey("broken.json", "{")
	in.pass(2 * time.Hour)
	type keys struct {
		Keys []struct {
			Name, Scope    string
			Expired, Yours bool
		}
	}
	rec := in.do("GET", "/api/keys", "")
	var got []string
	for _, k := range decode[keys](t, rec).Keys {
		line := k.Name + " " + k.Scope
		if k.Expired {
			line += " expired"
		}
		if k.Yours {
			line += " yours"
		}
		got = append(got, line)
	}
	if want := "admin admin yours, grafana metrics expired, phone operate"; strings.Join(got, ", ") != want {
		t.Errorf("keys: %s, want %s", strings.Join(got, ", "), want)
	}
	digest := config.DigestOf(key)
	text, _ := digest.MarshalText()
	if body := rec.Body.String(); strings.Contains(body, key) || strings.Contains(body, string(text)) || strings.Contains(body, "sha256") {
		t.Errorf("%s tells of what opens", body)
	}
}

func TestDoctor_SaysWhatIsWrong(t *testing.T) {
	in := newInstallation(t)
	type report struct {
		Result string
		Checks []struct{ ID, Severity, Title, Fix string }
	}
	r := decode[report](t, in.do("GET", "/api/doctor", ""))
	if len(r.Checks) < 16 || r.Result == "" {
		t.Errorf("%+v, want every check", r)
	}
}
