"""Hosts that share one PostgreSQL server: each has a network namespace of its own, a name and a boot id; the server is reached through a bridge.

CA and name server stay where they are, on loopback of the machine: a relay brings them to loopback of each host, so that a host can be cut off from
the store alone - the worst case, for it still reaches the CA.
"""
import ctypes
import os
import select
import socket
import subprocess
import threading
import uuid
from pathlib import Path

from servers import Server

libc = ctypes.CDLL(None, use_errno=True)


def ip(*words, check=True):
    return subprocess.run(["ip", *map(str, words)], check=check, capture_output=True, text=True)


def allowed():
    """What is missing here, or None."""
    if os.getuid() != 0:
        return "network namespaces need root"
    name = f"chy{os.getpid()}try"
    if ip("netns", "add", name, check=False).returncode != 0:
        return "network namespaces are not allowed here"
    made = ip("link", "add", "chytry0", "type", "veth", "peer", "name", "chytry1", "netns", name, check=False).returncode == 0
    ip("netns", "del", name)
    return None if made else "veth pairs are not allowed here"


class Network:
    """A bridge of this process; what a process that is gone left behind is removed first."""

    def __init__(self):
        self.number = os.getpid() % 200 + 20
        self.bridge, self.address, self.n = f"chy{os.getpid()}", f"10.77.{self.number}.1", 1
        self.namespaces = []
        self.sweep()
        ip("link", "add", self.bridge, "type", "bridge")
        ip("address", "add", f"{self.address}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")

    def sweep(self):
        for line in ip("netns", "list").stdout.splitlines():
            name = line.split()[0]
            if name.startswith("chy") and "h" in name[3:] and not Path(f"/proc/{name[3:].split('h')[0]}").exists():
                ip("netns", "del", name, check=False)

    def host(self, folder, name):
        self.n += 1
        return Host(self, folder, name, self.n)

    def close(self):
        for name in self.namespaces:
            ip("netns", "del", name, check=False)
        ip("link", "del", self.bridge, check=False)


class Host:
    def __init__(self, network, folder, name, n):
        self.network, self.name, self.namespace = network, name, f"{network.bridge}h{n}"
        self.link, self.relays, self.process = f"c{os.getpid() % 100000}x{n}", [], None
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        ip("netns", "add", self.namespace)
        network.namespaces.append(self.namespace)
        ip("link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        ip("link", "set", self.link, "master", network.bridge, "up")
        ip("-n", self.namespace, "link", "set", "lo", "up")
        ip("-n", self.namespace, "address", "add", f"10.77.{network.number}.{n}/24", "dev", "eth0")
        ip("-n", self.namespace, "link", "set", "eth0", "up")

    def relay(self, port, with_udp=False):
        """What listens at that port of the machine's loopback is found at the same port of this host's."""
        self.relays.append(Relay(self.namespace, port, with_udp))

    def start(self, argv):
        script = f'hostname {self.name} && mount --bind "{self.folder}/boot_id" /proc/sys/kernel/random/boot_id && exec "$@"'
        self.process = Server(self.folder, ["ip", "netns", "exec", self.namespace, "unshare", "--uts", "--mount", "sh", "-c", script, "sh", *argv],
                              name="host").process
        return self.process

    def said(self):
        return (self.folder / "host.log").read_text(errors="replace")

    def cut(self):
        ip("link", "set", self.link, "down")

    def join(self):
        ip("link", "set", self.link, "up")

    def close(self):
        for relay in self.relays:
            relay.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Relay:
    """Sockets stay in the namespace in which they were made, whoever uses them."""

    def __init__(self, namespace, port, with_udp):
        self.port, self.stopping, self.sockets = port, False, []
        thread = threading.Thread(target=self.listen, args=(namespace, with_udp))
        thread.start()
        thread.join()
        for one, serve in self.sockets:
            threading.Thread(target=serve, args=(one,), daemon=True).start()

    def listen(self, namespace, with_udp):
        with open(f"/run/netns/{namespace}") as f:
            assert libc.setns(f.fileno(), 0x40000000) == 0, os.strerror(ctypes.get_errno())  # CLONE_NEWNET, of this thread alone
        tcp = socket.create_server(("127.0.0.1", self.port))
        self.sockets.append((tcp, self.serve_tcp))
        if with_udp:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind(("127.0.0.1", self.port))
            self.sockets.append((udp, self.serve_udp))

    def serve_tcp(self, listener):
        while not self.stopping:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self.port), 5)
            except OSError:
                continue
            threading.Thread(target=self.pump, args=(near, far), daemon=True).start()

    def pump(self, near, far):
        with near, far:
            other = {near: far, far: near}
            while not self.stopping:
                for one in select.select([near, far], [], [], 1)[0]:
                    try:
                        data = one.recv(65536)
                        other[one].sendall(data)
                    except OSError:
                        return
                    if not data:
                        return

    def serve_udp(self, udp):
        while not self.stopping:
            try:
                data, client = udp.recvfrom(65536)
            except OSError:
                continue
            threading.Thread(target=self.ask, args=(udp, data, client), daemon=True).start()

    def ask(self, udp, data, client):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
            far.settimeout(3)
            try:
                far.sendto(data, ("127.0.0.1", self.port))
                udp.sendto(far.recv(65536), client)
            except OSError:
                pass

    def close(self):
        self.stopping = True
        for one, _ in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
