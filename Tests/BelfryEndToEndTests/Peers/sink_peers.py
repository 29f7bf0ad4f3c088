"""Receivers of alerts, strict: an HTTPS server that judges what comes as the real ones would.

    sink_peers.py CERTIFICATE-FOLDER OUT

prints its ports (HTTPS, and lines over TLS), then appends a line to OUT for each request: {"path", "problems", "body"}. Sentry's
envelopes go through Sentry's own normaliser; a webhook's signature is checked (the secret is "hush").
"""

import hashlib
import hmac
import http.server
import json
import socketserver
import ssl
import sys
import threading
from pathlib import Path

from sentry_relay.processing import StoreNormalizer

# What the Elastic Common Schema's logging specification asks of a line, with the form of each.
ECS_REQUIRED = {"@timestamp": str, "log.level": str, "message": str, "ecs.version": str}
WEBHOOK_FIELDS = {"version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels",
                  "commonLabels", "commonAnnotations", "externalURL", "alerts"}


def sentry(headers, body):
    problems = [] if headers["x-sentry-auth"].startswith("Sentry sentry_version=7,") else ["no auth"]
    head, item, event, rest = body.split("\n", 3)
    if json.loads(item)["length"] != len(event.encode()) or rest:
        problems.append("the item's length is wrong")
    event = json.loads(event)
    if json.loads(head)["event_id"] != event["event_id"]:
        problems.append("two event ids")
    normalised = StoreNormalizer(project_id=42).normalize_event(event)
    if normalised.get("errors"):
        problems.append(str(normalised["errors"]))
    if normalised["platform"] != event["platform"]:
        problems.append(f"platform became {normalised['platform']}")
    return problems, [normalised], b"{}"


def bulk(headers, body):
    problems = [] if body.endswith("\n") else ["no newline at the end"]
    lines = [json.loads(line) for line in body.splitlines()]
    actions, documents = lines[::2], lines[1::2]
    if headers["content-type"] != "application/x-ndjson":
        problems.append("the content type")
    problems += [f"action {one}" for one in actions if list(one) != ["create"]]
    for document in documents:
        problems += [f"{name} is missing or no {kind.__name__}" for name, kind in ECS_REQUIRED.items()
                     if not isinstance(document.get(name), kind)]
    items = [{"create": {"status": 201}} for _ in actions]
    return problems, documents, json.dumps({"errors": False, "items": items}).encode()


def webhook(headers, body):
    pairs = dict(pair.split("=", 1) for pair in headers["belfry-signature"].split(","))
    wanted = hmac.new(b"hush", f"{pairs['t']}.{body}".encode(), hashlib.sha256).hexdigest()
    problems = [] if hmac.compare_digest(wanted, pairs["v1"]) else ["the signature is wrong"]
    document = json.loads(body)
    if set(document) != WEBHOOK_FIELDS:
        problems.append(f"fields {sorted(document)}")
    return problems, document["alerts"], b"{}"


def slack(headers, body):
    document = json.loads(body)
    return ([] if document["text"] else ["no text"]), [document], b"ok"


class Lines(socketserver.StreamRequestHandler):
    """Logstash's TCP input: lines until the end of the stream, and no answer."""

    def handle(self):
        documents = [json.loads(line) for line in self.rfile]
        problems = [f"{name} is missing" for name in ECS_REQUIRED
                    for document in documents if name not in document]
        note(self.server, "/lines", problems, documents)


def note(server, path, problems, documents):
    line = json.dumps({"path": path, "problems": problems, "body": json.dumps(documents)})
    with open(server.out, "a", encoding="utf-8") as file:
        file.write(line + "\n")


JUDGES = {"/api/42/envelope/": sentry, "/logs-belfry/_bulk": bulk, "/hook": webhook, "/chat": slack}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            problems, documents, answer = JUDGES[self.path](headers, body)
        except Exception as failure:
            problems, documents, answer = [f"{type(failure).__name__}: {failure}"], [], b"{}"
        note(self.server, self.path, problems, documents)
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def main(certificate, out):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(certificate, "identity.pem"), Path(certificate, "identity.key"))
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler),
               socketserver.ThreadingTCPServer(("127.0.0.1", 0), Lines)]
    for server in servers:
        server.out = out
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(*(server.server_address[1] for server in servers), flush=True)
    threading.Thread(target=servers[1].serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
