"""Migration 0011: the key of a channel becomes its first, and goes back; nothing else is lost."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pq import Error  # noqa: E402
from sqltest import DatabaseTest, cluster, function_files, migrate, migration_files  # noqa: E402

NAME = "channels"


def numbered(direction):
    return next(p for p in migration_files(direction) if os.path.basename(p).split(".")[0].endswith("_" + NAME))


class Moved(unittest.TestCase):
    def setUp(self):
        with cluster().connect("postgres", "postgres") as admin:
            admin.query("CREATE DATABASE moved OWNER weir_owner")
        self.db = cluster().connect("moved", "weir_owner")
        ups = migration_files("up")
        for path in ups[:ups.index(numbered("up"))]:
            migrate(self.db, path)

    def tearDown(self):
        self.db.close()
        with cluster().connect("postgres", "postgres") as admin:
            admin.query("DROP DATABASE moved")

    def test_there_and_back(self):
        self.db.query("INSERT INTO channels (name, provider, type, base_url, api_key_enc) VALUES"
                      " ('sealed', 'openai', 'chat', 'http://a.example', '\\x010203'), ('open', 'openai', 'image', 'http://b.example', NULL)")
        migrate(self.db, numbered("up"))
        keys = self.db.query("SELECT ch.name, k.name AS key, k.key_enc::text, k.status, k.weight FROM channel_keys k JOIN channels ch ON ch.id = channel_id")
        self.assertEqual([tuple(k.values()) for k in keys], [("sealed", "default", "\\x010203", "active", 1)])
        self.db.query("INSERT INTO channel_keys (channel_id, name, key_enc, status) SELECT id, 'off', '\\x09', 'off' FROM channels WHERE name = 'open'")
        self.db.query("INSERT INTO channel_keys (channel_id, name, key_enc) SELECT id, 'second', '\\x08' FROM channels WHERE name = 'open'")
        migrate(self.db, numbered("down"))
        back = self.db.query("SELECT name, type, api_key_enc::text FROM channels ORDER BY name")
        self.assertEqual([tuple(c.values()) for c in back], [("open", "chat", "\\x08"), ("sealed", "chat", "\\x010203")])


class Rules(DatabaseTest):
    def test_what_a_row_may_say(self):
        self.db.query("INSERT INTO channels (name, provider, base_url) VALUES ('c', 'openai', 'http://c.example')")
        for change in ("param_override = '[]'", "header_override = '1'", "rpm = 0", "max_concurrent = 0", "weight = -1"):
            with self.assertRaises(Error, msg=change):
                self.db.query(f"UPDATE channels SET {change} WHERE name = 'c'")
        for value in ("'best'", "NULL"):
            with self.assertRaises(Error, msg=value):
                self.db.query(f"UPDATE llm_models SET strategy = {value}")
        with self.assertRaises(Error):
            self.db.query("INSERT INTO channel_keys (channel_id, name, key_enc, status) SELECT id, 'k', '\\x00', 'lost' FROM channels WHERE name = 'c'")
        self.db.query("INSERT INTO channel_keys (channel_id, name, key_enc) SELECT id, 'k', '\\x00' FROM channels WHERE name = 'c'")
        with self.assertRaises(Error):
            self.db.query("INSERT INTO channel_keys (channel_id, name, key_enc) SELECT id, 'k', '\\x00' FROM channels WHERE name = 'c'")
        self.db.query("DELETE FROM channels WHERE name = 'c'")
        self.assertEqual(self.db.query("SELECT count(*) AS n FROM channel_keys WHERE name = 'k'")[0]["n"], 0)


if __name__ == "__main__":
    unittest.main()
