"""The servers of the quickstart: Pebble, BIND, and nginx as soon as there is a certificate for it. Runs until it is killed."""
import signal
import sys
import time
from pathlib import Path

from servers import Bind, Nginx, Pebble, TSIG_SECRET


def main():
    play = Path(sys.argv[1]).resolve()
    again = "--again" in sys.argv
    known = dict(line.split("=", 1) for line in (play / "ready").read_text().split()) if again else {}
    secret = (play / "tsig").read_text().strip() if again else TSIG_SECRET
    bind = Bind(play / "bind", zones=("example.com",), secret=secret, port=int(known["DNS_PORT"]) if again else None)
    if not again:
        (play / "tsig").touch(mode=0o600)
        (play / "tsig").write_text(secret + "\n")
    pebble = Pebble(play / "pebble", dns=f"127.0.0.1:{bind.port}", port=int(known["CA_URL"].split(":")[2].split("/")[0]) if again else None)
    nginx = Nginx(play / "nginx", play / "live", port=int(known["WEB_PORT"]) if again else None)
    nginx.start_when_delivered()
    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(1))
    (play / "ready").write_text(f"CA_URL={pebble.url}\nCA_FILE={pebble.ca_file}\nDNS=127.0.0.1:{bind.port}\n"
                                f"DNS_PORT={bind.port}\nWEB_PORT={nginx.port}\n")
    while not stopping:
        time.sleep(0.05)
    for server in (nginx, pebble, bind):
        server.stop()


if __name__ == "__main__":
    main()
