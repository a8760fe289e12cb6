package agent_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

const (
	onTheLAN  = "services:\n  app:\n    image: example/app:1\n    ports: [\"0.0.0.0:7000:80\"]\n"
	lanAsked  = "grants: [lan-bind, build]"
	wantsAsk  = "extension \"app\" asks for what no extension has by itself:\nlan-bind: may be reachable from other machines on the network\nTo give them: dream install app --grant lan-bind, or POST …/install?grants=lan-bind"
	asksAgain = `extension "app" has changed since its grants were given, and asks again:…`
)

// granted is an installation whose library has the app that is installed.
func granted(t *testing.T) *installation {
	t.Helper()
	return newInstallation(t, extension("app", onTheLAN, lanAsked), inFolder("data/extensions-library", "app", onTheLAN, lanAsked))
}

func TestStart_AsksForGrantsOnce(t *testing.T) {
	in := granted(t)
	_, err := in.start("app")
	in.wantRefusal(err, problem.GrantsRequired, wantsAsk)
	wantEqual(t, "calls", nil, in.docker.calls())
	if items := problem.As(err).Items; len(items) != 1 || items[0].Rule != "grant-lan-bind" || items[0].Fix == "" {
		t.Errorf("items %+v, want the one grant that is used", items)
	}
	_, err = in.client.Start(t.Context(), "app", catalog.Starting{Grants: []manifest.Grant{manifest.Build}}, nil)
	in.wantRefusal(err, problem.GrantsRequired, wantsAsk)

	_, err = in.client.Start(catalog.WithActor(t.Context(), "key:admin"), "app", catalog.Starting{Grants: []manifest.Grant{manifest.LANBind, manifest.Build}}, nil)
	in.must(err)
	var rec struct {
		Grants []manifest.Grant `json:"grants"`
	}
	data, err := os.ReadFile(in.path("state/grants/app.json"))
	in.must(err)
	in.must(json.Unmarshal(data, &rec))
	wantEqual(t, "recorded", []manifest.Grant{manifest.LANBind}, rec.Grants)

	in.must(in.client.Stop(t.Context(), "app"))
	in.mustStart("app") // it is not asked again
	_, err = in.client.Restart(t.Context(), "app", nil)
	in.must(err)
}

func TestStart_AsksAgainWhenTheFilesHaveChanged(t *testing.T) {
	in := granted(t)
	lan := []manifest.Grant{manifest.LANBind}
	_, err := in.client.Start(t.Context(), "app", catalog.Starting{Grants: lan}, nil)
	in.must(err)
	in.add("-- data/user-extensions/app/more.txt --\n")
	_, err = in.start("app")
	in.wantRefusal(err, problem.GrantsRequired, asksAgain)

	// Whoever can write the installed files can also send the request: what is not the library's is not granted so.
	_, err = in.client.Start(t.Context(), "app", catalog.Starting{Grants: lan}, nil)
	in.wantRefusal(err, problem.GrantsRequired, `extension "app" asks for lan-bind, and its files are not the library's: put them into $INSTALL/data/extensions-library/app, then install it again`)
	in.add("-- data/extensions-library/app/more.txt --\n")
	_, err = in.client.Start(t.Context(), "app", catalog.Starting{Grants: lan}, nil)
	in.must(err)
}

func TestStart_RefusesWhatTheManifestDoesNotAskFor(t *testing.T) {
	in := newInstallation(t, extension("app", onTheLAN), inFolder("data/extensions-library", "app", onTheLAN))
	_, err := in.client.Start(t.Context(), "app", catalog.Starting{Grants: []manifest.Grant{manifest.LANBind}}, nil)
	in.wantRefusal(err, problem.ScanRefused, `extension "app" is refused by the security scan:…address 0.0.0.0 is not 127.0.0.1…`)
}

func TestStart_TakesTheOwnersBindAddressForAGrant(t *testing.T) {
	const open = "services:\n  app:\n    image: example/app:1\n    ports: [\"${BIND_ADDRESS:-127.0.0.1}:7000:80\"]\n"
	in := newInstallation(t, extension("app", open), extension("plain", strings.ReplaceAll(onTheLAN, "app", "plain")))
	in.mustStart("app")
	in.setEnv("BIND_ADDRESS=192.168.1.5")
	in.mustStart("app")
	_, err := in.start("plain") // another address than the owner's
	in.wantRefusal(err, problem.ScanRefused, `extension "plain" is refused…`)
}

func TestRemove_ForgetsGrants(t *testing.T) {
	in := granted(t)
	_, err := in.client.Start(t.Context(), "app", catalog.Starting{Grants: []manifest.Grant{manifest.LANBind}}, nil)
	in.must(err)
	in.must(os.RemoveAll(in.path("data/user-extensions/app")))
	in.must(in.client.Remove(t.Context(), "app"))
	in.add(extension("app", onTheLAN, lanAsked))
	_, err = in.start("app")
	in.wantRefusal(err, problem.GrantsRequired, wantsAsk)
}

func TestCheck_SaysWhichGrantsAreMissing(t *testing.T) {
	in := granted(t)
	for _, library := range []bool{true, false} {
		v, err := in.client.Check(t.Context(), "app", library)
		in.must(err)
		wantEqual(t, "ungranted", []manifest.Grant{manifest.LANBind}, v.Ungranted)
	}
	_, err := in.client.Start(t.Context(), "app", catalog.Starting{Grants: []manifest.Grant{manifest.LANBind}}, nil)
	in.must(err)
	v, err := in.client.Check(t.Context(), "app", false)
	in.must(err)
	wantEqual(t, "ungranted", []manifest.Grant{}, v.Ungranted)
	wantEqual(t, "grants", []manifest.Grant{manifest.LANBind}, v.Grants)
}

func TestCheck_JudgesEveryVariant(t *testing.T) {
	in := newInstallation(t, inFolder("data/extensions-library", "app", ""), "-- data/extensions-library/app/compose.amd.yaml --\nservices: {app: {privileged: true}}\n")
	_, err := in.client.Check(t.Context(), "app", true)
	in.wantRefusal(err, problem.ScanRefused, "extension \"app\" is refused by the security scan:\ndata/extensions-library/app/compose.amd.yaml:1: services.app.privileged: …")
}
