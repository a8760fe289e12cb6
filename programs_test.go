package dreamserver_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Two built-in extensions are programs of our own, which run from a plain Python image.

// model answers like a language model's server and keeps what it was asked.
type model struct {
	*httptest.Server
	mu      sync.Mutex
	asked   []string
	headers []http.Header
	answer  func(w http.ResponseWriter, body map[string]any)
}

func newModel(t *testing.T, answer func(w http.ResponseWriter, body map[string]any)) *model {
	m := &model{answer: answer}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		m.mu.Lock()
		m.asked, m.headers = append(m.asked, r.Method+" "+r.URL.Path+" "+string(data)), append(m.headers, r.Header)
		m.mu.Unlock()
		var body map[string]any
		_ = json.Unmarshal(data, &body)
		m.answer(w, body)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *model) last() (string, http.Header) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[len(m.asked)-1], m.headers[len(m.headers)-1]
}

// events streams what a model says in pieces, and its usage when it is asked.
func events(w http.ResponseWriter, body map[string]any, pieces ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(v any) {
		data, _ := json.Marshal(v)
		fmt.Fprintf(w, "data: %s\n\n", data)
		w.(http.Flusher).Flush()
	}
	for _, p := range pieces {
		send(map[string]any{"choices": []any{map[string]any{"index": 0, "delta": map[string]any{"content": p}, "finish_reason": nil}}})
	}
	send(map[string]any{"choices": []any{map[string]any{"index": 0, "delta": map[string]any{}, "finish_reason": "stop"}}})
	if o, _ := body["stream_options"].(map[string]any); o["include_usage"] == true {
		send(map[string]any{"choices": []any{}, "usage": map[string]any{"prompt_tokens": 7, "completion_tokens": 3}})
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// startProgram runs a file of an extension as its container would, and returns its address.
func startProgram(t *testing.T, file string, env ...string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	if exec.Command(python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))").Run() != nil {
		t.Skip("python3 is older than 3.11")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	var stderr bytes.Buffer
	cmd := exec.Command(python, "-I", "-B", filepath.Join("extensions", "services", file))
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), fmt.Sprintf("PORT=%d", port)}, env...)
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if strings.Contains(stderr.String(), "Traceback") {
			t.Errorf("%s:\n%s", file, stderr.String())
		}
	})
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	for range 200 {
		if resp, err := http.Get(url + "/health"); err == nil {
			resp.Body.Close()
			return url
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not answer:\n%s", file, stderr.String())
	return ""
}

// call sends a request and returns the status and the body. Headers are pairs.
func call(t *testing.T, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// contents joins the texts of a streamed answer, and counts its events.
func contents(t *testing.T, stream string) (text string, n int) {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(stream))
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var event struct {
			Choices []struct {
				Delta struct {
					Content string `json:"content"`
				} `json:"delta"`
			} `json:"choices"`
		}
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			t.Fatalf("event %q: %v", data, err)
		}
		for _, c := range event.Choices {
			text += c.Delta.Content
		}
		n++
	}
	return text, n
}

func TestTokenSpy_CountsWhatPasses(t *testing.T) {
	m := newModel(t, func(w http.ResponseWriter, body map[string]any) {
		switch {
		case body["model"] == "broken":
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"error":{"message":"out of memory"}}`)
		case body["stream"] == true:
			events(w, body, "Hel", "lo")
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"choices":[{"message":{"content":"Hello"}}],"usage":{"prompt_tokens":10,"completion_tokens":5}}`)
		}
	})
	database := filepath.Join(t.TempDir(), "usage.db")
	url := startProgram(t, "token-spy/token_spy.py", "TARGET="+m.URL, "DATABASE="+database)

	status, body := call(t, "POST", url+"/v1/chat/completions", `{"model":"small","messages":[{"role":"user","content":"planted-text"}]}`,
		"User-Agent", "notes/1.2", "Authorization", "Bearer planted-key")
	if status != 200 || !strings.Contains(body, "Hello") {
		t.Fatalf("chat: %d %s", status, body)
	}
	asked, headers := m.last()
	if !strings.HasPrefix(asked, "POST /v1/chat/completions {") || headers.Get("Authorization") != "Bearer planted-key" {
		t.Errorf("the model was asked %s with %v", asked, headers)
	}

	// The count of a stream has to be asked for, and a client that did not ask does not see the answer.
	const stream = `{"model":"small","stream":true,"messages":[]}`
	_, body = call(t, "POST", url+"/v1/chat/completions", stream, "X-Client", "wiki", "User-Agent", "x")
	if text, n := contents(t, body); text != "Hello" || n != 3 || !strings.HasSuffix(body, "\n\ndata: [DONE]\n\n") || strings.Contains(body, "\n\n\n") {
		t.Errorf("stream: %d events, %q:\n%s", n, text, body)
	}
	_, body = call(t, "POST", url+"/v1/chat/completions", strings.Replace(stream, `"messages"`, `"stream_options":{"include_usage":true},"messages"`, 1), "X-Client", "wiki")
	if _, n := contents(t, body); n != 4 {
		t.Errorf("a client that asks for usage gets %d events, want 4:\n%s", n, body)
	}
	if status, _ := call(t, "POST", url+"/v1/chat/completions", `{"model":"broken"}`, "X-Client", `<b>"\`); status != 500 {
		t.Errorf("an error of the model comes as %d", status)
	}
	call(t, "GET", url+"/v1/models", "") // is passed on and costs nothing

	var usage struct {
		Total struct {
			Requests         int `json:"requests"`
			Errors           int `json:"errors"`
			Uncounted        int `json:"uncounted"`
			PromptTokens     int `json:"prompt_tokens"`
			CompletionTokens int `json:"completion_tokens"`
		} `json:"total"`
		Clients []struct {
			Name         string `json:"name"`
			PromptTokens int    `json:"prompt_tokens"`
		} `json:"clients"`
	}
	_, body = call(t, "GET", url+"/api/usage?days=1", "")
	if err := json.Unmarshal([]byte(body), &usage); err != nil {
		t.Fatal(err)
	}
	if got := usage.Total; got.Requests != 4 || got.Errors != 1 || got.Uncounted != 1 || got.PromptTokens != 24 || got.CompletionTokens != 11 {
		t.Errorf("totals: %s", body)
	}
	names := []string{}
	for _, c := range usage.Clients {
		names = append(names, fmt.Sprint(c.Name, " ", c.PromptTokens))
	}
	if diff := cmp.Diff([]string{`<b>"\ 0`, "notes 10", "wiki 14"}, names); diff != "" {
		t.Errorf("clients (-want +got):\n%s", diff)
	}
	_, dashboard := call(t, "GET", url+"/", "")
	if !strings.Contains(dashboard, "4 requests in 30 days") || strings.Contains(dashboard, "<b>") || !strings.Contains(dashboard, "&lt;b&gt;") {
		t.Errorf("dashboard:\n%s", dashboard)
	}
	if _, metrics := call(t, "GET", url+"/metrics", ""); !strings.Contains(metrics, `token_spy_prompt_tokens{client="wiki",model="small"} 14`) ||
		!strings.Contains(metrics, `token_spy_errors{client="<b>\"\\",model="broken"} 1`) {
		t.Errorf("metrics:\n%s", metrics)
	}
	files, _ := filepath.Glob(database + "*")
	for _, file := range files {
		if data, _ := os.ReadFile(file); bytes.Contains(data, []byte("planted")) {
			t.Errorf("%s keeps what was asked", file)
		}
	}
}

func TestTokenSpy_RefusesWhatItCannotPassOn(t *testing.T) {
	m := newModel(t, func(w http.ResponseWriter, _ map[string]any) { fmt.Fprint(w, "{}") })
	target := m.URL
	m.Close()
	url := startProgram(t, "token-spy/token_spy.py", "TARGET="+target+"/v1/", "DATABASE="+filepath.Join(t.TempDir(), "u.db"))
	for _, tt := range []struct {
		method, path string
		headers      []string
		want         int
	}{
		{"POST", "/v1/chat/completions", nil, 502},
		{"GET", "/elsewhere", nil, 404},
		{"POST", "/health", nil, 404},
		{"GET", "/api/usage?days=x", nil, 400},
		{"GET", "/health", nil, 200},
	} {
		if got, body := call(t, tt.method, url+tt.path, "", tt.headers...); got != tt.want {
			t.Errorf("%s %s: %d, want %d: %s", tt.method, tt.path, got, tt.want, body)
		}
	}
}

func TestPrivacyShield_KeepsDataBackAndPutsItIntoTheAnswer(t *testing.T) {
	m := newModel(t, func(w http.ResponseWriter, body map[string]any) {
		if body["stream"] == true {
			events(w, body, "Write to [", "EMA", "IL_1", "] or [EMAIL_1], not [1] or [", "NOTE_9]", " [EMAIL_")
			return
		}
		messages, _ := json.Marshal(body["messages"])
		w.Header().Set("Content-Type", "application/json")
		answer, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": string(messages)}}}})
		_, _ = w.Write(answer)
	})
	url := startProgram(t, "privacy-shield/privacy_shield.py", "TARGET="+m.URL, "API_KEY=planted-key", "TARGET_KEY=sk-target", "TERMS=Ada Lovelace, Heron")
	key := []string{"Authorization", "Bearer planted-key", "User-Agent", "planted-agent"}

	const private = "ada@example.org, +49 30 1234567, 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00, 192.168.1.5, ada lovelace"
	status, body := call(t, "POST", url+"/v1/chat/completions", `{"model":"gpt-4111111111111111","messages":[{"role":"user","content":"`+private+` and ada@example.org"}]}`, key...)
	if status != 200 || !strings.Contains(body, private+" and ada@example.org") {
		t.Errorf("the answer has %d %s", status, body)
	}
	asked, headers := m.last()
	for part := range strings.SplitSeq(private, ", ") {
		if strings.Contains(asked, part) {
			t.Errorf("%q left: %s", part, asked)
		}
	}
	if want := `"content": "[EMAIL_1], [PHONE_1], [CARD_1], [IBAN_1], [IP_1], [TERM_1] and [EMAIL_1]"`; !strings.Contains(asked, want) || !strings.Contains(asked, "gpt-4111111111111111") {
		t.Errorf("asked: %s", asked)
	}
	if headers.Get("Authorization") != "Bearer sk-target" || strings.Contains(fmt.Sprint(headers), "planted") {
		t.Errorf("headers: %v", headers)
	}

	_, body = call(t, "POST", url+"/v1/chat/completions", `{"stream":true,"messages":[{"content":"ada@example.org"}]}`, key...)
	if text, _ := contents(t, body); text != "Write to ada@example.org or ada@example.org, not [1] or [NOTE_9] [EMAIL_" {
		t.Errorf("stream: %q\n%s", text, body)
	}

	// A placeholder that somebody writes stays what it is.
	_, body = call(t, "POST", url+"/v1/chat/completions", `{"messages":[{"content":"[EMAIL_1] is not ada@example.org"}]}`, key...)
	if asked, _ := m.last(); !strings.Contains(asked, "[EMAIL_1] is not [EMAIL_2]") || !strings.Contains(body, "[EMAIL_1] is not ada@example.org") {
		t.Errorf("asked %s, answered %s", asked, body)
	}
}

func TestPrivacyShield_Finds(t *testing.T) {
	url := startProgram(t, "privacy-shield/privacy_shield.py", "TARGET=http://127.0.0.1:1", "API_KEY=k", "TERMS=Heron")
	for text, want := range map[string]string{
		"mail a.b+c@mail.example.co.uk.":                                          "mail [EMAIL_1].",
		"call (030) 123 45 67 or +1 415-555-2671":                                 "call [PHONE_2] or [PHONE_1]",
		"call 415-555-2671.":                                                      "call [PHONE_1].",
		"on 2026-11-20 at 10:30, 1234567 items, 3.14159265":                       "on 2026-11-20 at 10:30, 1234567 items, 3.14159265",
		"card 4111-1111-1111-1111, not 4111-1111-1111-1112":                       "card [CARD_1], not 4111-1111-1111-1112",
		"SSN 123-45-6789":                                                         "SSN [SSN_1]",
		"host 10.0.0.1 and fe80::1:2 and version 1.2.3 at 12:30:45":               "host [IP_1] and [IP_2] and version 1.2.3 at 12:30:45",
		"key sk-proj-abcdefghijklmnop1234 AKIAIOSFODNN7EXAMPLE":                   "key [KEY_1] [KEY_2]",
		"-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- end": "[KEY_1] end",
		"heron and herons":                                                        "[TERM_1] and herons",
		"GB82 WEST 1234 5698 7654 32":                                             "[IBAN_1]",
		"Grüße an müller@exämple.de":                                              "Grüße an [EMAIL_1]",
	} {
		data, _ := json.Marshal(text)
		status, body := call(t, "POST", url+"/mask", string(data), "Authorization", "Bearer k")
		var got struct {
			Masked string `json:"masked"`
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if got.Masked != want {
			t.Errorf("%q\n got %q\nwant %q", text, got.Masked, want)
		}
	}
}

func TestPrivacyShield_Refuses(t *testing.T) {
	m := newModel(t, func(w http.ResponseWriter, _ map[string]any) { fmt.Fprint(w, "{}") })
	url := startProgram(t, "privacy-shield/privacy_shield.py", "TARGET="+m.URL, "API_KEY=k")
	key := []string{"Authorization", "Bearer k"}
	for _, tt := range []struct {
		method, path, body string
		headers            []string
		want               int
	}{
		{"POST", "/v1/chat/completions", "{}", nil, 401},
		{"POST", "/v1/chat/completions", "{}", []string{"Authorization", "Bearer kk"}, 401},
		{"GET", "/v1/models", "", nil, 401},
		{"GET", "/v1/models", "", key, 200},
		{"POST", "/v1/audio/transcriptions", "--boundary", key, 415},
		{"POST", "/v1/chat/completions", strings.Repeat("[", 200_000), key, 415},
		{"POST", "/admin", "{}", key, 404},
		{"GET", "/v1/files", "", key, 404},
		{"GET", "/", "", nil, 200},
	} {
		if got, body := call(t, tt.method, url+tt.path, tt.body, tt.headers...); got != tt.want {
			t.Errorf("%s %s: %d, want %d: %s", tt.method, tt.path, got, tt.want, body)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.asked, func(a string) bool { return !strings.HasPrefix(a, "GET /v1/models") }) {
		t.Errorf("the model was asked %q", m.asked)
	}
}

// A text that is hard for patterns costs time in proportion to its length.
func TestPrivacyShield_LongTextsTakeNoTime(t *testing.T) {
	url := startProgram(t, "privacy-shield/privacy_shield.py", "TARGET=http://127.0.0.1:1", "API_KEY=k")
	for _, unit := range []string{"a+b.", "1 ", "12-", "a:", "+1", "AB12 ", "eyJabcdefgh", "(0", "x@", "0 00", "[EMAIL_"} {
		data, _ := json.Marshal(strings.Repeat(unit, 200_000/len(unit)))
		begun := time.Now()
		if status, body := call(t, "POST", url+"/mask", string(data), "Authorization", "Bearer k"); status != 200 {
			t.Errorf("%q: %d %.200s", unit, status, body)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%q many times took %s", unit, took)
		}
	}
}
