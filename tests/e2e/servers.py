"""Real servers on free loopback ports, each stopped by the pid it was started with.

Pebble (the test CA), BIND (a primary and, if wanted, a secondary that lags), nginx. Nothing outside the folder given is touched.
"""
import base64
import itertools
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from pathlib import Path


# Below what the kernel hands out by itself, so that nobody takes a port between this look and the start of its server. Workers that run side by
# side have every 16th port each; a process does not hand out a port twice until it has handed out all.
PORT_LOW, PORT_HIGH, WORKERS_MAX = 10000, 32000, 16
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS_MAX
_ports = itertools.cycle(range(PORT_LOW + _worker, PORT_HIGH, WORKERS_MAX))
_ports_mutex = threading.Lock()
next(itertools.islice(_ports, secrets.randbelow((PORT_HIGH - PORT_LOW) // WORKERS_MAX), None))


def free_port(address="127.0.0.1"):
    """A port that is free for TCP and UDP at that address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with _ports_mutex:
        for port in itertools.islice(_ports, (PORT_HIGH - PORT_LOW) // WORKERS_MAX):
            with socket.socket(family, socket.SOCK_STREAM) as tcp, socket.socket(family, socket.SOCK_DGRAM) as udp:
                try:
                    tcp.bind((address, port))
                    udp.bind((address, port))
                    return port
                except OSError:
                    continue
    raise RuntimeError("no free port")


def wait_until(what, check, seconds=15.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def listens(port, address="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.settimeout(0.5)
        return s.connect_ex((address, port)) == 0


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


class Server:
    """A program of ours under test conditions: started with its own log, stopped by its pid."""

    def __init__(self, folder: Path, argv, env=None, name="server"):
        self.folder, self.name = folder, name
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{name}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(a) for a in argv], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            cwd=folder, env=env, start_new_session=True)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)

    def alive(self):
        return self.process.poll() is None


def find_program(*names):
    for name in names:
        path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin")
        if path:
            return path
    return None


def make_tls(folder: Path, name="localhost"):
    """A small CA and a server certificate for localhost and 127.0.0.1, by the openssl program."""
    folder.mkdir(parents=True, exist_ok=True)
    run = lambda *a: subprocess.run(["openssl", *map(str, a)], check=True, capture_output=True, cwd=folder)
    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
        "-days", "30", "-subj", "/CN=test transport root", "-addext", "basicConstraints=critical,CA:TRUE")
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key", "-out", "server.csr",
        "-subj", f"/CN={name}")
    (folder / "ext").write_text(f"subjectAltName=DNS:{name},IP:127.0.0.1\n")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
        "-out", "server.pem", "-extfile", "ext")
    return folder


class Pebble:
    """The test CA. `old` tells that only Debian's 2.4 was to be had: no ARI, no profiles."""

    def __init__(self, folder: Path, dns: str, nonce_reject=5, authz_reuse=50, always_valid=False, port=None,
                 alternate_roots=0, chain_length=1, **config):
        program = os.environ.get("PEBBLE") or find_program("pebble")
        assert program, "pebble is not installed: run tests/run.sh, which fetches it"
        self.tls = make_tls(folder / "tls")
        self.port, self.management_port = port or free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}/dir"
        pebble = {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.management_port}",
            "certificate": str(self.tls / "server.pem"), "privateKey": str(self.tls / "server.key"),
            "httpPort": 5002, "tlsPort": 5001, "ocspResponderURL": "", "externalAccountBindingRequired": False,
            "retryAfter": {"authz": 1, "order": 1},
            "profiles": {"default": {"description": "90 days", "validityPeriod": 7776000}},
        }
        pebble.update(config)
        (folder / "pebble.json").write_text(json.dumps({"pebble": pebble}))
        env = dict(os.environ, PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT=str(nonce_reject),
                   PEBBLE_AUTHZREUSE=str(authz_reuse))
        if alternate_roots or chain_length != 1:
            env.update(PEBBLE_ALTERNATE_ROOTS=str(alternate_roots), PEBBLE_CHAIN_LENGTH=str(chain_length))
        if always_valid:
            env["PEBBLE_VA_ALWAYS_VALID"] = "1"
        self.argv = [program, "-config", folder / "pebble.json", "-dnsserver", dns, "-strict=false"]
        self.env, self.folder = env, folder
        self.server = None
        self.start()

    def start(self):
        self.server = Server(self.folder, self.argv, self.env, "pebble")
        wait_until("pebble listens", lambda: listens(self.port) and listens(self.management_port))

    def stop(self):
        self.server.stop()

    @property
    def ca_file(self):
        return self.tls / "ca.pem"

    def log(self):
        return self.server.log.read_text(errors="replace")

    def directory(self):
        context = ssl.create_default_context(cafile=str(self.ca_file))
        request = urllib.request.Request(self.url, headers={"User-Agent": "chancery-tests"})
        with urllib.request.urlopen(request, context=context, timeout=10) as reply:
            return json.loads(reply.read())

    def fetch(self, path, data=None):
        context = ssl.create_default_context(cafile=str(self.ca_file))
        request = urllib.request.Request(f"https://127.0.0.1:{self.management_port}{path}", data=data,
                                         headers={"User-Agent": "chancery-tests"})
        with urllib.request.urlopen(request, context=context, timeout=10) as reply:
            return reply.read()

    def root_pem(self, n=0):
        return self.fetch(f"/roots/{n}").decode()

    def n_issued(self):
        return self.log().count("Issued certificate serial")


TSIG_SECRET = base64.b64encode(secrets.token_bytes(32)).decode()


class Bind:
    """BIND with one or more zones that take updates signed with the key `chancery.`; records are asked for with dnspython."""

    def __init__(self, folder: Path, zones=("example.com",), address="127.0.0.1", port=None, primary=None, names=None,
                 notify=True, secret=TSIG_SECRET, algorithm="hmac-sha256", extra_records="", ns=(("ns1", "127.0.0.1"),),
                 zone_options="", update_types="TXT"):
        named = find_program("named")
        assert named, "bind9 is not installed: run tests/run.sh, which installs it"
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.address, self.port = folder, address, port or free_port(address)
        self.zones, self.secret, self.algorithm = zones, secret, algorithm
        text = f"""
key "chancery." {{ algorithm {algorithm}; secret "{secret}"; }};
options {{
    directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
    listen-on{'-v6' if ':' in address else ''} port {self.port} {{ {address}; }};
    listen-on{'' if ':' in address else '-v6'} {{ none; }};
    recursion no; dnssec-validation no; notify {'explicit' if notify else 'no'}; empty-zones-enable no;
    allow-transfer {{ any; }}; querylog yes; minimal-responses no;
}};
controls {{ }};
logging {{ channel c {{ file "{folder}/query.log"; severity info; print-time yes; }}; category queries {{ c; }}; category update {{ c; }}; }};
"""
        for zone in zones:
            if primary is None:
                servers = "".join(f"@ NS {n}.{zone}.\n{n} {'AAAA' if ':' in a else 'A'} {a}\n" for n, a in ns)
                (folder / f"{zone}.zone").write_text(
                    f"$ORIGIN {zone}.\n$TTL 60\n@ SOA {ns[0][0]}.{zone}. hostmaster.{zone}. 1 60 30 3600 5\n{servers}"
                    f"www A 127.0.0.1\n{extra_records}\n")
                text += (f'zone "{zone}" {{ type primary; file "{folder}/{zone}.zone"; '
                         f'update-policy {{ grant chancery. zonesub {update_types}; }}; {zone_options} }};\n')
            else:
                text += (f'zone "{zone}" {{ type secondary; file "{folder}/{zone}.copy"; masterfile-format text; '
                         f'primaries port {primary.port} {{ {primary.address}; }}; min-refresh-time 1; '
                         f'max-refresh-time 3; }};\n')
        (folder / "named.conf").write_text(text)
        self.argv = [named, "-f", "-c", folder / "named.conf", "-n", "1"]
        self.server = None
        self.start()

    def start(self):
        self.server = Server(self.folder, self.argv, name="named")
        wait_until("named answers", lambda: listens(self.port, self.address))

    def stop(self):
        self.server.stop()

    def txt(self, name):
        import dns.message
        import dns.query
        import dns.rdatatype
        reply = dns.query.tcp(dns.message.make_query(name, "TXT"), self.address, port=self.port, timeout=5)
        return sorted(b"".join(r.strings).decode() for rrset in reply.answer if rrset.rdtype == dns.rdatatype.TXT for r in rrset)

    def has(self, zone):
        """Does it answer with authority for the zone (a secondary: was it transferred)?"""
        import dns.flags
        import dns.message
        import dns.query
        reply = dns.query.tcp(dns.message.make_query(zone, "SOA"), self.address, port=self.port, timeout=5)
        return bool(reply.flags & dns.flags.AA) and bool(reply.answer)

    def all_txt(self):
        """Every TXT record of every zone, by zone transfer."""
        import dns.query
        import dns.rdatatype
        import dns.zone
        found = []
        for zone in self.zones:
            for name, _, rdata in dns.zone.from_xfr(dns.query.xfr(self.address, zone, port=self.port, timeout=5)).iterate_rdatas("TXT"):
                found.append((f"{name}.{zone}", b"".join(rdata.strings).decode()))
        return found

    def query_log(self):
        path = self.folder / "query.log"
        return path.read_text(errors="replace") if path.exists() else ""


class Nginx:
    """nginx that serves one certificate from a folder that Chancery delivers to."""

    def __init__(self, folder: Path, certificates: Path, port=None):
        self.program = find_program("nginx")
        assert self.program, "nginx is not installed: run tests/run.sh, which installs it"
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, port or free_port()
        self.config = folder / "nginx.conf"
        self.config.write_text(f"""
daemon off; master_process on; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{self.port} ssl; server_name _;
        ssl_certificate {certificates}/current/fullchain.pem; ssl_certificate_key {certificates}/current/key.pem;
        location / {{ return 200 "served\\n"; }}
    }}
}}
""")
        self.check = [self.program, "-t", "-q", "-c", str(self.config), "-e", str(folder / "check.log")]
        self.reload = [self.program, "-s", "reload", "-c", str(self.config), "-e", str(folder / "reload.log")]
        self.certificates, self.server, self.stopping = certificates, None, False
        # What a set runs after a switch: a reload, or patience until the first start, which start_when_delivered does.
        self.activate = folder / "activate"
        self.activate.write_text(f"#!/bin/sh\n[ -s {folder}/nginx.pid ] && exec {' '.join(self.reload)}\n"
                                 f"for i in 1 2 3 4 5 6 7 8 9; do [ -s {folder}/nginx.pid ] && exit 0; sleep 0.2; done\nexit 1\n")
        self.activate.chmod(0o755)

    def start(self):
        self.server = Server(self.folder, [self.program, "-c", self.config, "-e", self.folder / "start.log"], name="nginx")
        wait_until("nginx listens", lambda: listens(self.port))

    def start_when_delivered(self):
        """In the background: nginx cannot start before it has a certificate."""
        def wait():
            while not self.stopping and not (self.certificates / "current" / "fullchain.pem").exists():
                time.sleep(0.02)
            if not self.stopping:
                self.start()
        self.thread = threading.Thread(target=wait, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopping = True
        if hasattr(self, "thread"):
            self.thread.join()
        if self.server:
            self.server.stop()


def served_leaf(port, host="localhost", address="127.0.0.1"):
    """SHA-256 of the leaf that is served."""
    import hashlib
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((address, port), 5) as raw, context.wrap_socket(raw, server_hostname=host) as tls:
        return hashlib.sha256(tls.getpeercert(binary_form=True)).hexdigest()
