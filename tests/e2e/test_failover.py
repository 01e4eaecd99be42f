"""Two CAs: the second one issues, in the same ordinary run, when the first is gone, answers 503 or says nothing; then back."""
import socket
import threading

import pytest
from servers import Pebble, free_port, make_tls

class DeafCa:
    """Listens where a CA was. `mode`: "503" answers so over TLS, "hang" takes connections and says nothing."""

    def __init__(self, port, mode, tls):
        import ssl
        self.mode, self.open = mode, []
        self.socket = socket.create_server(("127.0.0.1", port))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(tls / "server.pem", tls / "server.key")
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            if self.mode == "hang":
                self.open.append(connection)
                continue
            threading.Thread(target=self.refuse, args=(connection,), daemon=True).start()

    def refuse(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as tls:
                while tls.recv(65536):
                    tls.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            pass

    def stop(self):
        self.socket.close()
        for connection in self.open:
            connection.close()


@pytest.fixture(scope="module")
def second(tmp_path_factory, bind):
    server = Pebble(tmp_path_factory.mktemp("second"), dns=f"{bind.address}:{bind.port}", nonce_reject=0)
    yield server
    server.stop()


def authority(name, url, ca_file):
    return f"  {name}: {{directory: {url}, ca_file: {ca_file}, agree_tos: true, parallel: 5}}\n"


@pytest.mark.parametrize("mode", ["gone", "503", "hang"])
def test_renew_when_the_first_ca_is_out_then_the_second_issues_in_the_same_run_and_back_later(tmp_path, office, bind, second, mode):
    port = free_port()
    tls = make_tls(tmp_path / "tls")
    office.write(bind=bind, authorities=authority("first", f"https://127.0.0.1:{port}/dir", tls / "ca.pem")
                 + authority("second", second.url, second.ca_file), defaults="defaults: {authority: [first, second]}")
    office.set("shop", ["shop.example.com"])
    office.set("blog", ["blog.example.net"])
    office.run("init", check=0)
    deaf = None if mode == "gone" else DeafCa(port, mode, tls)
    try:
        office.run("renew", check=0)
    finally:
        if deaf:
            deaf.stop()
    for name in ("shop", "blog"):
        assert office.sql("SELECT authority FROM certificate WHERE set_name = ? AND current = 1", name) == [("second",)]
    assert office.sql("SELECT count(*) FROM certificate") == [(2,)]
    assert bind.all_txt() == []
    status = {s["name"]: s for s in office.run("status", "--json").json()["sets"]}
    assert status["shop"]["certificate"]["authority"] == "second"
    assert status["shop"]["certificate"]["fallback"].startswith("first")
    assert "issued by second, because first" in office.run("status").out
    assert office.run("show", "shop", "--json").json()["certificate"]["fallback"].startswith("first")
    if mode != "gone":
        return
    # Back to the first: a Pebble is there now, and somebody wants another certificate.
    first = Pebble(tmp_path / "first", dns=f"{bind.address}:{bind.port}", nonce_reject=0, port=port)
    try:
        office.config.write_text(office.config.read_text().replace(str(tls / "ca.pem"), str(first.ca_file)))
        # A minute is over.
        office.database.change("UPDATE authority SET open_until_ms = 1 WHERE open_until_ms > 0")
        office.run("issue", "shop", check=0)
        assert office.sql("SELECT authority FROM certificate WHERE set_name = 'shop' ORDER BY version") == [("second",), ("first",)]
    finally:
        first.stop()
