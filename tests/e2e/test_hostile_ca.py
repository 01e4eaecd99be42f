"""A CA that misbehaves, over real sockets: the rows 1 to 12 and 14 of the fault matrix that need real sockets or the whole program.

In each case a set has a delivered certificate, and a forced renewal meets one fault. Whatever it is: the pair that is served stays as it
was, byte for byte; the history of the set gains exactly one event, of a documented kind, that tells set, step, peer, cause, what is unharmed and
the next try; memory grows by no more than 8 MiB; and when the fault is gone, a plain `renew` brings a certificate and no surplus one.
What takes minutes or hours is told by stories (tests/stories/hostile.story).
"""
import os
import re
import ssl
import subprocess
from dataclasses import dataclass, field

import pytest
from conftest import ROOT
from hostile_world import FOLDER, Trial, answer, babble, cut_in_handshake, gzip_bomb, handshake, silent, trials_run

pytestmark = pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated")
N_WORKERS = int(os.environ.get("CHANCERY_HOSTILE_WORKERS", "40"))
RSS_MORE_KIB = 8 * 1024
SECOND, MINUTE, HOUR = 1000, 60 * 1000, 3600 * 1000
# What an undisturbed renewal tells.
ORDINARY = {"order.start", "order.placed", "certificate.issued", "deploy.done", "endpoint.match", "account.made"}
MINUTES = (30 * SECOND, 15 * MINUTE)  # the first rungs of the ladder


@dataclass
class Case:
    name: str
    row: int                                    # of the fault matrix; 0: an odd answer that is no fault
    event: str = "order.retry"                  # exactly one of this kind; None: none
    says: tuple = ()                            # regular expressions its text must fit
    faults: list = field(default_factory=list)  # of the fake CA
    knobs: dict = field(default_factory=dict)
    lifted: dict = field(default_factory=dict)
    front: object = None
    directory: str = None
    is_day_later: bool = False                  # the directory is read anew
    stop_after: float = None                    # SIGTERM so many seconds later
    is_slow: bool = False                       # tried again until the run's patience is over
    wait: tuple = (10 * SECOND, 24 * HOUR + MINUTE)  # the next try, counted from the end of the run
    code: int = 1                               # of the run that meets the fault
    held: int = 0                               # certificates that were thrown away because they must not be served
    again: tuple = ("renew",)                   # what a person says when the fault is gone
    n_again: int = 1                            # runs it takes afterwards
    orders: int = 0                             # made by the CA in all, where that is the point

    def settings(self, trial):
        return dict(self.knobs, faults=self.faults) if self.faults else self.knobs


def fault(on, act, times=0, **more):
    return [{"on": on, "act": act, "times": times, **more}]


def again(name, row, says, **how):
    """Tried several times within the run, then by a later one."""
    return Case(name, row, says=says, is_slow=True, **how)


def fails(name, row, says, event="order.failed", **how):
    """The order is over at once; another is placed by the set's own ladder."""
    return Case(name, row, event=event, says=says, wait=MINUTES, **how)


def throttled(name, act, retry_after, wait, **how):
    return Case(name, 4, faults=fault("newOrder", act, retry_after=retry_after), wait=wait, says=("^newOrder: (429|503)",), code=4, **how)


def page(name, row, act, says, **how):
    """newOrder answered by what is no order."""
    return fails(name, row, ("^newOrder: ", says), faults=fault("newOrder", act), **how)


def wrong(kind, says, **how):
    return fails(f"cert-{kind}", 12, (says,), "certificate.held", faults=fault("finalize", f"wrong-cert:{kind}", 1), held=1, **how)


def challenge(token="A" * 43, url="https://127.0.0.1/c"):
    return f'set:challenges=[{{"type":"dns-01","status":"pending","url":"{url}","token":"{token}"}}]'


CASES = [
    # 1: not reached
    again("refused", 1, ("connect: Connection refused",), front="refuse"),
    Case("blackholed", 1, says=("127.0.0.1:.*(connect|TLS)",), front="blackhole", stop_after=13, wait=(-MINUTE, MINUTE)),
    again("nameless", 1, ("name resolution",), directory=f"https://{'a' * 64}.invalid/directory"),
    # 2: TLS
    Case("tls-expired", 2, says=("TLS handshake: certificate has expired",), front=handshake("expired"), wait=MINUTES),
    Case("tls-other-name", 2, says=("TLS handshake: .*does not match|TLS handshake: .*matches",), front=handshake("other_name"), wait=MINUTES),
    Case("tls-unknown-root", 2, says=("TLS handshake: .*issuer certificate",), front=handshake("stranger"), wait=MINUTES),
    Case("tls-old-version", 2, says=("TLS handshake: .*version",), front=handshake("good", ssl.TLSVersion.TLSv1_1), wait=MINUTES),
    again("tls-cut", 2, ("TLS handshake: ",), front=cut_in_handshake),
    again("no-tls", 2, ("TLS handshake: wrong version number",), front=babble),
    # 3: a server in trouble
    again("s500", 3, ("^newOrder: 500 serverInternal: an error inside the server",), faults=fault("newOrder", "500")),
    again("s502-page", 3, ("^newOrder: 502",), faults=fault("newOrder", "html")),
    again("s503", 3, ("503",), faults=fault("any", "503")),
    # 4: patience is asked for
    throttled("retry-seconds", "429", "7200", (2 * HOUR - MINUTE, 2 * HOUR)),
    throttled("retry-date", "503", "Fri, 01 Jan 2100 00:00:00 GMT", (24 * HOUR - MINUTE, 24 * HOUR)),
    throttled("retry-ten-years", "429", "315360000", (24 * HOUR - MINUTE, 24 * HOUR)),
    throttled("retry-garbage", "429", "soon", MINUTES),
    throttled("retry-minus-1", "429", "-1", MINUTES),
    throttled("retry-0", "429", "0", (10 * SECOND, 2 * MINUTE), is_slow=True),
    throttled("retry-twice", "429", "7200\n60", (2 * HOUR - MINUTE, 2 * HOUR)),
    throttled("retry-none", "429", None, MINUTES),
    Case("retry-short", 4, "order.recovered", ("^newOrder: 429",), fault("newOrder", "429", 1, retry_after="2"), code=0, wait=None),
    Case("paused", 4, "set.held", ("paused", "https://unpause.example/self"), wait=None, again=("renew", "--retry", "paused"), faults=fault(
        "newOrder", "problem:429:rateLimited:Your account is temporarily prevented from requesting certificates and was paused. "
        "Please visit https://unpause.example/self")),
    # 5: nonces
    again("badnonce-always", 5, ("badNonce",), knobs={"nonce_reject": 100}, lifted={"nonce_reject": 0}),
    Case("badnonce-often", 0, None, knobs={"nonce_reject": 20}, lifted={"nonce_reject": 0}, code=0, wait=None),
    # 6: slow and silent
    Case("silent", 6, says=("127.0.0.1:.*(connect|TLS)",), front=silent, stop_after=13, wait=(-MINUTE, MINUTE)),
    Case("silent-after-tls", 6, says=("127.0.0.1:",), front=handshake("good"), stop_after=33, wait=(-MINUTE, MINUTE)),
    fails("stops-in-headers", 6, ("newOrder: ",), front=answer(b"HTTP/1.1 200 OK\r\nReplay-No")),
    again("stops-in-body", 6, ("newOrder: 127.0.0.1:",), faults=fault("newOrder", "truncate")),
    # 7: no protocol
    page("page", 7, "page", "broke the protocol"),
    page("empty", 7, "empty", "broke the protocol"),
    page("cut-json", 7, "cut-body", "broke the protocol"),
    page("duplicate-key", 7, "duplicate-key", "broke the protocol"),
    page("deep", 7, "deep", "broke the protocol: .*deeper than 32"),
    page("nul", 7, "nul", "broke the protocol"),
    page("noise", 7, "garbage", "broke the protocol"),
    page("huge-number", 7, 'raw:"n":1' + "0" * 400 + ",", "broke the protocol"),
    page("wrong-type", 7, "set:status=5", "order.status"),
    page("unknown-status", 7, "set:status=excellent", "order: unknown status"),
    page("missing-field", 7, "remove:finalize", "order.finalize"),
    page("no-location", 7, "no-header:location", "Location"),
    # 8: floods
    again("huge", 8, ("more than 262144 bytes",), faults=fault("newOrder", "huge")),
    again("many-headers", 8, ("127.0.0.1:",), faults=fault("newOrder", "many-headers")),
    again("endless-chunks", 8, ("more than 262144 bytes",),
          front=answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n", 0)),
    again("endless-headers", 8, ("headers of more than 32768 bytes",), front=answer(b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 1000 + b"\r\n", 0)),
    fails("gzip-bomb", 8, ("broke the protocol",), front=gzip_bomb()),
    # 9: a reply is lost, once
    *[Case(f"lost-{on.lower()}", 9, "order.recovered", (f"^{what}: 127.0.0.1:",), fault(on, "drop-reply", 1), code=0, wait=None, **how)
      for on, what, how in (("newOrder", "newOrder", {"knobs": {"order_reuse": 1}, "orders": 2}), ("authz", "authorization", {}),
                            ("challenge", "challenge", {}), ("order", "order", {}), ("finalize", "finalize", {"orders": 2}),
                            ("certificate", "certificate", {"orders": 2}))],
    # 10: invalid
    fails("invalid-authz", 10, ("invalid-authz.example.com: unauthorized: the validation failed",), faults=fault("challenge", "invalid-authz", 1)),
    fails("invalid-order", 10, ("the CA made the order invalid: .*the issuance failed",), faults=fault("finalize", "invalid-order", 1)),
    fails("rejected", 10, ("newOrder: 40[03] rejectedIdentifier: .*rejected.example.com",), knobs={"blocked": ["rejected.example.com"]},
          lifted={"blocked": []}),
    # 11: it takes long, or never ends
    Case("for-ever", 11, "order.waits", ("step issue",), fault("finalize", "processing-forever", 1), {"retry_after_s": 3600},
         {"retry_after_s": -1, "forget": "orders"}, wait=(HOUR - MINUTE, HOUR), n_again=2),
    # 12: certificates that must not be served
    wrong("other-key", "another key"), wrong("missing-name", "lacks a name"), wrong("extra-name", "not ordered"),
    wrong("other-names", "lacks a name"), wrong("expired", "already expired"), wrong("future", "not valid yet"),
    wrong("shuffled", "not a server's"), wrong("no-chain", "issuer's certificate is missing"), wrong("wrong-issuer", "not signed by the next"),
    *[again(f"cert-{kind}", 12, (says,), faults=fault("certificate", f"wrong-cert:{kind}"))
      for kind, says in (("garbage", "cannot be decoded"), ("truncated", "end mark"), ("1000-links", "more than 524288 bytes"))],
    # 14: URLs and tokens
    *[page(f"url-{name}", 14, f"set:finalize={url}", "order.finalize: .*(may not be asked|longer than)")
      for name, url in (("http", "http://ca.example.com/f"), ("file", "file:///etc/passwd"), ("user", "https://root@ca.example.com/f"),
                        ("long", "https://ca.example.com/" + "a" * 65536), ("control", "https://ca.example.com/\u0001"))],
    page("url-location", 14, "header:location=http://169.254.169.254/latest/", "Location: .*may not be asked"),
    page("url-authorization", 14, 'set:authorizations=["gopher://127.0.0.1/"]', r"authorizations\[0\]: .*may not be asked"),
    page("redirect-post", 14, "redirect:http://169.254.169.254/latest/", "status 302"),
    fails("redirect-directory", 14, ("directory",), faults=fault("directory", "redirect:http://127.0.0.1:1/directory"), is_day_later=True),
    fails("url-challenge", 14, ("challenge.url: .*may not be asked",), faults=fault("authz", challenge(url="http://10.0.0.1/"))),
    *[fails(f"token-{name}", 14, ("challenge.token: not 22 to 512 characters",), faults=fault("authz", challenge(token)))
      for name, token in (("short", "abc"), ("path", "../../../../../../etc/cron.d/chancery"), ("shell", "$(touch pwned)`touch pwned`;touch pwned"),
                          ("long", "A" * 4096), ("newline", "A" * 22 + "\\nInjected: yes"))],
    # Odd, and allowed: nothing to tell
    Case("born-ready", 0, None, knobs={"authz_reuse": 100}, code=0, wait=None),
    Case("unknown-members", 0, None, faults=fault("any", 'raw:"x-unknown":{"url":"file:///etc/passwd"},'), code=0, wait=None),
]


@pytest.fixture(scope="module")
def trials(tmp_path_factory, request):
    chosen = [item.callspec.params["case"] for item in request.session.items if item.function is test_fault]
    quiet = Case("quiet", 0, None, code=0, wait=None)
    return trials_run([quiet, *chosen], tmp_path_factory.mktemp("hostile"), N_WORKERS)


@pytest.fixture(scope="module")
def documented():
    return set(re.findall(r"^\| `([a-z._]+)` \|", (ROOT / "docs/EVENTS.md").read_text(), re.M))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fault(case, trials, documented):
    for trial in (trials["quiet"], trials[case.name]):
        if not isinstance(trial, Trial):
            raise trial
    t = trials[case.name]
    tale = f"{case.name}: exit {t.code} after {t.seconds:.1f} s, {t.rss_kib} KiB\n{t.said}\n" + "\n".join(map(str, t.events))
    check_event(case, t, tale, documented)
    check_unharmed(case, t, tale)
    if not sanitized():
        more = t.rss_kib - trials["quiet"].rss_kib
        assert more <= RSS_MORE_KIB, f"{more} KiB more than a quiet renewal\n{tale}"
    check_recovered(case, t, f"{tale}\n--- the next run, exit {t.again_code}\n{t.again_said}\n" + "\n".join(map(str, t.all_events)))


def check_event(case, t, tale, documented):
    """Exactly one, with set, step, peer, cause, what is unharmed, next try."""
    assert t.code == case.code, tale
    # name.refused says more of one name; what came of it is another event.
    told = [event for event in t.events if event[1] not in ORDINARY | {"name.refused"} and event[2] is not None]
    # What befell the CA as a whole is told of it, once, whatever number of sets it touched.
    # limit.told is what the ledger learnt from a refusal that is a limit's.
    of_ca = [event[1] for event in t.events if event[1] not in ORDINARY | {"limit.told"} and event[2] is None]
    assert of_ca in ([], ["ca.down"]), tale
    assert [event[1] for event in told] == ([case.event] if case.event else []), tale
    if not told:
        return
    _, event, name, _, text = told[0]
    assert event in documented, f"{event} is not in docs/EVENTS.md"
    assert name == case.name, tale
    assert "badca" in text, f"the peer is not named\n{tale}"
    for pattern in case.says:
        assert re.search(pattern, text), f"does not say {pattern!r}\n{tale}"
    if event != "order.recovered":
        assert "what is served stays as it is" in text, tale
        assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d|with the next run|held until", text), f"no next try\n{tale}"
    if case.wait is not None:
        assert case.wait[0] - t.seconds * SECOND <= t.wait_ms <= case.wait[1], f"next try in {t.wait_ms} ms\n{tale}"


def check_unharmed(case, t, tale):
    if t.code != 0:
        assert t.after == t.before, f"the pair that is served was touched\n{tale}"
    for text in (t.said, t.again_said):
        assert not re.search(r"AddressSanitizer|runtime error|LeakSanitizer|Assertion|stack smashing", text), tale
    assert not list(t.site.folder.rglob("pwned")), tale
    assert t.keys_are_there, tale


def check_recovered(case, t, tale):
    assert t.again_code == 0, tale
    assert t.again != t.before and t.again["folder"].startswith("2-"), f"no new pair after the fault was gone\n{tale}"
    certificates = t.ledger["certificates"]
    assert len(certificates) == 2 + case.held, f"surplus certificates\n{tale}\n{certificates}"
    assert {c["spki_sha256"] for c in certificates} <= t.spki, f"a certificate whose key was lost\n{tale}"
    assert len(t.stored) == 2, tale
    assert t.txt_left == [], tale
    if case.orders:
        assert len(t.ledger["orders"]) == case.orders, f"{len(t.ledger['orders'])} orders\n{tale}"


def sanitized():
    """Under a sanitizer memory is the sanitizer's."""
    return b"__asan_init" in subprocess.run(["nm", "-D", FOLDER / "chancery"], capture_output=True).stdout


def test_held_certificate_when_kept_aside_then_shown_to_whoever_asks(trials):
    t = trials["cert-other-key"] if "cert-other-key" in trials else pytest.skip("not chosen")
    assert isinstance(t, Trial)
    rows = t.site.sql("SELECT outcome, held_pem FROM orders WHERE held_pem IS NOT NULL")
    assert len(rows) == 1 and rows[0][0] == "failed" and rows[0][1].startswith("-----BEGIN CERTIFICATE-----\n"), rows
    assert "-----BEGIN CERTIFICATE-----" in t.site.run("show", "cert-other-key", "--json")[1]


def test_request_when_it_is_sent_then_client_and_library_are_named(trials):
    """RFC 8555 6.1 and 6.2, as a server sees it."""
    t = trials["gzip-bomb"] if "gzip-bomb" in trials else pytest.skip("not chosen")
    assert isinstance(t, Trial)
    head = t.front.heard[0].split("\r\n\r\n")[0].split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:])
    assert re.fullmatch(r"chancery/\S+ libcurl/[\d.]+\S*", headers["User-Agent"]), headers
    assert headers["Content-Type"] == "application/jose+json" and headers["Accept-Language"], headers
    assert "Accept-Encoding" not in headers and "Expect" not in headers, headers
