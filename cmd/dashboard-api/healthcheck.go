package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"dreamserver/config"
)

const healthTimeout = 3 * time.Second

// healthcheck is nil when a server answers 200: our own API, our own dashboard ("ui"), or the URL in args[0].
func healthcheck(ctx context.Context, s config.Settings, args []string) error {
	target := "http://" + net.JoinHostPort(reachable(s.APIHost), strconv.Itoa(s.APIPort)) + "/healthz"
	transport := &http.Transport{DisableKeepAlives: true} // no proxy, whatever the environment says
	switch {
	case len(args) > 0 && args[0] == "ui":
		target = "http"
		if s.ServesLAN() {
			target = "https"
			// The certificate is for names on the LAN, and we ask our own machine: whether it lives, nothing else.
			transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // as said
		}
		target += "://" + net.JoinHostPort(reachable(s.DashboardHost), strconv.Itoa(s.DashboardPort)) + "/healthz"
	case len(args) > 0:
		target = args[0]
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: transport}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", target, resp.Status)
	}
	return nil
}

// reachable is where a server that listens on host can be reached from its own machine.
func reachable(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}
