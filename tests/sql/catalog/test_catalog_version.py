"""catalog_version: every change of models and channels that is committed has a version of its own."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest  # noqa: E402

CHANGES = (
    "SELECT model_set_base_price($1, 'call', coalesce(model_base_price($1, 'call'), 0) + 1)",
    "INSERT INTO llm_models (name, context_tokens, max_output_tokens) SELECT 'another', 10, 10 FROM llm_models WHERE id = $1",
    "DELETE FROM llm_models WHERE name = 'another' AND $1::bigint > 0",
    "INSERT INTO channels (name, provider, base_url) SELECT 'spare', 'openai', 'http://spare.example' FROM llm_models WHERE id = $1",
    "INSERT INTO channel_models (channel_id, model_id) SELECT id, $1 FROM channels WHERE name = 'spare'",
    "UPDATE channel_models SET upstream_name = 'x' WHERE model_id = $1",
    "INSERT INTO channel_keys (channel_id, name, key_enc) SELECT id, 'a', '\\x00' FROM channels WHERE name = 'spare' AND $1::bigint > 0",
    "UPDATE channel_keys SET status = 'off' WHERE name = 'a' AND $1::bigint > 0",
    "DELETE FROM channel_keys WHERE name = 'a' AND $1::bigint > 0",
    "UPDATE channels SET enabled = false WHERE name = 'spare' AND $1::bigint > 0",
    "DELETE FROM channels WHERE name = 'spare' AND $1::bigint > 0",
)


class CatalogVersion(DatabaseTest):
    def version(self):
        return self.db.query("SELECT version::text FROM catalog_version")[0]["version"]

    def test_each_change_has_its_own(self):
        seen = [self.version()]
        for change in CHANGES:
            self.db.query(change, self.model)
            seen.append(self.version())
        self.assertEqual(len(set(seen)), len(CHANGES) + 1)

    def test_nothing_changed(self):
        before = self.version()
        self.db.query("UPDATE llm_models SET name = 'none' WHERE id = -1")
        self.db.query("BEGIN")
        self.db.query(CHANGES[0], self.model)
        self.assertEqual(self.version(), before, "it changes with the commit, not before")
        self.db.query("ROLLBACK")
        self.assertEqual(self.version(), before)

    def test_what_is_noted_of_a_key(self):
        """Calls go on as before: its balance and its last error are no other offer."""
        self.db.query("INSERT INTO channels (name, provider, base_url) VALUES ('noted', 'openai', 'http://n.example')")
        self.db.query("INSERT INTO channel_keys (channel_id, name, key_enc) SELECT id, 'a', '\\x00' FROM channels WHERE name = 'noted'")
        before = self.version()
        self.db.query("UPDATE channel_keys SET balance = 1, balance_at = now(), last_error = 'x', last_error_at = now()")
        self.assertEqual(self.version(), before)

    def test_two_who_change_different_rows(self):
        """Neither waits for the other before its end, so they cannot lock each other out."""
        self.db.query("INSERT INTO channels (name, provider, base_url) VALUES ('a', 'openai', 'http://a.example'), ('b', 'openai', 'http://b.example')")
        before = self.version()
        other = self.connect()
        for db, name in ((self.db, "a"), (other, "b")):
            db.query("SET lock_timeout = '2s'")
            db.query("BEGIN")
            db.query("UPDATE channels SET weight = weight + 1 WHERE name = $1", name)
            db.query("UPDATE llm_models SET sort = sort WHERE id = -1")
        self.db.query("COMMIT")
        between = self.version()
        other.query("COMMIT")
        self.assertEqual(len({before, between, self.version()}), 3)
        self.db.query("RESET lock_timeout")
        other.close()


if __name__ == "__main__":
    unittest.main()
