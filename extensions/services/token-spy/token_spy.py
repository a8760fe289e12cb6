"""Token Spy: an OpenAI-compatible proxy that counts tokens.

A program that has http://token-spy:8080/v1 as its base URL talks to TARGET through here. Of each request the numbers
are kept: who asked which model, how many tokens went in and came out, and how long it took. Texts and keys pass and
are not kept. /dashboard shows the numbers, /api/usage has them as JSON and /metrics for Prometheus.

It needs Python's own library alone.
"""

import html
import http.client
import json
import os
import sqlite3
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

MAX_BODY = 64 << 20
MAX_ANSWER = 64 << 20  # of an answer that is read whole to find its counts; a longer one passes uncounted
TIMEOUT = 600  # seconds without a byte from the model
DAY = 24 * 3600

# Headers that belong to one connection and are not passed on.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "trailers",
              "transfer-encoding", "upgrade", "content-length", "host", "accept-encoding", "expect"}


class Usage:
    """The numbers, in one SQLite file."""

    SCHEMA = """CREATE TABLE IF NOT EXISTS requests (
        at INTEGER NOT NULL, client TEXT NOT NULL, model TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL,
        prompt INTEGER NOT NULL, completion INTEGER NOT NULL, counted INTEGER NOT NULL, milliseconds INTEGER NOT NULL);
        CREATE INDEX IF NOT EXISTS requests_at ON requests (at);"""

    GROUPS = {"client": "client", "model": "model", "day": "strftime('%Y-%m-%d', at, 'unixepoch', 'localtime')"}

    SUMS = """count(*) AS requests, coalesce(sum(status >= 400 OR status = 0), 0) AS errors,
        coalesce(sum(1 - counted), 0) AS uncounted, coalesce(sum(prompt), 0) AS prompt_tokens,
        coalesce(sum(completion), 0) AS completion_tokens, coalesce(sum(milliseconds), 0) AS milliseconds"""

    def __init__(self, path, keep_days):
        self.path, self.keep, self.lock, self.swept = path, keep_days * DAY, threading.Lock(), 0
        with closing(self.open()) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(self.SCHEMA)

    def open(self):
        db = sqlite3.connect(self.path, timeout=10)
        db.row_factory = sqlite3.Row
        return db

    def add(self, row):
        now = int(time.time())
        with self.lock, closing(self.open()) as db, db:
            db.execute("INSERT INTO requests VALUES (?,?,?,?,?,?,?,?,?)", (now, *row))
            if now - self.swept > 3600:
                db.execute("DELETE FROM requests WHERE at < ?", (now - self.keep,))
                self.swept = now

    def by(self, group, since):
        key = self.GROUPS[group]
        with closing(self.open()) as db:
            rows = db.execute(f"SELECT {key} AS name, {self.SUMS} FROM requests WHERE at >= ? GROUP BY 1 ORDER BY 1", (since,))
            return [dict(row) for row in rows]

    def totals(self, since):
        with closing(self.open()) as db:
            return dict(db.execute(f"SELECT {self.SUMS} FROM requests WHERE at >= ?", (since,)).fetchone())

    def series(self):
        """Sums by client and model, for Prometheus."""
        with closing(self.open()) as db:
            return db.execute(f"SELECT client, model, {self.SUMS} FROM requests GROUP BY client, model").fetchall()


def counts(answer):
    """The tokens that an answer says it took: (prompt, completion), or None."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    if not isinstance(usage, dict) and isinstance(answer, dict) and isinstance(answer.get("response"), dict):
        usage = answer["response"].get("usage")  # the last event of the Responses API
    if not isinstance(usage, dict):
        return None
    prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
    completion = usage.get("completion_tokens", usage.get("output_tokens", 0))
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    return prompt, completion


def ask_for_usage(path, body):
    """A streamed chat says how many tokens it took only when it is asked. Returns the body to send, and whether the
    client did not ask itself and should not see the answer to our question."""
    if not path.startswith(("/v1/chat/completions", "/v1/completions")) or body.get("stream") is not True:
        return None, False
    options = body.get("stream_options")
    options = options if isinstance(options, dict) else {}
    if options.get("include_usage") is True:
        return None, False
    return json.dumps({**body, "stream_options": {**options, "include_usage": True}}).encode(), True


def only_usage(event):
    """Whether an event of a stream is the one that include_usage adds: it has no choice."""
    return isinstance(event, dict) and event.get("choices") == [] and isinstance(event.get("usage"), dict)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "token-spy", ""
    timeout = TIMEOUT

    def log_message(self, *args):
        pass  # what was asked for is in the database; errors go to stderr by name

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/health":
            return self.health()
        if url.path == "/":
            return self.reply(302, b"", "text/plain", [("Location", "/dashboard")])
        if url.path == "/metrics":
            return self.reply(200, self.metrics().encode(), "text/plain; version=0.0.4; charset=utf-8")
        if url.path in ("/dashboard", "/api/usage"):
            try:
                days = max(1, min(3650, int(parse_qs(url.query).get("days", ["30"])[0])))
            except ValueError:
                return self.error(400, "days must be a number")
            if url.path == "/api/usage":
                return self.reply(200, json.dumps(self.usage(days)).encode(), "application/json")
            return self.reply(200, page(self.usage(days), self.server.target).encode(), "text/html; charset=utf-8",
                              [("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")])
        self.forward()

    def do_POST(self):
        self.forward()

    do_PUT = do_PATCH = do_DELETE = do_POST

    def health(self):
        try:
            self.server.usage.totals(int(time.time()))
        except sqlite3.Error as err:
            return self.error(503, f"the database cannot be read: {err}")
        self.reply(200, b'{"status":"ok"}', "application/json")

    def usage(self, days):
        since, u = int(time.time()) - days * DAY, self.server.usage
        return {"days": days, "total": u.totals(since), "clients": u.by("client", since), "models": u.by("model", since),
                "by_day": u.by("day", since)}

    def metrics(self):
        rows, out = self.server.usage.series(), []
        for name, column, about in (("requests", "requests", "Requests that passed"),
                                    ("prompt_tokens", "prompt_tokens", "Tokens that went in"),
                                    ("completion_tokens", "completion_tokens", "Tokens that came out"),
                                    ("errors", "errors", "Requests that failed")):
            # A gauge: numbers older than KEEP_DAYS go away.
            out += [f"# HELP token_spy_{name} {about}, in the days that are kept.", f"# TYPE token_spy_{name} gauge"]
            out += [f'token_spy_{name}{{client="{label(r["client"])}",model="{label(r["model"])}"}} {r[column]}' for r in rows]
        return "\n".join(out) + "\n"

    def forward(self):
        path = urlsplit(self.path).path
        if not path.startswith("/v1/"):
            return self.error(404, "only /v1/... is passed on; the numbers are at /dashboard")
        data = self.body()
        if data is None:
            return
        try:
            asked = json.loads(data) if data else {}
        except ValueError:
            asked = {}
        asked = asked if isinstance(asked, dict) else {}
        changed, hide = ask_for_usage(path, asked)
        begun = time.monotonic()
        status, took, conn = 0, None, None
        try:
            conn = self.connect()
            headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
            conn.request(self.command, self.server.prefix + self.path, body=changed or data or None, headers=headers)
            answer = conn.getresponse()
            status = answer.status
            took = self.pass_on(answer, hide)
        except (OSError, http.client.HTTPException) as err:
            print(f"{self.command} {path}: {err}", file=sys.stderr, flush=True)
            self.close_connection = True
            if status == 0:
                self.error(502, f"{self.server.target} does not answer: {err}")
        finally:
            if conn is not None:
                conn.close()
        if self.command == "POST":
            model = str(asked.get("model") or "")[:128]
            prompt, completion = took or (0, 0)
            self.record((self.client(), model, path[:128], status, prompt, completion, int(took is not None),
                         int((time.monotonic() - begun) * 1000)))

    def record(self, row):
        try:
            self.server.usage.add(row)
        except sqlite3.Error as err:  # a full disk must not keep anybody from an answer
            print(f"not counted: {err}", file=sys.stderr, flush=True)

    def connect(self):
        host, port, secure = self.server.address
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(host, port, timeout=TIMEOUT)

    def pass_on(self, answer, hide):
        """Sends the answer on as it comes, and returns the tokens that it names."""
        stream = answer.getheader("Content-Type", "").startswith("text/event-stream")
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in HOP_BY_HOP and key.lower() not in ("server", "date"):
                self.send_header(key, value)
        bare = answer.status in (204, 304) or self.command == "HEAD"
        if not bare:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if bare:
            return None
        took = self.events(answer, hide) if stream else self.whole(answer)
        self.wfile.write(b"0\r\n\r\n")
        return took

    def whole(self, answer):
        kept, length = [], 0
        while data := answer.read1(1 << 16):
            self.chunk(data)
            length += len(data)
            if length <= MAX_ANSWER:
                kept.append(data)
        try:
            return counts(json.loads(b"".join(kept))) if length <= MAX_ANSWER else None
        except ValueError:
            return None

    def events(self, answer, hide):
        took, drop_blank = None, False
        while line := answer.readline(1 << 20):
            blank = line in (b"\n", b"\r\n")
            if blank and drop_blank:
                drop_blank = False
                continue
            drop_blank = False
            if line.startswith(b"data:"):
                try:
                    event = json.loads(line[5:])
                except ValueError:
                    event = None
                took = counts(event) or took
                if hide and only_usage(event):
                    drop_blank = True
                    continue
            self.chunk(line)
        return took

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def client(self):
        """Who asks, as far as it says so: X-Client, else the first word of User-Agent, such as openai for openai/1.2."""
        name = self.headers.get("X-Client") or (self.headers.get("User-Agent") or "").split("/")[0].split(" ")[0]
        return "".join(c for c in name.strip() if c.isprintable())[:64] or "unknown"

    def body(self):
        if self.headers.get("Transfer-Encoding"):
            return self.error(411, "say the length of the body in Content-Length")
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if length < 0:
            return self.error(400, "Content-Length is not a number")
        if length > MAX_BODY:
            return self.error(413, f"the body is larger than {MAX_BODY} bytes")
        return self.rfile.read(length)

    def error(self, status, message):
        self.close_connection = True  # the body of what was asked may not have been read
        self.reply(status, json.dumps({"error": {"message": message, "type": "token_spy"}}).encode(), "application/json",
                   [("Connection", "close")])

    def reply(self, status, data, kind, headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for key, value in headers:
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def label(text):
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1f24;background:#fff}
table{border-collapse:collapse;width:100%;margin:0 0 2rem}th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #d8dce2}
th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}code{background:#eef0f3;padding:.1rem .3rem;border-radius:3px}
@media (prefers-color-scheme:dark){body{color:#e4e7eb;background:#16181c}th,td{border-color:#3a3f47}code{background:#24282e}a{color:#8ab4f8}}"""


def table(title, rows):
    head = "".join(f"<th scope=col>{h}</th>" for h in (title, "Requests", "Errors", "Tokens in", "Tokens out", "Seconds each"))
    body = "".join(
        f"<tr><td>{html.escape(r['name'] or 'not named')}</td><td>{r['requests']:,}</td><td>{r['errors']:,}</td>"
        f"<td>{r['prompt_tokens']:,}</td><td>{r['completion_tokens']:,}</td><td>{r['milliseconds'] / 1000 / max(1, r['requests']):.1f}</td></tr>"
        for r in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def page(usage, target):
    total, days = usage["total"], usage["days"]
    links = " | ".join(f"<a href='?days={n}'>{n} days</a>" for n in (1, 7, 30, 90))
    if total["requests"]:
        uncounted = f", {total['uncounted']:,} of them without a count" if total["uncounted"] else ""
        body = (f"<p>{total['requests']:,} requests in {days} days{uncounted}: {total['prompt_tokens']:,} tokens in, "
                f"{total['completion_tokens']:,} tokens out.</p>"
                + table("Model", usage["models"]) + table("Program", usage["clients"]) + table("Day", usage["by_day"][::-1]))
    else:
        body = ("<p>Nothing has passed yet. Give a program <code>http://token-spy:8080/v1</code> as its base URL, or, when it runs on "
                "this machine outside of containers, this page's address with <code>/v1</code>.</p>")
    return (f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Token Spy</title>"
            f"<style>{STYLE}</style><h1>Token Spy</h1><p>{links}</p>{body}<p>Requests go on to <code>{html.escape(target)}</code>. "
            "Texts are not kept.</p></html>")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address, target, usage):
        url = urlsplit(target)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise SystemExit(f"TARGET={target!r} is not an address such as http://llama-server:8080")
        secure = url.scheme == "https"
        self.address = (url.hostname, url.port or (443 if secure else 80), secure)
        # The path that comes in begins with /v1; a target may be written with it or without.
        self.prefix = url.path.rstrip("/").removesuffix("/v1")
        self.target, self.usage = f"{url.scheme}://{url.hostname}{':%d' % url.port if url.port else ''}{self.prefix}", usage
        super().__init__(address, Handler)

    def handle_error(self, request, client_address):
        err = sys.exception()
        if not isinstance(err, (ConnectionError, TimeoutError)):  # a client that went away is nothing to report
            super().handle_error(request, client_address)


def main():
    usage = Usage(os.environ.get("DATABASE", "usage.db"), int(os.environ.get("KEEP_DAYS", "90")))
    server = Server(("0.0.0.0", int(os.environ.get("PORT", "8080"))), os.environ.get("TARGET", "http://llama-server:8080"), usage)
    print(f"counts what goes to {server.target}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
