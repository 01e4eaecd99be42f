"""A PostgreSQL server of our own on a free loopback port, with a database for each office. It refuses to run as root, so root lends it a user."""
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from servers import Server, find_program, free_port, wait_until

USER = "chancery"


def programs():
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    return folders[-1] if folders else None


class Postgresql:
    def __init__(self, folder: Path, settings=(), hba="", copy_of=None):
        bin, self.port = programs(), free_port()
        assert bin is not None, "PostgreSQL is not installed"
        self.log_folder, self.wrap, self.settings = folder, [], settings
        # Not below the tests' own folder, into which nobody else may look.
        self.folder = Path(tempfile.mkdtemp(prefix="chancery-postgresql-"))
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.wrap = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self.data, self.bin, self.server = self.folder / "data", bin, None
        if copy_of is not None:  # a standby that streams from it
            subprocess.run([*self.wrap, bin / "pg_basebackup", "-h", "127.0.0.1", "-p", str(copy_of.port), "-U", USER, "-D", self.data, "-R", "-X", "stream",
                            "--no-sync", "-c", "fast"], check=True, capture_output=True, cwd="/")
            self.start()
            return
        subprocess.run([*self.wrap, bin / "initdb", "-D", self.data, "-A", "trust", "-U", USER, "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"],
                       check=True, capture_output=True, cwd="/")
        with open(self.data / "pg_hba.conf", "a") as f:
            f.write(hba)
        self.start()

    def start(self):
        argv = [*self.wrap, self.bin / "postgres", "-D", self.data, "-p", self.port, "-c", "listen_addresses=127.0.0.1",
                "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=120", *self.settings]
        self.server = Server(self.log_folder, argv, name="postgresql")
        wait_until("PostgreSQL answers", lambda: self.sql("SELECT 1", "postgres", check=False) == [["1"]], 60)

    def stop(self):
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self):
        self.server.process.kill()
        self.server.process.wait(10)

    def promote(self):
        self.sql("SELECT pg_promote()", "postgres")

    def sql(self, query, database, check=True):
        process = subprocess.run([find_program("psql"), "-X", "-q", "-A", "-t", "-F", "\x1f", "-h", "127.0.0.1", "-p", str(self.port),
                                  "-U", USER, "-d", database, "-c", query], capture_output=True, text=True, cwd="/")
        if process.returncode != 0:
            assert not check, process.stderr
            return None
        return [line.split("\x1f") for line in process.stdout.splitlines()]

    def connect(self, schema=None, autocommit=True):
        import psycopg2
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=USER, dbname="postgres",
                                      options=f"-csearch_path={schema}" if schema else "")
        connection.autocommit = autocommit
        return connection

    def do(self, *statements):
        connection = self.connect()
        try:
            for statement in statements:
                connection.cursor().execute(statement)
        finally:
            connection.close()

    def url(self, schema):
        """The address of a store that is a schema of its own."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{schema}"

    def database(self, name):
        self.sql(f"CREATE DATABASE {name}", "postgres")
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"
