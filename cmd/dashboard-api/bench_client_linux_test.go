package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

const connections = 16

// hammer asks for the path over all connections and returns how long each request took, sorted, and all together.
func hammer(b *testing.B, addr, path string, header http.Header, requests int) (each []time.Duration, all time.Duration) {
	b.Helper()
	var text bytes.Buffer
	fmt.Fprintf(&text, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, addr)
	must(b, header.Write(&text))
	text.WriteString("\r\n")
	took := make([][]time.Duration, connections)
	failed := make([]error, connections)
	var running sync.WaitGroup
	began := time.Now()
	for i := range connections {
		running.Go(func() { took[i], failed[i] = hammerOne(b.Context(), addr, text.Bytes(), requests/connections) })
	}
	running.Wait()
	all = time.Since(began)
	must(b, errors.Join(failed...))
	each = slices.Concat(took...)
	slices.Sort(each)
	return each, all
}

// hammerOne is a client that costs little: what is measured is the server.
func hammerOne(ctx context.Context, addr string, request []byte, times int) ([]time.Duration, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	took := make([]time.Duration, 0, times)
	for range times {
		began := time.Now()
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		if err := skipReply(in); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// skipReply reads a reply with a Content-Length, or none and no body.
func skipReply(in *bufio.Reader) error {
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		switch {
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) && !bytes.HasPrefix(line, []byte("HTTP/1.1 304")):
			return fmt.Errorf("%s", line)
		case bytes.HasPrefix(line, []byte("Content-Length: ")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len("Content-Length: "):]))); err != nil {
				return err
			}
		case len(line) == 2:
			_, err = in.Discard(length)
			return err
		}
	}
}
