package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"dreamserver/config"
)

// cmdKey makes a key of the API and puts it into a variable of the script: key VARIABLE NAME SCOPE.
func cmdKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: key VARIABLE NAME SCOPE")
	}
	cmd := exec.Command(filepath.Join(bin, "dream"), "key", "add", args[1], "--scope", args[2])
	cmd.Env = stackOf(ts).env()
	out, err := cmd.Output()
	ts.Check(err)
	ts.Setenv(args[0], strings.TrimSpace(string(out)))
}

// cmdBrowser asks the dashboard as a page of its own does, with the cookies that it has given:
// browser [-status=N] [-tls=HOST] METHOD PATH [BODY].
func cmdBrowser(ts *testscript.TestScript, neg bool, args []string) {
	want, origin := http.StatusOK, "http://127.0.0.1:"+ts.Getenv("DASHBOARD_PORT")
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, _ := strings.Cut(args[0], "=")
		switch name {
		case "-status":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			want = n
		case "-tls":
			origin = "https://" + value + ":" + ts.Getenv("DASHBOARD_PORT")
		}
		args = args[1:]
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: browser [-status=N] [-tls=HOST] METHOD PATH [BODY]")
	}
	s := stackOf(ts)
	if s.browser == nil {
		s.browser = newBrowser("127.0.0.1:" + ts.Getenv("DASHBOARD_PORT"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, args[0], origin+args[1], strings.NewReader(strings.Join(args[2:], " ")))
	ts.Check(err)
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := s.browser.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	ts.Check(err)
	for _, cookie := range resp.Header.Values("Set-Cookie") {
		_, attributes, _ := strings.Cut(cookie, ";")
		fmt.Fprintf(ts.Stdout(), "cookie:%s\n", attributes)
	}
	fmt.Fprintln(ts.Stdout(), string(data))
	if resp.StatusCode != want {
		ts.Fatalf("%s %s: %s, want %d\n%s", args[0], args[1], resp.Status, want, data)
	}
}

// newBrowser finds every name at addr, and takes any certificate: which one is served is a test of dashboard-api.
func newBrowser(addr string) *http.Client {
	jar, _ := cookiejar.New(nil) // fails for a bad list of suffixes alone
	return &http.Client{Jar: jar, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
}

// cmdCookie puts the id of the browser's session into a variable: cookie VARIABLE. Servers on other ports get it too.
func cmdCookie(ts *testscript.TestScript, neg bool, args []string) {
	u, err := url.Parse("http://127.0.0.1/")
	ts.Check(err)
	cookies := stackOf(ts).browser.Jar.Cookies(u)
	if neg || len(args) != 1 || len(cookies) != 1 {
		ts.Fatalf("usage: cookie VARIABLE, after a sign-in; %d cookies", len(cookies))
	}
	ts.Setenv(args[0], cookies[0].Name+"="+cookies[0].Value)
}

// cmdCertificate puts a certificate for HOST into the installation, for its owner: certificate HOST.
func cmdCertificate(ts *testscript.TestScript, _ bool, args []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: args, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	dir := filepath.Join(stackOf(ts).dir, "tls")
	uid, gid := stackOf(ts).owner(ts)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: der}} {
		file := filepath.Join(dir, name)
		ts.Check(os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
		ts.Check(os.Chown(file, uid, gid))
	}
}

// container is what `docker inspect` says that bounds what a container can do.
type container struct {
	State struct {
		Pid int `json:"Pid"`
	} `json:"State"`
	Config struct {
		User string   `json:"User"`
		Env  []string `json:"Env"`
	} `json:"Config"`
	HostConfig struct {
		ReadonlyRootfs bool     `json:"ReadonlyRootfs"`
		Privileged     bool     `json:"Privileged"`
		CapAdd         []string `json:"CapAdd"`
		CapDrop        []string `json:"CapDrop"`
		SecurityOpt    []string `json:"SecurityOpt"`
		Devices        []any    `json:"Devices"`
		PortBindings   map[string][]struct {
			HostIP string `json:"HostIp"`
		} `json:"PortBindings"`
	} `json:"HostConfig"`
	Mounts []struct {
		Type        string `json:"Type"`
		Destination string `json:"Destination"`
		RW          bool   `json:"RW"`
	} `json:"Mounts"`
}

// cmdInspect prints what bounds a running service's container, as Docker and as the kernel say it: inspect SERVICE.
// The owner of the installation is OWNER.
func cmdInspect(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: inspect SERVICE")
	}
	s := stackOf(ts)
	out, err := exec.Command("docker", "inspect", s.names.Prefix+args[0]).Output()
	ts.Check(err)
	var found []container
	ts.Check(json.Unmarshal(out, &found))
	c := found[0]
	lines := []string{
		fmt.Sprintf("user %s, read-only %t, privileged %t", c.Config.User, c.HostConfig.ReadonlyRootfs, c.HostConfig.Privileged),
		fmt.Sprintf("capabilities dropped %v, added %v; %v; devices %d", c.HostConfig.CapDrop, c.HostConfig.CapAdd, c.HostConfig.SecurityOpt, len(c.HostConfig.Devices)),
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.State.Pid))
	ts.Check(err)
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if slices.Contains([]string{"Uid", "Gid", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"}, name) {
			lines = append(lines, name+" "+strings.Join(strings.Fields(value), " "))
		}
	}
	for port, bindings := range c.HostConfig.PortBindings {
		for _, b := range bindings {
			lines = append(lines, "published "+port+" on "+b.HostIP)
		}
	}
	var mounts, names []string
	for _, m := range c.Mounts {
		mounts = append(mounts, fmt.Sprintf("%s %s rw=%t", m.Type, m.Destination, m.RW))
	}
	for _, pair := range c.Config.Env {
		name, _, _ := strings.Cut(pair, "=")
		names = append(names, "env "+name)
	}
	slices.Sort(mounts)
	slices.Sort(names)
	text := strings.Join(slices.Concat(lines, mounts, names), "\n")
	uid, gid := s.owner(ts)
	text = strings.NewReplacer(
		fmt.Sprintf("user %d:%d", uid, gid), "user OWNER",
		fmt.Sprintf("Uid %d %[1]d %[1]d %[1]d", uid), "Uid OWNER",
		fmt.Sprintf("Gid %d %[1]d %[1]d %[1]d", gid), "Gid OWNER",
	).Replace(text)
	if uid == 0 {
		ts.Fatalf("the installation is root's: its containers must not be")
	}
	fmt.Fprintln(ts.Stdout(), text)
}

// owner is whose the installation is.
func (s *stack) owner(ts *testscript.TestScript) (uid, gid int) {
	settings, err := config.Load(func(k string) string {
		if k == "DREAM_INSTALL_DIR" {
			return s.dir
		}
		return ""
	})
	ts.Check(err)
	return settings.UID, settings.GID
}
