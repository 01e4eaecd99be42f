"""A fleet without the hours it takes to order one: one set is issued and delivered for real, its rows and its file stand model for the rest."""
import hashlib
import os
import sqlite3

from bench_world import set_name

# Tables whose rows belong to a set, the column that names it, and the columns that hold ids of such rows.
TABLES = {
    "private_key": ("id IN (SELECT key_id FROM certificate WHERE set_name = ?)", {"id"}),
    "orders": ("set_name = ?", {"id", "key_id", "certificate_id"}),
    "authz": ("order_id IN (SELECT id FROM orders WHERE set_name = ?)", {"order_id"}),
    "certificate": ("set_name = ?", {"id", "key_id", "order_id"}),
    "deployment": ("set_name = ?", {"id", "wanted_id", "done_id"}),
    "set_name": ("set_name = ?", set()),
    "set_path": ("set_name = ?", set()),
    "domain_set": ("name = ?", set()),
}
ONE_OF_A_KIND = {"spki", "sha256", "serial", "ari_id"}
FIRST_ID = 1_000_000


class Copier:
    def __init__(self, site, model):
        self.site, self.model = site, model
        self.db = sqlite3.connect(site.folder / "chancery.db")
        self.db.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; PRAGMA foreign_keys = OFF;")
        self.plans = [self.plan(table, *TABLES[table]) for table in TABLES]
        self.model_text = (site.sets / f"{model}.yaml").read_text()

    def plan(self, table, where, ids):
        cursor = self.db.execute(f"SELECT * FROM {table} WHERE {where}", (self.model,))
        columns = [c[0] for c in cursor.description]
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        return table, columns, ids, insert, cursor.fetchall()

    def value(self, column, value, ids, i, name):
        if column in ids and value is not None:
            return FIRST_ID * i + value
        if column in ONE_OF_A_KIND and value is not None:
            return hashlib.sha256(f"{value}{i}".encode()).hexdigest()
        return value.replace(self.model, name) if isinstance(value, str) else value

    def copy(self, i):
        name = set_name(i)
        path = self.site.sets / f"{name}.yaml"
        path.write_text(self.model_text.replace(self.model, name))
        stat = os.stat(path)
        stamp = {"mtime_ns": stat.st_mtime_ns, "size": stat.st_size, "inode": stat.st_ino}
        for table, columns, ids, insert, rows in self.plans:
            for row in rows:
                values = [self.value(c, v, ids, i, name) for c, v in zip(columns, row)]
                if table == "domain_set":
                    values = [stamp.get(c, v) for c, v in zip(columns, values)]
                self.db.execute(insert, values)

    def close(self):
        self.db.commit()
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.db.close()


def grow(site, n_before, n_sets):
    """From n_before sets (the first of which was issued) to n_sets."""
    copier = Copier(site, set_name(0))
    for i in range(max(n_before, 1), n_sets):
        copier.copy(i)
    copier.close()
