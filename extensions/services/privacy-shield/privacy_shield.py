"""Privacy Shield: an OpenAI-compatible proxy that keeps personal data back.

A program that has http://privacy-shield:8085/v1 as its base URL talks to TARGET through here. What looks like personal
data in its request is replaced by placeholders, [EMAIL_1], and the placeholders in the answer by what they stand for,
in streams, too. The same value has the same placeholder in one request and none outlives it: chats send their whole
history each time, so nothing has to be remembered, and nothing is written anywhere.

It recognises patterns, not meaning. Names are found only when TERMS lists them.

It needs Python's own library alone.
"""

import hmac
import http.client
import ipaddress
import json
import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

MAX_BODY = 16 << 20
MAX_ANSWER = 64 << 20
TIMEOUT = 600  # seconds without a byte from the model

# What is passed on to the target, and back. Anything else could name the client.
TO_TARGET = ("Accept", "OpenAI-Beta", "anthropic-version")
TO_CLIENT = ("Content-Type", "Retry-After", "x-request-id")

# Values of these keys are names of the API, which must arrive as they are. Everything else that is text is looked at.
NAMES = {"model", "role", "type", "id", "tool_call_id", "call_id", "object", "format", "encoding_format", "detail",
         "finish_reason", "tool_choice", "reasoning_effort", "response_format", "service_tier"}


def luhn(text):
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [d * 2 - 9 * (d > 4) for d in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def iban(text):
    t = re.sub(r"\s", "", text).upper()
    return 15 <= len(t) <= 34 and int("".join(str(int(c, 36)) for c in t[4:] + t[:4])) % 97 == 1


def address(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def phone(text):
    digits = sum(c.isdigit() for c in text)
    return 8 <= digits <= 15 and not re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip())


# In this order: what an earlier one has taken, a later one does not see. A check that fails leaves the text alone.
PATTERNS = [
    ("KEY", r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", None),
    ("KEY", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+", None),
    ("KEY", r"\b(?:sk-|pk-lf-|ghp_|gho_|github_pat_|glpat-|xox[abprs]-|hf_|AIza|r8_)[\w-]{16,}", None),
    ("KEY", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", None),
    ("EMAIL", r"\b[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_]{2,}", None),
    ("IBAN", r"\b[A-Za-z]{2}\d{2}(?:[ ]?[A-Za-z0-9]{4}){2,7}(?:[ ]?[A-Za-z0-9]{1,4})?\b", iban),
    ("CARD", r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.]\d)", luhn),
    ("SSN", r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])", None),
    ("IP", r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]\d|\d)", address),
    ("IP", r"(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{0,34}:[0-9A-Fa-f]{0,4}(?![\w:])", address),
    ("PHONE", r"(?<![\w+.-])\+\d(?:[ ()/.-]{0,2}\d){6,14}(?!\d)", phone),
    ("PHONE", r"(?<![\w+./-])\(?0\d{1,5}\)?(?:[ /-]{1,3}\d{2,}){1,4}(?![\d.])", phone),
    ("PHONE", r"(?<![\w+./-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\d.-]\d|\d)", phone),
]


class Detector:
    def __init__(self, terms=""):
        words = sorted({t.strip() for t in terms.split(",") if t.strip()}, key=len, reverse=True)
        self.kinds = []
        if words:
            listed = "|".join(r"\s+".join(re.escape(part) for part in w.split()) for w in words)
            self.kinds.append(("TERM", re.compile(rf"(?<!\w)(?:{listed})(?!\w)", re.I), None))
        self.kinds += [(kind, re.compile(pattern, re.S), check) for kind, pattern, check in PATTERNS]

    def replace(self, text, name):
        """The text with name(kind, value) in the place of each value. What has been replaced is not looked at again."""
        parts = [(text, True)]  # the text, and whether it is still to be looked at
        for kind, pattern, check in self.kinds:
            parts = [piece for t, open_ in parts for piece in (self.split(t, kind, pattern, check, name) if open_ else [(t, open_)])]
        return "".join(t for t, _ in parts)

    @staticmethod
    def split(text, kind, pattern, check, name):
        at = 0
        for m in pattern.finditer(text):
            if check is None or check(m.group()):
                yield text[at:m.start()], True
                yield name(kind, m.group()), False
                at = m.end()
        yield text[at:], True


class Mask:
    """The placeholders of one request."""

    PLACEHOLDER = re.compile(r"\[([A-Z]+_\d+)\]")
    LONGEST = 24

    def __init__(self, detector):
        self.detector, self.names, self.values, self.used = detector, {}, {}, {}

    def name(self, kind, value):
        if (kind, value) not in self.names:
            while True:
                self.used[kind] = self.used.get(kind, 0) + 1
                key = f"{kind}_{self.used[kind]}"
                if key not in self.values:
                    break
            self.names[kind, value], self.values[key] = key, value
        return f"[{self.names[kind, value]}]"

    def hide(self, node, key=None):
        """The JSON value with placeholders in its texts."""
        if isinstance(node, dict):
            return {k: v if k in NAMES and isinstance(v, str) else self.hide(v, k) for k, v in node.items()}
        if isinstance(node, list):
            return [self.hide(v, key) for v in node]
        if isinstance(node, str):
            if key in ("url", "image_url", "data", "file_data") and (node.startswith("data:") or len(node) > 4096 and " " not in node):
                return node  # a picture or a recording: nothing in it is text
            return self.detector.replace(node, self.name)
        return node

    def reserve(self, raw):
        """Placeholders that the text has by itself stay free, or the answer would turn them into data."""
        for key in self.PLACEHOLDER.findall(raw):
            self.values.setdefault(key, f"[{key}]")

    def show(self, text):
        return self.PLACEHOLDER.sub(lambda m: self.values.get(m.group(1), m.group()), text)

    def show_all(self, node):
        if isinstance(node, dict):
            return {k: self.show_all(v) for k, v in node.items()}
        if isinstance(node, list):
            return [self.show_all(v) for v in node]
        return self.show(node) if isinstance(node, str) else node


class Stream:
    """Shows the values in a stream of events, where a placeholder may come in pieces."""

    def __init__(self, mask):
        self.mask, self.held = mask, {}

    def event(self, event):
        """The event with its texts shown. The beginning of a placeholder is held back until the next one."""
        if not isinstance(event, dict):
            return self.mask.show_all(event)
        choices = event.get("choices")
        if not isinstance(choices, list):
            if isinstance(event.get("delta"), str):  # the Responses API
                event["delta"] = self.piece((event.get("type"), event.get("item_id"), event.get("content_index")), event["delta"])
                return event
            return self.mask.show_all(event)
        for choice in choices:
            if not isinstance(choice, dict):
                continue
            at = choice.get("index", 0)
            last = choice.get("finish_reason") is not None
            if isinstance(choice.get("text"), str):
                choice["text"] = self.piece((at, "text"), choice["text"], last)
            delta = choice.get("delta")
            if not isinstance(delta, dict):
                continue
            for key in [k for k, v in delta.items() if isinstance(v, str) and k not in NAMES]:
                delta[key] = self.piece((at, key), delta[key], last)
            for call in delta.get("tool_calls") or []:
                function = call.get("function") if isinstance(call, dict) else None
                if isinstance(function, dict) and isinstance(function.get("arguments"), str):
                    function["arguments"] = self.piece((at, "call", call.get("index", 0)), function["arguments"], last)
            if last:
                self.rest(at, delta)
        return event

    def piece(self, where, text, last=False):
        text = self.held.pop(where, "") + text
        start = text.rfind("[")
        if not last and start >= 0 and re.fullmatch(r"\[[A-Z]*(_\d*)?", text[start:]) and len(text) - start < Mask.LONGEST:
            self.held[where] = text[start:]
            text = text[:start]
        return self.mask.show(text)

    def rest(self, at, delta):
        """What was held back when the choice is finished was no placeholder."""
        for where in [w for w in self.held if w[0] == at and len(w) == 2 and w[1] != "text"]:
            delta[where[1]] = (delta.get(where[1]) or "") + self.held.pop(where)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "privacy-shield", ""
    timeout = TIMEOUT

    def log_message(self, *args):
        pass  # nothing that anybody asks is written down

    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/health":
            return self.reply(200, b'{"status":"ok"}', "application/json")
        if path == "/":
            return self.reply(200, PAGE.encode(), "text/html; charset=utf-8")
        if path in ("/v1/models", ) or path.startswith("/v1/models/"):
            if self.allowed():
                self.forward(None, Mask(self.server.detector))
            return
        self.error(404, "there is /v1/models, /v1/... with POST, and /mask")

    def do_POST(self):
        if not self.allowed():
            return
        path = urlsplit(self.path).path
        if not path.startswith("/v1/") and path != "/mask":
            return self.error(404, "there is /v1/models, /v1/... with POST, and /mask")
        raw = self.body()
        if raw is None:
            return
        try:
            asked = json.loads(raw)
        except (ValueError, RecursionError):
            return self.error(415, "the body is not JSON: what cannot be looked into is not passed on")
        mask = Mask(self.server.detector)
        mask.reserve(raw.decode("utf-8", "replace"))
        hidden = mask.hide(asked)
        if path == "/mask":
            found = {kind: sum(1 for k, _ in mask.names if k == kind) for kind in sorted({k for k, _ in mask.names})}
            return self.reply(200, json.dumps({"masked": hidden, "found": found}).encode(), "application/json")
        self.forward(json.dumps(hidden).encode(), mask)

    def allowed(self):
        given = self.headers.get("Authorization") or ""
        if hmac.compare_digest(given.encode("utf-8", "replace"), b"Bearer " + self.server.key):
            return True
        self.error(401, "show the key SHIELD_API_KEY: Authorization: Bearer ...")
        return False

    def forward(self, data, mask):
        headers = {k: self.headers[k] for k in TO_TARGET if self.headers.get(k)}
        if data is not None:
            headers["Content-Type"] = "application/json"
        if self.server.target_key:
            headers["Authorization"] = "Bearer " + self.server.target_key
        begun, conn = False, None
        try:
            host, port, secure = self.server.address
            conn = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(host, port, timeout=TIMEOUT)
            conn.request(self.command, self.server.prefix + self.path, body=data, headers=headers)
            answer = conn.getresponse()
            if answer.getheader("Content-Type", "").startswith("text/event-stream"):
                begun = True
                return self.stream(answer, mask)
            whole = answer.read(MAX_ANSWER + 1)
            if len(whole) > MAX_ANSWER:
                return self.error(502, "the answer is too large")
            try:
                whole = json.dumps(mask.show_all(json.loads(whole))).encode()
            except ValueError:
                pass  # a recording or a picture
            self.reply(answer.status, whole, None, [(k, answer.getheader(k)) for k in TO_CLIENT if answer.getheader(k)])
        except (OSError, http.client.HTTPException) as err:
            print(f"{self.command} to {self.server.target}: {err}", file=sys.stderr, flush=True)
            self.close_connection = True
            if not begun:
                self.error(502, f"{self.server.target} does not answer: {err}")
        finally:
            if conn is not None:
                conn.close()

    def stream(self, answer, mask):
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        shown = Stream(mask)
        while line := answer.readline(1 << 20):
            if line.startswith(b"data:") and line[5:].strip() != b"[DONE]":
                try:
                    line = b"data: " + json.dumps(shown.event(json.loads(line[5:]))).encode() + b"\n"
                except ValueError:
                    pass
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def body(self):
        try:
            length = int(self.headers.get("Content-Length") or -1)
        except ValueError:
            length = -1
        if length < 0 or self.headers.get("Transfer-Encoding"):
            return self.error(411, "say the length of the body in Content-Length")
        if length > MAX_BODY:
            return self.error(413, f"the body is larger than {MAX_BODY} bytes")
        return self.rfile.read(length)

    def error(self, status, message):
        self.close_connection = True  # the body of what was asked may not have been read
        self.reply(status, json.dumps({"error": {"message": message, "type": "privacy_shield"}}).encode(), "application/json",
                   [("Connection", "close")])

    def reply(self, status, data, kind, headers=()):
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        for key, value in headers:
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)


PAGE = """<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width"><title>Privacy Shield</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1c1f24;background:#fff}
code,pre{background:#eef0f3;border-radius:3px;padding:.1rem .3rem}pre{padding:.8rem;overflow:auto}
@media (prefers-color-scheme:dark){body{color:#e4e7eb;background:#16181c}code,pre{background:#24282e}}</style>
<h1>Privacy Shield</h1>
<p>Give a program <code>http://privacy-shield:8085/v1</code> as its base URL, or this page's address with <code>/v1</code> when it
runs on this machine outside of containers, and <code>SHIELD_API_KEY</code> as its key.</p>
<p>Mail addresses, phone, card and account numbers, IP addresses, keys, and the words in <code>SHIELD_TERMS</code> are replaced before a
request leaves, and are put back into the answer. It finds patterns: a name that is not listed leaves as it is.</p>
<p>To see what it would replace:</p>
<pre>curl -s -H "Authorization: Bearer $SHIELD_API_KEY" -d '"Write to ada@example.org"' http://127.0.0.1:8085/mask</pre></html>"""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, listen, target, key, target_key="", terms=""):
        url = urlsplit(target)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise SystemExit(f"TARGET={target!r} is not an address such as http://llama-server:8080")
        if not key:
            raise SystemExit("API_KEY is empty")
        secure = url.scheme == "https"
        self.address = (url.hostname, url.port or (443 if secure else 80), secure)
        # The path that comes in begins with /v1; a target may be written with it or without.
        self.prefix = url.path.rstrip("/").removesuffix("/v1")
        self.target, self.key, self.target_key = f"{url.scheme}://{url.hostname}", key.encode(), target_key
        self.detector = Detector(terms)
        super().__init__(listen, Handler)

    def handle_error(self, request, client_address):
        err = sys.exception()
        if not isinstance(err, (ConnectionError, TimeoutError)):  # a client that went away is nothing to report
            print(f"{type(err).__name__} while answering", file=sys.stderr, flush=True)  # its text may quote the request


def main():
    env = os.environ.get
    server = Server(("0.0.0.0", int(env("PORT", "8085"))), env("TARGET", "http://llama-server:8080"), env("API_KEY", ""),
                    env("TARGET_KEY", ""), env("TERMS", ""))
    print(f"keeps personal data from {server.target}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
