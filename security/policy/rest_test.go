package policy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// What dstack makes of these answers is measured; where it loses the reason, we keep it.
func TestServer_Answers(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"accepted", 200, `{"spec": {"a": 1}, "error": null}`, "spec map[a:1]"},
		{"without error", 200, `{"spec": {"a": 1}}`, "spec map[a:1]"},
		{"rejected with a spec", 200, `{"spec": {"a": 1}, "error": "msg"}`, "rejected: msg"},
		{"rejected without a spec (dstack loses the reason)", 200, `{"error": "msg"}`, "rejected: msg"},
		{"an empty error", 200, `{"spec": {}, "error": ""}`, "failed: its answer has an empty error"},
		{"400 with a reason (dstack loses it)", 400, `{"detail": "too many GPUs"}`, "rejected: too many GPUs"},
		{"403 with a reason (dstack loses it)", 403, `{"error": "not for you"}`, "rejected: not for you"},
		{"400 without one", 400, `oops`, "failed: its server answers 400 Bad Request: oops"},
		{"422 of a server of another version", 422, `{"detail": [{"msg": "extra fields"}]}`, "failed: its server answers 422"},
		{"500", 500, ``, "failed: its server answers 500 Internal Server Error: an empty reply"},
		{"503", 503, `{"detail": "later"}`, `failed: its server answers 503 Service Unavailable: {"detail": "later"}`},
		{"a redirect", 307, ``, "failed: its server answers 307"},
		{"not JSON", 200, `<html>`, "failed: its answer is not"},
		{"a list", 200, `[]`, "failed: its answer is not"},
		{"a key beside them", 200, `{"spec": {"a": 1}, "error": null, "more": {}}`, "spec map[a:1]"},
		{"5 MiB", 200, strings.Repeat(" ", 5<<20), "failed: its server answers with more than 4 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer web.Close()
			s, err := newServer(PluginConfig{Name: "rest_plugin"}, web.URL, Credentials{})
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Apply(t.Context(), Request{Hook: OnService, Spec: Spec{}})
			got := fmt.Sprintf("spec %v", map[string]any(r.Spec))
			switch {
			case err != nil:
				got = "failed: " + err.Error()
			case r.Error != "":
				got = "rejected: " + r.Error
			}
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestServer_IsAskedAsDstackDoes(t *testing.T) {
	var path, auth, signature, at string
	var body []byte
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, auth, signature, at = r.Method+" "+r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("X-Dream-Signature"), r.Header.Get("X-Dream-Timestamp")
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"spec": null, "error": null}`)
	})
	socket := filepath.Join(t.TempDir(), "p.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	onSocket := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
	onSocket.Start()
	defer onSocket.Close()
	onPort := httptest.NewServer(handler)
	defer onPort.Close()
	for _, address := range []string{onPort.URL + "/", "unix://" + socket} {
		s, err := newServer(PluginConfig{Name: "p"}, address, Credentials{Bearer: "key", Sign: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		for hook, want := range map[Hook]string{
			OnService: "on_run_apply", OnFleet: "on_fleet_apply", OnVolume: "on_volume_apply", OnGateway: "on_gateway_apply",
		} {
			if _, err := s.Apply(t.Context(), Request{User: "alice", Project: "main", Hook: hook, Spec: Spec{"kind": "x"}}); err != nil {
				t.Fatal(err)
			}
			if path != "POST /apply_policies/"+want || auth != "Bearer key" {
				t.Errorf("%s: %s, %q", hook, path, auth)
			}
		}
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write([]byte(at + "." + string(body)))
		if signature != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("signature %q", signature)
		}
		var q map[string]any
		if err := json.Unmarshal(body, &q); err != nil || q["user"] != "alice" || q["project"] != "main" || q["spec"].(map[string]any)["kind"] != "x" {
			t.Errorf("question %s, %v", body, err)
		}
		s.http.CloseIdleConnections()
	}
}

func TestServer_ThatIsNotThere(t *testing.T) {
	for address, want := range map[string]string{
		"ftp://x": "write http://, https:// or unix://", "http://": "write http://host:port", "http://u:p@host": "without a user",
	} {
		_, err := newServer(PluginConfig{Name: "p"}, address, Credentials{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), ":p@") {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
	web := httptest.NewServer(nil)
	web.Close()
	s, err := newServer(PluginConfig{Name: "p"}, web.URL, Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(t.Context(), Request{Hook: OnService}); err == nil || !strings.HasPrefix(err.Error(), "its server cannot be asked: dial tcp") {
		t.Errorf("got %v", err)
	}
}
