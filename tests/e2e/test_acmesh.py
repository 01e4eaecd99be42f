"""The functions that scripts of acme.sh find around them (dns-providers/acmesh/shim.sh), in each shell, against an API of the test's own."""
import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIM = ROOT / "dns-providers/acmesh/shim.sh"
SCRIPTS = Path(__file__).parent / "dnsapi"
OWNER, VALUE = "_acme-challenge.www.example.org", "-gfj9Xq-Rg85nM_2TQ5hGh1n7S1dW3cX0a7Q0pY2R0e"
TOKEN = 'to"ken\\with $(odd) `signs` 4711'
# What a script may see of the machine's programs; each is run through a little program that writes down its arguments.
PROGRAMS = ("curl openssl awk mawk od base64 grep egrep sed cut tr head tail sort cat mktemp chmod rm date sleep sh dash bash seq").split()


class Api(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.records, self.seen, self.trouble = {}, [], None
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, headers=()):
        data = body.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        if self.server.trouble:
            return self.reply(*self.server.trouble)
        path = urlsplit(self.path)
        if path.path.startswith("/v1/"):
            return self.records_api(path, body)
        return self.signed_api(path.path, body)

    def records_api(self, path, body):
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.reply(403, '{"error":"no"}')
        query, records = parse_qs(path.query), self.server.records
        if path.path == "/v1/zones":
            found = [{"id": "z7", "name": "example.org"}] if query["name"] == ["example.org"] else []
            return self.reply(200, json.dumps({"zones": found}, indent=1))
        if self.command == "POST":
            record = json.loads(body)
            records[f"r{len(records) + 1}"] = (f"{record['name']}.example.org", record["content"])
            return self.reply(201, body)
        if self.command == "GET":
            wanted = (query["name"][0], query["content"][0])
            return self.reply(200, json.dumps([{"id": i, "content": r[1]} for i, r in records.items() if r == wanted]))
        found = records.pop(path.path.rsplit("/", 1)[1], None)
        return self.reply(200 if found else 404, "{}")

    def signed_api(self, path, body):
        if path == "/login":
            return self.reply(200, "", [("Set-Cookie", "sid=abc123; Path=/")])
        when, what = self.headers["X-Time"], path.lstrip("/")
        mac = hmac.new(TOKEN.encode(), f"{what}\n{body}\n{when}".encode(), hashlib.sha256).hexdigest()
        good = mac == self.headers["X-Mac"] and self.headers["Cookie"] == "sid=abc123" and abs(time.time() - int(when)) < 600
        if not good:
            return self.reply(200, "bad signature")
        fields = dict(p.split("=", 1) for p in body.split("&"))
        if what == "add":
            self.server.records["i-17"] = (unquote(fields["fqdn"]), unquote(fields["value"]))
            return self.reply(200, "ok,i-17\r\n")
        return self.reply(200, "ok," if self.server.records.pop(fields["id"], None) else "unknown id")

    do_GET = do_POST = do_DELETE = do_HEAD = do_PATCH = handle_any


@pytest.fixture
def api():
    server = Api()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["dash", "bash"])
def run(request, tmp_path):
    """Runs a function of a script as the provider does; watched: the answer has the arguments of all programs it ran."""
    tools, log, temporary = tmp_path / "tools", tmp_path / "arguments", tmp_path / "tmp"
    tools.mkdir()
    temporary.mkdir()
    for name in PROGRAMS:
        real = shutil.which(name)
        if real:
            (tools / name).write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >>{log}\nexec {real} "$@"\n')
            (tools / name).chmod(0o755)

    def call(script, function, *arguments, saved=None, text=None, watched=False, **variables):
        log.write_text("")
        environment = {"PATH": str(tools) if watched else os.environ["PATH"], "LANG": "C.UTF-8", "TMPDIR": str(temporary), **variables}
        if saved is not None:
            environment["CHANCERY_SAVED"] = saved
        path = tmp_path / f"{script}.sh"
        if text is not None:
            path.write_text(text)
        else:
            path = SCRIPTS / f"{script}.sh"
        result = subprocess.run([shutil.which(request.param), "-s", "--", str(path), function, *arguments], input=SHIM.read_text(), text=True,
                                capture_output=True, env=environment, cwd="/", timeout=60)
        result.arguments = log.read_text()
        result.saved = next((line[15:] for line in result.stdout.splitlines() if line.startswith("chancery-saved=")), None)
        assert not list(temporary.iterdir()), "the private folder stays behind"
        return result

    return call


def test_records_when_added_twice_and_removed_then_only_the_very_value_goes(run, api):
    variables = {"RECORDS_Token": TOKEN, "RECORDS_Api": f"{api.url}/v1"}
    for value in (VALUE, "other"):
        result = run("dns_records", "dns_records_add", OWNER, value, **variables)
        assert result.returncode == 0 and result.saved == "", (result.stdout, result.stderr)
        assert "Adding a record to example.org" in result.stdout
    assert sorted(api.records.values()) == sorted([(OWNER, VALUE), (OWNER, "other")])
    post = next(s for s in api.seen if s[0] == "POST")
    assert post[2]["Content-Type"] == "application/json" and post[2]["Accept"] == "application/json"
    result = run("dns_records", "dns_records_rm", OWNER, VALUE, **variables)
    assert result.returncode == 0, result.stderr
    assert list(api.records.values()) == [(OWNER, "other")]
    assert run("dns_records", "dns_records_rm", OWNER, VALUE, **variables).returncode == 0, "what is gone is gone"


def test_records_when_the_api_is_in_trouble_then_it_fails_and_says_so(run, api):
    variables = {"SAVED_RECORDS_Token": TOKEN, "RECORDS_Api": f"{api.url}/v1"}
    api.trouble = (429, '{"error":"slow down"}')
    result = run("dns_records", "dns_records_add", OWNER, VALUE, **variables)
    assert result.returncode == 1 and result.saved is None
    assert 'GET zones?name=www.example.org failed with 429: {"error":"slow down"}' in result.stderr
    assert api.seen[0][2]["Authorization"] == f"Bearer {TOKEN}", "a line of account.conf serves as it is"
    result = run("dns_records", "dns_records_add", OWNER, VALUE, RECORDS_Api=f"{api.url}/v1")
    assert result.returncode == 1 and result.stderr == "RECORDS_Token is not set.\n"


def test_any_script_when_run_then_no_secret_is_an_argument_of_a_program_or_in_what_it_says(run, api):
    result = run("dns_records", "dns_records_add", OWNER, VALUE, RECORDS_Token=TOKEN, RECORDS_Api=f"{api.url}/v1", DEBUG="1", watched=True)
    assert "curl -q --config -" in result.arguments
    assert "RECORDS_Token" in result.stderr, "DEBUG shows what it does"
    signed = run("dns_signed", "dns_signed_add", OWNER, VALUE, SIGNED_Key=TOKEN, SIGNED_Api=api.url, watched=True)
    assert "openssl dgst -sha256" in signed.arguments
    forms = (TOKEN, "4711", TOKEN.encode().hex(), base64.b64encode(TOKEN.encode()).decode())
    for text in (result.arguments, result.stdout, result.stderr, signed.arguments, signed.stdout, signed.stderr):
        assert not any(form in text for form in forms), text


def test_signed_when_added_then_the_id_it_saved_comes_back_at_the_removal(run, api):
    variables = {"SIGNED_Key": TOKEN, "SIGNED_Api": api.url}
    added = run("dns_signed", "dns_signed_add", OWNER, VALUE, **variables)
    assert added.returncode == 0, added.stderr
    assert api.records == {"i-17": (OWNER, VALUE)}
    assert b"SIGNED_Id_" in base64.b64decode(added.saved)
    without = run("dns_signed", "dns_signed_rm", OWNER, VALUE, **variables)
    assert without.returncode == 1 and "No id was saved" in without.stderr
    removed = run("dns_signed", "dns_signed_rm", OWNER, VALUE, saved=added.saved, **variables)
    assert removed.returncode == 0 and removed.saved == "", removed.stderr
    assert api.records == {}
    again = run("dns_signed", "dns_signed_rm", OWNER, VALUE, saved=added.saved, **variables)
    assert again.returncode == 1 and "remove was answered with 'unknown id'" in again.stderr


def test_call_when_there_is_no_script_or_function_then_it_is_for_a_person(run):
    missing = run("dns_missing", "dns_missing_add", OWNER, VALUE)
    assert missing.returncode == 78 and "cannot be read" in missing.stderr
    other = run("dns_records", "dns_other_add", OWNER, VALUE)
    assert other.returncode == 78 and "has no function dns_other_add" in other.stderr


FUNCTIONS = [
    ("_contains 'a.c' 'a.c' && _contains abc 'a.c' && ! _contains abc x && _contains '-e x' '-e' && echo yes", "yes\n"),
    ("_startswith abc ab && _endswith abc bc && ! _startswith abc bc && ! _endswith abc ab && echo yes", "yes\n"),
    ("_math 5 - 2 '*' 2; _math \"$(_math 1 + 1)\" + 3", "15"),
    ("_getfield a,b,c 2; _getfield a:b 1 :; _getfield a,b,,d 3; _getfield abc 3 ,", "bababc"),
    ("printf 'AbC' | _lower_case; printf 'AbC' | _upper_case", "abcABC"),
    ("printf 'a b/\\303\\274~-_.' | _url_encode; printf ' / ' | _url_encode upper-hex", "a%20b%2f%c3%bc~-_.%20%2F%20"),
    ("printf 'one two' | _hex_dump; printf '\\000\\001' | _hex_dump", " 6f 6e 65 20 74 77 6f 00 01"),
    ("printf '6f 6e65' | _h2b; printf '25 5c' | _h2b", "one%\\"),
    ("printf 'hello?>' | _base64; printf 'aGVsbG8/Pg==' | _dbase64; printf 'a+/=' | _url_replace", "aGVsbG8/Pg==hello?>a-_"),
    ("printf abc | _digest sha256 hex; printf abc | _digest md5 hex", hashlib.sha256(b"abc").hexdigest() + hashlib.md5(b"abc").hexdigest()),
    ("printf abc | _digest sha1", base64.b64encode(hashlib.sha1(b"abc").digest()).decode()),
    *[(f"printf 'some text' | _hmac {algorithm} {key.hex()} hex", hmac.new(key, b"some text", algorithm).hexdigest())
      for algorithm in ("md5", "sha1", "sha256", "sha512") for key in (b"k", b"x" * 64, b"\x00\xff" * 100)],
    ("printf t | _hmac sha256 6b", base64.b64encode(hmac.new(b"k", b"t", "sha256").digest()).decode()),
    ("printf '{\\n  \"a\" : \"b c\",\\n  \"d\": {\\n    \"e\" :1}\\n}\\n' | _normalizeJson", '{"a":"b c","d":{"e" :1}}'),
    ("printf 'https:\\\\/\\\\/x\\\\/y' | _json_decode", "https://x/y"),
    ("printf 'a\\\\b\"c\\td\\n' | _json_encode", 'a\\\\b\\"c\\td'),
    ("printf 'id=7,id=8' | _egrep_o 'id=[0-9]+' | _head_n 1; printf '1\\n2\\n' | _tail_n 1", "id=7\n2\n"),
    ("_saveaccountconf_mutable A \"it's\n\\\"two\\\" lines\"; x=$(_readaccountconf_mutable A); echo \"$x\"; _readaccountconf SAVED_A | _head_n 1",
     "it's\n\"two\" lines\nit's\n"),
    ("B=env; _readaccountconf_mutable B; _saveaccountconf_mutable B new; _readaccountconf_mutable B; _clearaccountconf_mutable B; _readaccountconf_mutable B",
     "envnewenv"),
    ("_readaccountconf_mutable 'A;echo bad'; _readdomainconf nothing; echo end", "end\n"),
    ("f=$(_mktemp); echo one >\"$f\"; _sed_i 's/one/two/' \"$f\"; cat \"$f\"", "two\n"),
    ("_idn example.org; _exists sh && ! _exists no-such-program && _hasfield 'a,b' b && ! _hasfield 'a,b' c && echo yes", "example.orgyes\n"),
    ("_err one; echo $?; _info I V; _debug nothing; _secure_debug T secret", "1\nI='V'\n"),
    ("[ \"$(_utc_date | tr 0-9 n)\" = 'nnnn-nn-nn nn:nn:nn' ] && [ \"$(_time)\" -gt 1700000000 ] && echo yes", "yes\n"),
]


def test_functions_when_called_then_as_scripts_expect_them(run):
    lines = "\n".join(f"  ({code})\n  printf '\\n--%s--\\n' {i}" for i, (code, _) in enumerate(FUNCTIONS))
    result = run("dns_probe", "dns_probe_add", OWNER, VALUE, text="dns_probe_add() {\n" + lines + "\n}\n")
    assert result.returncode == 0, result.stderr
    rest = result.stdout
    for i, (code, wanted) in enumerate(FUNCTIONS):
        got, rest = rest.split(f"\n--{i}--\n", 1)
        assert got == wanted, code


NAMES = """_err _info _log _usage _debug _debug2 _debug3 _secure_debug _secure_debug2 _secure_debug3 _readaccountconf _readaccountconf_mutable
 _saveaccountconf _saveaccountconf_mutable _clearaccountconf _clearaccountconf_mutable _readdomainconf _savedomainconf _cleardomainconf _get _post
 _resethttp _contains _startswith _endswith _egrep_o _head_n _tail_n _math _lower_case _upper_case _getfield _sed_i _base64 _dbase64 _url_encode
 _url_replace _json_decode _normalizeJson _hex_dump _h2b _hmac _digest _sign _isRSA _time _utc_date _sleep _exists _mktemp _idn _ns_lookup"""


def test_functions_when_counted_then_all_that_scripts_call_are_there(run):
    result = run("dns_probe", "dns_probe_add", OWNER, VALUE, text="dns_probe_add() {\n  for f in " + " ".join(NAMES.split()) +
                 "; do\n    _exists $f || echo \"missing $f\"\n  done\n}\n")
    assert result.returncode == 0 and "missing" not in result.stdout, result.stdout
    assert len(NAMES.split()) == 52


def test_sign_when_the_key_is_rsa_then_openssl_can_verify_it(run, tmp_path):
    key, public = tmp_path / "key.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    result = run("dns_probe", "dns_probe_add", OWNER, VALUE,
                 text=f"dns_probe_add() {{\n  _isRSA {key} && ! _isRSA {public} && printf 'some text' | _sign {key} sha256\n}}\n")
    assert result.returncode == 0, result.stderr
    (tmp_path / "signature").write_bytes(base64.b64decode(result.stdout.splitlines()[0]))
    subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", tmp_path / "signature"], input=b"some text", check=True,
                   capture_output=True)


def test_shim_when_looked_at_by_shellcheck_then_nothing_is_found():
    program = shutil.which("shellcheck")
    assert program, "shellcheck is not installed: run tests/run.sh, which installs it"
    subprocess.run([program, "-s", "sh", str(SHIM)], check=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
