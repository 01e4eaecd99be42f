"""A DNS provider that keeps records: an HTTP API in the dialects of the test manifests, and the DNS that shows what it keeps.

It stumbles as one is told to - late, lost before it was done, lost after it was done, 429, 503 - by a seed that is part of what it says of
itself. And it watches itself: after every change the records of others are there byte for byte, and every other value was wanted.
"""
import json
import random
import socket
import socketserver
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from servers import free_port

TOKEN = "canary-8086-token/+=\"x"


def quoted(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Record:
    def __init__(self, number, content, foreign, note=None):
        self.number, self.content, self.foreign, self.note = number, content, foreign, note

    @property
    def value(self):
        return self.content[1:-1].replace('\\"', '"').replace("\\\\", "\\") if self.content.startswith('"') else self.content

    def tree(self):
        return {"content": self.content, **({"note": self.note} if self.note else {})}


class Book:
    """All records of all zones. `wanted(name, value)` says whether anybody wished for a value; None: whatever comes is wanted."""

    def __init__(self, zones, cnames=(), lag_s=0.0, wanted=None):
        self.zones, self.cnames, self.lag_s, self.wanted = tuple(zones), dict(cnames), lag_s, wanted
        self.lock = threading.RLock()
        self.sets, self.foreign, self.shown, self.etags = {}, {}, {}, {}
        self.n, self.n_changes, self.twins, self.wrong, self.was_there = 0, 0, [], [], set()

    def put_foreign(self, name, content, note="keep me"):
        with self.lock:
            self.n += 1
            record = Record(self.n, content, True, note)
            self.sets.setdefault(name, []).append(record)
            self.foreign.setdefault(name, []).append(record.tree())
            self.changed(name)

    def add(self, name, value):
        with self.lock:
            self.n += 1
            if any(r.value == value for r in self.sets.get(name, [])):
                self.twins.append((name, value))
            self.sets.setdefault(name, []).append(Record(self.n, quoted(value), False))
            self.changed(name)
            return self.n

    def replace(self, name, trees):
        """A whole set is written: what stands where it stood is what it was, the rest is new."""
        with self.lock:
            before = list(self.sets.get(name, []))
            after = []
            for tree in trees:
                same = next((r for r in before if r.tree() == tree), None)
                if same:
                    before.remove(same)
                self.n += 1
                after.append(same or Record(self.n, tree["content"], False, tree.get("note")))
            self.sets[name] = after
            self.changed(name)

    def remove(self, name, condition):
        with self.lock:
            gone = [r for r in self.sets.get(name, []) if condition(r)]
            self.sets[name] = [r for r in self.sets.get(name, []) if r not in gone]
            if gone:
                self.changed(name)
            return len(gone)

    def changed(self, name):
        self.n_changes += 1
        self.etags[name] = self.n_changes
        here = self.sets.get(name, [])
        self.shown.setdefault(name, []).append((time.monotonic(), [r.content for r in here]))
        foreign, wanted = ([json.dumps(tree) for tree in trees] for trees in (
            [r.tree() for r in here if r.foreign], self.foreign.get(name, [])))
        if sorted(foreign) != sorted(wanted):
            self.wrong.append(f"{name}: of others there is {foreign} instead of {wanted}")
        ours = [r for r in here if not r.foreign]
        for record in ours:
            self.was_there.add((name, record.value))
            if self.wanted and not self.wanted(name, record.value):
                self.wrong.append(f"{name}: nobody wanted {record.content}")

    def ours(self):
        with self.lock:
            return [(name, r.content) for name, here in self.sets.items() for r in here if not r.foreign]

    def served(self, name):
        """What the name servers show: they lag."""
        with self.lock:
            now = time.monotonic() - self.lag_s
            return next((values for at, values in reversed(self.shown.get(name, [])) if at <= now), [])


# ---- the DNS ----

class NameServer:
    """Authoritative for all zones of a book, UDP and TCP on one port; also good enough as the resolver of a test CA."""

    def __init__(self, book, address="127.0.0.1"):
        self.book, self.address, self.port = book, address, free_port(address)
        server = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                data, sock = self.request
                sock.sendto(server.answer(data, None), self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            timeout = 20

            def handle(self):
                while len(head := self.rfile.read(2)) == 2:
                    reply = server.answer(self.rfile.read(int.from_bytes(head, "big")), 65535)
                    self.wfile.write(len(reply).to_bytes(2, "big") + reply)

        self.servers = []
        for kind, handler in ((socketserver.ThreadingUDPServer, Udp), (socketserver.ThreadingTCPServer, Tcp)):
            kind.allow_reuse_address = kind.daemon_threads = True
            kind.request_queue_size = 128
            one = kind((address, self.port), handler)
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            self.servers.append(one)

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def zone_of(self, name):
        return max((z for z in self.book.zones if name == z or name.endswith("." + z)), key=len, default=None)

    def answer(self, data, most):
        """most: octets; None: as many as the question allows."""
        try:
            query = dns.message.from_wire(data)
        except Exception:
            return b""
        reply = dns.message.make_response(query)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        zone = self.zone_of(name)
        if zone is None:
            reply.set_rcode(dns.rcode.REFUSED)
            return reply.to_wire()
        reply.flags |= dns.flags.AA
        self.fill(reply, name, zone, question.rdtype)
        wire = reply.to_wire(max_size=65535)
        if len(wire) > (most or max(512, query.payload)):
            reply.flags |= dns.flags.TC
            reply.answer = []
            wire = reply.to_wire()
        return wire

    def fill(self, reply, name, zone, kind):
        if name in self.book.cnames and kind != dns.rdatatype.CNAME:
            target = self.book.cnames[name]
            self.put(reply.answer, name, "CNAME", [target + "."])
            name, zone = target, self.zone_of(target)
        texts = self.records(name, zone, dns.rdatatype.to_text(kind))
        if texts:
            self.put(reply.answer, name, dns.rdatatype.to_text(kind), texts)
            return
        self.put(reply.authority, zone, "SOA", self.records(zone, zone, "SOA"))
        known = name == zone or name == f"ns1.{zone}" or name in self.book.cnames or self.book.served(name)
        if not known and not reply.answer:
            reply.set_rcode(dns.rcode.NXDOMAIN)

    def records(self, name, zone, kind):
        if kind == "TXT":
            return self.book.served(name)
        if name == zone and kind == "SOA":
            return [f"ns1.{zone}. hostmaster.{zone}. {self.book.n_changes + 1} 60 30 3600 0"]
        if name == zone and kind == "NS":
            return [f"ns1.{zone}."]
        if name == f"ns1.{zone}" and kind == "A":
            return [self.address]
        return [self.book.cnames[name] + "."] if kind == "CNAME" and name in self.book.cnames else []

    @staticmethod
    def put(section, name, kind, texts):
        section.append(dns.rrset.from_text_list(f"{name}.", 1, dns.rdataclass.IN, kind, list(texts)))


# ---- the HTTP API ----

class Lost(Exception):
    """The connection ends without a reply."""


class Answer(Exception):
    """tree: JSON; data: bytes instead of it; raw: what is done with the connection instead of answering on it."""

    def __init__(self, status, tree=None, headers=None, data=None, raw=None):
        self.status, self.tree, self.headers, self.data, self.raw = status, tree, headers or {}, data, raw


class Stumble:
    """By a seed: which requests go wrong, and how. chance: of one request, in percent; the third one does in any case."""

    KINDS = ("late", "lost before", "lost after", "429", "503", "meanwhile")

    def __init__(self, seed, chance, late_s=0.05):
        self.random, self.chance, self.late_s, self.lock = random.Random(seed), chance, late_s, threading.Lock()
        self.n, self.counts = 0, dict.fromkeys(self.KINDS, 0)

    def draw(self):
        with self.lock:
            self.n += 1
            kind, goes_wrong = self.random.choice(self.KINDS), self.random.random() * 100 < self.chance
            what = kind if goes_wrong or self.n == 3 else None
            if what:
                self.counts[what] += 1
            return what


class Api:
    """Handlers get (method, path, query, headers, body) and return or raise an Answer."""

    def __init__(self, book, stumble=None, watch=None):
        self.book, self.stumble, self.watch, self.heard = book, stumble, watch, []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def log_message(self, *arguments):
                pass

            def act(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                try:
                    answer = api.serve(self.command, self.path, self.headers, body)
                except Lost:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if answer.raw:
                    self.close_connection = True
                    answer.raw(self.connection)
                    return
                data = answer.data if answer.data is not None else json.dumps(answer.tree).encode() if answer.tree is not None else b""
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **answer.headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(data)
            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = act

        class Server(ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

            def handle_error(self, request, address):
                pass  # a client that was killed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, method, target, headers, body):
        self.heard.append((method, target))
        if self.watch:
            self.watch("before", len(self.heard))
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"error": "who are you?"})
        what = self.stumble.draw() if self.stumble else None
        if what == "lost before":
            raise Lost
        if what == "429":
            return Answer(429, {"error": "slow down"}, {"Retry-After": "1"})
        if what == "503":
            return Answer(503, {"error": "back soon"})
        if what == "late":
            time.sleep(self.stumble.late_s)
        path, _, query = target.partition("?")
        tree = json.loads(body) if body else None
        try:
            answer = self.route(method, path, dict(urllib.parse.parse_qsl(query)), headers, tree)
        except Answer as early:
            answer = early
        if what == "meanwhile":
            self.meanwhile()
        if what == "lost after":
            raise Lost
        if self.watch:
            self.watch("after", len(self.heard))
        return answer

    def meanwhile(self):
        """Somebody else writes where there is something already."""
        with self.book.lock:
            names = sorted(name for name, here in self.book.sets.items() if here)
            if names:
                name = self.stumble.random.choice(names)
                self.book.put_foreign(name, quoted(f"other {self.book.n_changes}"), note=None)

    def route(self, method, path, query, headers, tree):
        part = path.split("/")[1]
        return getattr(self, f"serve_{part}")(method, path, query, headers, tree)

    # model record
    def serve_records(self, method, path, query, headers, tree):
        with self.book.lock:
            if method == "POST":
                return Answer(201, {"id": self.book.add(tree["name"], tree["value"])})
            if method == "GET":
                return self.page(int(query.get("page", 1)), query.get("name"))
            number = int(path.rsplit("/", 1)[1])
            return Answer(204 if sum(self.book.remove(n, lambda r: r.number == number) for n in list(self.book.sets)) else 404)

    def page(self, number, name):
        """Of one name two a page, of all of them fifty."""
        here = [(n, r) for n, those in sorted(self.book.sets.items()) for r in those if name in (None, n)]
        size = 2 if name else 50
        shown = [{"id": r.number, "name": n, "value": r.content} for n, r in here[size * (number - 1):size * number]]
        return Answer(200, {"pages": -(-len(here) // size), "records": shown})

    # many of them in one call, all or none
    def serve_batch(self, method, path, query, headers, tree):
        with self.book.lock:
            there = {r.number for here in self.book.sets.values() for r in here}
            if not set(tree["deletes"]) <= there:
                return Answer(404, {"error": "a record is not there: nothing was changed"})
            for name in list(self.book.sets):
                self.book.remove(name, lambda r: r.number in tree["deletes"])
            return Answer(200, {"posts": [{"id": self.book.add(post["name"], post["value"])} for post in tree["posts"]]})

    # model value
    def serve_add(self, method, path, query, headers, tree):
        with self.book.lock:
            if not any(r.value == tree["value"] for r in self.book.sets.get(tree["name"], [])):
                self.book.add(tree["name"], tree["value"])
            return Answer(200)

    def serve_remove(self, method, path, query, headers, tree):
        return Answer(200 if self.book.remove(tree["name"], lambda r: r.value == tree["value"]) else 404)

    # model rrset, with a precondition
    def serve_sets(self, method, path, query, headers, tree):
        name = path.rsplit("/", 1)[1]
        with self.book.lock:
            here, etag = self.book.sets.get(name, []), str(self.book.etags.get(name, 0))
            if method == "GET":
                if not here:
                    return Answer(404)
                return Answer(200, {"etag": etag, "values": [r.tree() for r in here]})
            if headers.get("If-Match") not in ((etag,) if here else (etag, "none")):
                return Answer(412, {"error": "somebody else was here"})
            self.book.replace(name, tree["values"] if method == "PUT" else [])
            return Answer(200)

    # model document: the whole of it, with a precondition
    def serve_document(self, method, path, query, headers, tree):
        with self.book.lock:
            etag = str(self.book.n_changes)
            if method == "GET":
                items = [{"name": n, **r.tree()} for n, here in self.book.sets.items() for r in here]
                return Answer(200, {"etag": etag, "items": items})
            if headers.get("If-Match") != etag:
                return Answer(412, {"error": "somebody else was here"})
            for name in {item["name"] for item in tree["items"]} | set(self.book.sets):
                trees = [{k: v for k, v in item.items() if k != "name"} for item in tree["items"] if item["name"] == name]
                if trees != [r.tree() for r in self.book.sets.get(name, [])]:
                    self.book.replace(name, trees)
            return Answer(200)
