package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"dreamserver/agent"
	"dreamserver/api"
	"dreamserver/catalog"
	"dreamserver/config"
)

const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// serveAPI runs the API until ctx ends.
func serveAPI(ctx context.Context, s config.Settings, log zerolog.Logger) error {
	for _, note := range s.Notes {
		log.Warn().Msg(note)
	}
	client := agent.NewClient(s, config.Version()).ActingAs("dashboard-api")
	defer client.Close()
	manager := catalog.New(catalog.Options{Settings: s, Agent: client, Version: config.Version(), Actor: "dashboard-api", Rate: true, Log: log})
	handler, err := api.New(api.Options{Settings: s, Manager: manager, Audit: client, Version: config.Version(), Log: log, Closing: ctx.Done()})
	if err != nil {
		return err
	}
	if !s.ReadOnly {
		// A data directory that cannot be written keeps nobody from looking: /readyz says what is wrong.
		if err := manager.Recover(ctx); err != nil {
			log.Warn().Err(err).Msg("leftovers of interrupted changes stay")
		}
	}
	manager.Refresh(ctx) // the first answer is true already
	// A change that is being finished while we stop still needs to see what runs.
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var watching sync.WaitGroup
	watching.Go(func() { manager.Live(watch) })
	defer watching.Wait()
	defer cancel()
	_, _ = manager.Await(watch, 0) // until then each request would read the folders for itself
	defer func() {                 // changes go on behind their replies
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.StopTimeout)
		defer cancel()
		if err := manager.Wait(patience); err != nil {
			log.Warn().Err(err).Msg("changes were cut off: the host agent finishes or undoes them")
		}
	}()
	return listen(ctx, log, address{s.APIHost, s.APIPort, "DASHBOARD_API_PORT", nil}, handler, s.StopTimeout)
}

// address is where to listen, and the variable that changes it.
type address struct {
	host     string
	port     int // 0 means any free port
	variable string
	tls      *tls.Config // nil: plain HTTP
}

// listen serves until ctx ends; then it takes no more connections and waits for running requests, changes among
// them, for at most patience. What is cut off then is finished or undone at the next start.
func listen(ctx context.Context, log zerolog.Logger, a address, h http.Handler, patience time.Duration) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(a.host, strconv.Itoa(a.port)))
	if err != nil {
		return fmt.Errorf("%w: stop what holds the port, or set %s to another", err, a.variable)
	}
	// No write timeout: a change answers when it is done. Package api limits each request.
	srv := &http.Server{Handler: h, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, TLSConfig: a.tls}
	serve := srv.Serve
	if a.tls != nil {
		serve = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
	}
	log.Info().Str("addr", l.Addr().String()).Bool("tls", a.tls != nil).Str("version", config.Version()).Msg("listening")
	served := make(chan error, 1)
	go func() { served <- serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	log.Info().Msg("stopping")
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		log.Warn().Err(err).Dur("waited", patience).Msg("requests were cut off")
		_ = srv.Close() // nothing is left to do about it
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
