package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dreamserver/config"
)

// writeCertificate puts a certificate for dream.lan that signs itself into dir.
func writeCertificate(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"dream.lan"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}, &x509.Certificate{SerialNumber: big.NewInt(serial)}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	write(t, dir, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// write replaces the file in one step, as tools that renew certificates do.
func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".new"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, name+".new"), filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// lan is the environment of a dashboard that is published for other machines. What it listens on itself is
// another matter: in a container that is the container's port.
func lan(install string, more map[string]string) map[string]string {
	env := map[string]string{"DREAM_INSTALL_DIR": install, "DASHBOARD_LAN_ADDRESS": "192.0.2.10", "DASHBOARD_ALLOWED_HOSTS": "dream.lan"}
	maps.Copy(env, more)
	return env
}

func TestUI_RefusesTheLANWithoutNamesOrACertificate(t *testing.T) {
	complete, empty, mixed, rubbish := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	writeCertificate(t, filepath.Join(complete, "tls"), 1)
	writeCertificate(t, filepath.Join(mixed, "tls"), 1)
	key, err := os.ReadFile(filepath.Join(complete, "tls", "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(mixed, "tls"), "key.pem", key)
	writeCertificate(t, filepath.Join(rubbish, "tls"), 1)
	write(t, filepath.Join(rubbish, "tls"), "cert.pem", []byte("rubbish"))
	for _, tc := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"no names", lan(complete, map[string]string{"DASHBOARD_ALLOWED_HOSTS": ""}), []string{"DASHBOARD_ALLOWED_HOSTS is empty"}},
		{"a wildcard", lan(complete, map[string]string{"DASHBOARD_ALLOWED_HOSTS": "*.lan"}), []string{"DASHBOARD_ALLOWED_HOSTS", "host names such as dream.lan"}},
		{"no address", lan(complete, map[string]string{"DASHBOARD_LAN_ADDRESS": "dream.lan"}), []string{"DASHBOARD_LAN_ADDRESS", "an IP address"}},
		{"no certificate", lan(empty, nil), []string{"put one into tls/cert.pem and its key into tls/key.pem", "cert.pem: no such file", "key.pem: no such file"}},
		{"all addresses count as the LAN", lan(empty, map[string]string{"DASHBOARD_LAN_ADDRESS": "0.0.0.0"}), []string{"tls/cert.pem"}},
		{"a key of another certificate", lan(mixed, nil), []string{"tls/cert.pem", "does not match"}},
		{"no PEM", lan(rubbish, nil), []string{"cert.pem and key.pem: ", "PEM"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stderr bytes.Buffer
			code := run(t.Context(), []string{"ui"}, environment(t, tc.env), io.Discard, &stderr)
			for _, want := range tc.want {
				if code != exitFailed || !strings.Contains(stderr.String(), want) {
					t.Errorf("exit %d, %s; want %d, …%s…", code, &stderr, exitFailed, want)
				}
			}
			if strings.Contains(stderr.String(), "PRIVATE KEY") {
				t.Error("the message shows the key")
			}
		})
	}
}

func TestUI_OnLoopbackIsPlainWhateverLiesInTheFolder(t *testing.T) {
	install := t.TempDir()
	writeCertificate(t, filepath.Join(install, "tls"), 1)
	for _, address := range []string{"", "127.0.0.1", "::1"} {
		got, err := lanTLS(config.Settings{InstallDir: install, LANAddress: address}, zerolog.Nop())
		if got != nil || err != nil {
			t.Errorf("%q: TLS %v, %v", address, got != nil, err)
		}
	}
}

// dialer takes whom it reaches for dream.lan, and trusts the certificate that is in dir now.
func dialer(t *testing.T, dir string, most uint16) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	data, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
	if err != nil || !pool.AppendCertsFromPEM(data) {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "dream.lan", MaxVersion: most}, DisableKeepAlives: true}
	return &http.Client{Transport: transport}
}

func TestUI_ServesTheLANWithTLS(t *testing.T) {
	install := t.TempDir()
	dir := filepath.Join(install, "tls")
	writeCertificate(t, dir, 1)
	apiAddr, _ := start(t, map[string]string{"DASHBOARD_ALLOWED_HOSTS": "dream.lan"})
	env := lan(install, map[string]string{"DASHBOARD_API_URL": "http://" + apiAddr, "DASHBOARD_API_KEY": ""})
	addr, _ := start(t, env, "ui")

	request := func(method, path, body string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), method, "https://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "dream.lan:3001"
		r.Header.Set("Origin", "https://dream.lan:3001")
		return r
	}
	for _, path := range []string{"/", "/api/session"} {
		resp, err := dialer(t, dir, 0).Do(request("GET", path, ""))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Values("Strict-Transport-Security"); len(got) != 1 || got[0] != "max-age=31536000" {
			t.Errorf("%s: Strict-Transport-Security %q", path, got)
		}
	}
	resp, err := dialer(t, dir, 0).Do(request("POST", "/api/session", `{"key": "`+key+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	cookies := resp.Cookies()
	if resp.StatusCode != http.StatusOK || len(cookies) != 1 || !cookies[0].Secure || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("%s, %+v", resp.Status, cookies)
	}
	r := request("GET", "/api/extensions/catalog", "")
	r.AddCookie(cookies[0])
	if resp, err = dialer(t, dir, 0).Do(r); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("with the session: %v, %v", resp, err)
	}
	resp.Body.Close()

	if resp, err := dialer(t, dir, tls.VersionTLS11).Do(request("GET", "/", "")); err == nil {
		resp.Body.Close()
		t.Error("TLS 1.1 is spoken")
	}
	resp, err = http.Get("http://" + addr + "/")
	if err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Fatalf("without TLS: %v, %v; want 400", resp, err)
	}
	resp.Body.Close()
	_, port, _ := net.SplitHostPort(addr)
	var stderr bytes.Buffer
	env["DASHBOARD_PORT"] = port
	if code := run(t.Context(), []string{"healthcheck", "ui"}, environment(t, env), io.Discard, &stderr); code != exitOK {
		t.Errorf("healthcheck ui: exit %d: %s", code, &stderr)
	}
}

func TestUI_TakesARenewedCertificateWithoutARestart(t *testing.T) {
	install := t.TempDir()
	dir := filepath.Join(install, "tls")
	writeCertificate(t, dir, 1)
	var log bytes.Buffer
	conf, err := lanTLS(config.Settings{InstallDir: install, LANAddress: "0.0.0.0", AllowedHosts: []string{"dream.lan", "other.lan"}}, zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		cert, err := conf.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return cert.Leaf.SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Fatalf("certificate %d, want 1", got)
	}
	writeCertificate(t, dir, 2)
	if got := serial(); got != 2 {
		t.Errorf("certificate %d after it was replaced, want 2", got)
	}
	write(t, dir, "key.pem", []byte("half of a key"))
	for range 3 {
		if got := serial(); got != 2 {
			t.Errorf("certificate %d with a broken key, want 2, as before", got)
		}
	}
	if n := strings.Count(log.String(), "the one before stays"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, &log)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("certificate %d without files, want 2, as before", got)
	}
	writeCertificate(t, dir, 3)
	if got := serial(); got != 3 {
		t.Errorf("certificate %d after it came back, want 3", got)
	}
	if !strings.Contains(log.String(), `"host":"other.lan"`) || strings.Contains(log.String(), `"host":"dream.lan"`) {
		t.Errorf("the log does not name the host that the certificate is not for:\n%s", &log)
	}
}
