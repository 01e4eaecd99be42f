"""Where the store of a test's world lies: in a file, or - CHANCERY_TEST_STORE=postgresql - in a schema of its own on a server of this process.

A test asks and changes the store through its world's `database`, which is the same for both; placeholders are `?`. What is about one of the two
says so: `stores.only("sqlite", "why")`. The server writes without fsync: none of these tests takes its power away.
"""
import contextlib
import hashlib
import itertools
import os
import signal
import sqlite3
import tempfile
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest

KIND = os.environ.get("CHANCERY_TEST_STORE", "sqlite")
assert KIND in ("sqlite", "postgresql"), f"CHANCERY_TEST_STORE={KIND}: sqlite or postgresql"
ON_SERVER = KIND == "postgresql"
LOCK_CLASS = 0x43686379  # lib/store/postgres/postgres.h
IS_LOCKED = r"another process keeps it locked|another chancery writes"


def only(kind, why):
    """A mark for what only one of the two can show."""
    return pytest.mark.skipif(kind != KIND, reason=f"about {'SQLite' if kind == 'sqlite' else 'PostgreSQL'} itself: {why}")


class FileStore:
    """A file in the folder of the world."""

    setting = "sqlite:chancery.db"

    def __init__(self, folder: Path):
        self.path = folder / "chancery.db"

    def ask(self, query, *arguments, timeout=20):
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=timeout)
        try:
            return connection.execute(query, arguments).fetchall()
        finally:
            connection.close()

    def change(self, query, *arguments):
        self.change_many(query, [arguments])

    def change_many(self, query, rows):
        connection = sqlite3.connect(self.path, timeout=30)
        try:
            with connection:
                connection.executemany(query, rows)
        finally:
            connection.close()

    @contextlib.contextmanager
    def writers_held(self):
        """As long as this lasts nobody else writes."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            assert self.is_being_changed()
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()

    @contextlib.contextmanager
    def all_held(self):
        """Nobody else reads, either."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()

    def is_being_changed(self):
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=0)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            return False
        except sqlite3.OperationalError:
            return True
        finally:
            connection.close()

    def writes_counter(self):
        """A function whose result grows when somebody else writes."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        return lambda: connection.execute("PRAGMA data_version").fetchone()[0]

    def is_sound(self):
        return self.ask("PRAGMA integrity_check") == [("ok",)]

    def make_newer(self):
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA user_version = 99")
        connection.commit()
        connection.close()

    def dump(self):
        """All bytes that are in it."""
        return b"".join(p.read_bytes() for p in sorted(self.path.parent.glob("chancery.db*")) if not p.name.endswith((".lock", "-shm")))

    def clear(self):
        """As before `init`."""
        self.path.unlink()

    def remove(self):
        """With the folder."""


class ServerStore:
    """A schema of the server of this process."""

    numbers = itertools.count(1)

    def __init__(self, server=None):
        self.server = server or the_server()
        self.name, self.mutex, self.connection = f"world{next(self.numbers)}", threading.Lock(), None
        self.server.do(f"CREATE SCHEMA {self.name}")
        self.setting = self.server.url(self.name)

    def plain(self, value):
        return int(value) if isinstance(value, (bool, Decimal)) else bytes(value) if isinstance(value, memoryview) else value

    def run(self, act):
        """One connection for all that a world asks: made anew when the server ended it."""
        import psycopg2
        with self.mutex:
            for is_last in (False, True):
                try:
                    if self.connection is None:
                        self.connection = self.server.connect(self.name)
                    with self.connection.cursor() as cursor:
                        return act(cursor)
                except psycopg2.OperationalError:
                    self.connection = None
                    if is_last:
                        raise

    def adapt(self, query, arguments):
        return query.replace("%", "%%").replace("?", "%s") if arguments else query

    def ask(self, query, *arguments, timeout=20):
        def act(cursor):
            cursor.execute(self.adapt(query, arguments), arguments or None)
            return [tuple(self.plain(value) for value in row) for row in cursor.fetchall()]
        return self.run(act)

    def change(self, query, *arguments):
        self.run(lambda cursor: cursor.execute(self.adapt(query, arguments), arguments or None))

    def change_many(self, query, rows):
        from psycopg2.extras import execute_batch
        self.run(lambda cursor: execute_batch(cursor, self.adapt(query, rows[0]), rows, page_size=500))

    @contextlib.contextmanager
    def writers_held(self):
        connection = self.server.connect(self.name, autocommit=False)
        connection.cursor().execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (LOCK_CLASS,))
        try:
            assert self.is_being_changed()
            yield
        finally:
            connection.close()

    def is_being_changed(self):
        return self.ask("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = ? "
                        "AND objid = (hashtext(current_schema())::bigint & 4294967295))", LOCK_CLASS) == [(1,)]

    def writes_counter(self):
        """In rows; up to a second late."""
        return lambda: self.ask("SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables "
                                "WHERE schemaname = current_schema()")[0][0]

    def is_sound(self):
        """What a file can be, damaged, is the server's care; that the rows fit together is its schema's."""
        return self.ask("SELECT count(*) > 20 FROM pg_tables WHERE schemaname = current_schema()") == [(1,)]

    def make_newer(self):
        self.change("INSERT INTO chancery_schema (number) VALUES (99)")

    def dump(self):
        tables = self.ask("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1")
        return b"\n".join(b"%s\n%s" % (table.encode(), b"\n".join(sorted(repr(row).encode() for row in self.ask(f'SELECT * FROM "{table}"'))))
                          for (table,) in tables)

    def clear(self):
        self.server.do(f"DROP SCHEMA {self.name} CASCADE", f"CREATE SCHEMA {self.name}")

    def remove_connection(self):
        with self.mutex:
            if self.connection is not None:
                self.connection.close()
            self.connection = None

    def remove(self):
        self.remove_connection()
        self.server.do(f"DROP SCHEMA {self.name} CASCADE")


def digest(database):
    return hashlib.sha256(database.dump()).hexdigest()


_server, _mutex = None, threading.Lock()


def the_server():
    """One a process (a worker of pytest), made when the first world asks for it."""
    global _server
    with _mutex:
        if _server is None:
            from postgresql import Postgresql
            _server = Postgresql(Path(tempfile.mkdtemp(prefix="chancery-stores-")))
        return _server


def freeze_between_changes(process, is_being_changed):
    """In the middle of one it would keep the writers' lock as well: a file's for as long as it stands still, a server's for some seconds."""
    for _ in range(200):
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        if not is_being_changed():
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("always in the middle of a change")


def end():
    """After the last test."""
    if _server is not None:
        _server.stop()


def make(folder: Path):
    return ServerStore() if ON_SERVER else FileStore(folder)
