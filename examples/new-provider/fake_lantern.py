#!/usr/bin/env python3
"""Lantern DNS, a service that does not exist: its API at http://127.53.0.1:8053, its name server at 127.53.0.1:5353.

It keeps everything in memory and shows what it is asked. The key is "shine". Standard library only.
"""
import json
import re
import socketserver
import struct
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ADDRESS, API_PORT, DNS_PORT = "127.53.0.1", 8053, 5353
ZONE, ZONE_ID, KEY = "lantern.example", "6f1c", "shine"
entries = {}  # id -> {"host", "kind", "data", "seconds"}
lock = threading.Lock()


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, text, *rest):
        print("api", text % rest, file=sys.stderr, flush=True)

    def answer(self, status, tree=None):
        body = b"" if tree is None else json.dumps(tree).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def problem(self, status, code, say):
        self.answer(status, {"problem": {"code": code, "say": say}})

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if self.headers.get("X-Lantern-Key") != KEY:
            return self.problem(401, "bad-key", "this key opens nothing")
        if (self.command, url.path) == ("GET", "/v2/zones"):
            found = [{"uuid": ZONE_ID, "domain": ZONE, "state": "live"}] if query.get("name") == ZONE else []
            return self.answer(200, {"zones": found})
        match = re.fullmatch(f"/v2/zones/{ZONE_ID}/entries(?:/([0-9a-f-]+))?", url.path)
        if match is None:
            return self.problem(404, "no-such-thing", "there is nothing of that name")
        with lock:
            return self.entries(match.group(1), query, body)

    def entries(self, one, query, body):
        if self.command == "POST" and one is None:
            entry = json.loads(body)
            if entry in entries.values():
                return self.problem(409, "entry-exists", "it is there already")
            key = str(uuid.uuid4())
            entries[key] = entry
            return self.answer(201, {"entry": {"uuid": key, **entry}})
        if self.command == "GET" and one is None:
            found = [{"uuid": key, **e} for key, e in entries.items() if e["kind"] == query["kind"] and e["host"] == query["host"]]
            return self.answer(200, {"entries": found})
        if self.command == "DELETE" and entries.pop(one, None) is not None:
            return self.answer(204)
        return self.problem(404, "no-such-entry", "it is not there")

    do_GET = do_POST = do_DELETE = handle_one


# ---- the name server: just enough of DNS ----

def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(name, kind, data, ttl=60):
    return encoded(name) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def soa():
    return record(ZONE, 6, encoded("ns1." + ZONE) + encoded("host." + ZONE) + struct.pack("!IIIII", 1, 3600, 600, 86400, 1))


def answers_for(name, kind):
    """(records, does the name exist)"""
    with lock:
        texts = [e["data"].strip('"') for e in entries.values() if f"{e['host']}.{ZONE}".removeprefix("@.") == name]
    found = {"TXT": 16, "SOA": 6, "NS": 2, "A": 1}
    if kind == found["TXT"] and texts:
        return [record(name, 16, bytes([len(t)]) + t.encode()) for t in texts], True
    if name == ZONE and kind == found["SOA"]:
        return [soa()], True
    if name == ZONE and kind == found["NS"]:
        return [record(ZONE, 2, encoded("ns1." + ZONE))], True
    if name == "ns1." + ZONE and kind == found["A"]:
        return [record(name, 1, bytes(int(part) for part in ADDRESS.split(".")))], True
    return [], bool(texts) or name in (ZONE, "ns1." + ZONE)


class Dns(socketserver.BaseRequestHandler):
    def handle(self):
        message, socket = self.request
        labels, at = [], 12
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode().lower())
            at += 1 + message[at]
        name, (kind,) = ".".join(labels), struct.unpack("!H", message[at + 1:at + 3])
        question = message[12:at + 5]
        if name != ZONE and not name.endswith("." + ZONE):
            return socket.sendto(message[:2] + struct.pack("!HHHHH", 0x8005, 1, 0, 0, 0) + question, self.client_address)
        found, exists = answers_for(name, kind)
        flags = 0x8400 | (0 if exists else 3)
        reply = message[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0 if found else 1, 0) + question
        socket.sendto(reply + b"".join(found) + (b"" if found else soa()), self.client_address)


def main():
    api = ThreadingHTTPServer((ADDRESS, API_PORT), Api)
    dns = socketserver.ThreadingUDPServer((ADDRESS, DNS_PORT), Dns)
    threading.Thread(target=dns.serve_forever, daemon=True).start()
    print(f"Lantern DNS: http://{ADDRESS}:{API_PORT}, name server {ADDRESS}:{DNS_PORT}", flush=True)
    api.serve_forever()


if __name__ == "__main__":
    main()
