"""What tests of the HTTP face share: an office whose daemon listens, clients of it, and the description it is held to."""
import hashlib
import http.client
import json
import socket
import ssl
import subprocess
import time
from pathlib import Path

from servers import free_port, wait_until
from test_serve import Daemon

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((ROOT / "docs/openapi.json").read_text())
TOKENS = {  # name: (names, may)
    "web": (["*.example.com"], ["lock", "status"]),
    "all": (["*"], ["lock", "status", "metrics"]),
    "prom": ([], ["metrics"]),
    "other": (["other.org"], ["lock"]),
}


def token_of(name):
    return f"chy_{name}_0123456789abcdef"


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.text = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.text)

    def __repr__(self):
        return f"{self.status} {self.text[:400]!r}"


class Face:
    """The daemon of an office, spoken to over HTTP."""

    def __init__(self, office, daemons, tls=None, tokens=TOKENS, clients="", host="127.0.0.1", passes=True, **write):
        self.office, self.port, self.tls, self.host = office, free_port(), tls, host
        self.listed, self.clients, self.settings = tokens if passes else {}, clients, write
        self.write()
        office.run("init", check=0)
        self.daemon = daemons(office)
        wait_until("the face answers", self.is_up, 30)

    def write(self):
        listed = ", ".join(f"{{name: {name}, sha256: {hashlib.sha256(token_of(name).encode()).hexdigest()}, "
                           f"names: {json.dumps(names)}, may: {json.dumps(may)}}}" for name, (names, may) in self.listed.items())
        tls = ""
        if self.tls:
            tls = f"  tls: {{certificate: {self.tls}/server.pem, key: 'file:{self.tls}/server.key', client_ca: {self.tls}/ca.pem}}\n"
        self.office.write(**{"authorities": "  none: {directory: https://127.0.0.1:1/dir}",
                             "providers": "  none: {type: exec, zones: [example.com, example.net, other.org], argv: [/bin/false]}",
                             **self.settings},
                          extra=f"http:\n  listen: '{self.host}:{self.port}'\n{tls}  tokens: [{listed}]\n{self.clients}")

    def is_up(self):
        assert self.daemon.process.poll() is None, self.daemon.said()
        try:
            return self.ask("GET", "/healthz").status == 200
        except OSError:
            return False

    def connect(self, cert=None, timeout=60, context=None):
        if not self.tls:
            return http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        context = context or ssl.create_default_context(cafile=str(self.tls / "ca.pem"))
        if cert:
            context.load_cert_chain(*cert)
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=context)

    def ask(self, method, path, body=None, token=None, headers=None, cert=None, timeout=60, connection=None):
        connection = connection or self.connect(cert, timeout)
        head = dict(headers or {})
        if token:
            head["Authorization"] = f"Bearer {token_of(token)}"
        connection.request(method, path, body=json.dumps(body) if isinstance(body, (dict, list)) else body, headers=head)
        return Answer(connection.getresponse())

    def raw(self, data=b""):
        s = socket.create_connection((self.host, self.port), timeout=30)
        s.sendall(data)
        return s


def openssl(*argv, **how):
    subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True, **how)


def make_cert(folder, name, ca="ca", subject=None, usage="clientAuth"):
    """<folder>/<name>.pem and .key, signed by <ca>."""
    key, csr, pem, ext = (folder / f"{name}.{e}" for e in ("key", "csr", "pem", "ext"))
    ext.write_text(f"subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage={usage}\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", csr, "-subj", subject or f"/O=Tests/CN={name}")
    openssl("x509", "-req", "-in", csr, "-CA", folder / f"{ca}.pem", "-CAkey", folder / f"{ca}.key", "-CAcreateserial", "-days", "2",
            "-out", pem, "-extfile", ext)
    key.chmod(0o600)
    return str(pem), str(key)


def make_ca(folder, name="ca"):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / f"{name}.key",
            "-out", folder / f"{name}.pem", "-days", "2", "-subj", f"/CN=tests {name}")


# ---- the description, strictly: what is not described is not answered, what is required is there ----

TYPES = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list, "null": type(None)}


def is_of(value, name):
    return isinstance(value, TYPES[name]) and not (name == "integer" and isinstance(value, bool))


def faults(schema, value, where="answer"):
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if "oneOf" in schema:
        tried = [faults(one, value, where) for one in schema["oneOf"]]
        return [] if sum(not t for t in tried) == 1 else min(tried, key=len) or [f"{where}: fits several"]
    found = []
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_of(value, t) for t in types):
        return [f"{where}: {value!r} is no {types}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is none of {schema['enum']}")
    if schema.get("format") == "date-time" and value is not None and not (isinstance(value, str) and value.endswith("Z") and "T" in value):
        found.append(f"{where}: {value!r} is no time")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value]
        more = schema.get("additionalProperties", True)
        for name, member in value.items():
            if name in known:
                found += faults(known[name], member, f"{where}.{name}")
            elif more is False:
                found.append(f"{where}.{name} is not described")
            elif isinstance(more, dict):
                found += faults(more, member, f"{where}.{name}")
    if isinstance(value, list):
        for i, item in enumerate(value):
            found += faults(schema.get("items", {}), item, f"{where}[{i}]")
    return found


def check(answer, method, template):
    """The answer is one that is described, with those fields and headers."""
    described = DOCUMENT["paths"][template][method.lower()]["responses"]
    assert str(answer.status) in described, f"{method} {template}: {answer} is not described"
    response = described[str(answer.status)]
    for header in response.get("headers", {}):
        assert header in answer.headers, f"{method} {template} {answer.status}: no {header}"
    content = response.get("content", {})
    if not content:
        assert answer.text == b"", answer
        return answer
    (kind, media), = content.items()
    assert answer.headers["Content-Type"].split(";")[0] == kind, (answer, answer.headers["Content-Type"])
    if kind.endswith("json"):
        wrong = faults(media["schema"], answer.json())
        assert not wrong, f"{method} {template} {answer.status}: {wrong}\n{answer}"
        if kind == "application/problem+json":
            assert answer.json()["status"] == answer.status
    return answer


def elapsed(act):
    begin = time.monotonic()
    result = act()
    return time.monotonic() - begin, result
