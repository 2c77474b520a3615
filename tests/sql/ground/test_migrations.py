"""Migrations: up and down again, one by one; functions that stand once; refusal without roles; documentation complete."""
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pq import Error  # noqa: E402
from sqltest import MIGRATIONS, area_of, cluster, function_files, migrate, migration_files  # noqa: E402


def schema_of(database):
    """The schema as pg_dump sees it."""
    server = cluster()
    text = subprocess.check_output(
        [os.path.join(server.bin, "pg_dump"), "-s", "-d", server.dsn(database, "postgres")], text=True)
    # statements in order of name, as dump order follows object ids; the columns of a table too: one that was taken out
    # comes back as the last
    return sorted(in_order(part.strip()) for part in re.split(r"\n\n+", text)
                  if part.strip() and not re.search("Dumped|restrict", part))


def in_order(statement):
    """Its lines sorted, of what makes a table."""
    if not statement.startswith("CREATE TABLE"):
        return statement
    return "\n".join(sorted(line.rstrip(",") for line in statement.splitlines()))


def functions_in(path):
    """Names of the functions a file makes, in order."""
    with open(path, encoding="utf-8") as file:
        return re.findall(r"(?m)^CREATE OR REPLACE FUNCTION (\w+)\(", file.read())



def without(values, schema):
    """The schema without these values of enumerations."""
    return [re.sub(rf",\n    '(?:{'|'.join(values)})'", "", statement) for statement in schema]


class Migrations(unittest.TestCase):
    def create(self, name, owner="weir_owner"):
        with cluster().connect("postgres", "postgres") as admin:
            admin.query(f"CREATE DATABASE {name} OWNER {owner}")

    def test_pairs(self):
        ups = [os.path.basename(p).replace(".up.sql", "") for p in migration_files("up")]
        downs = [os.path.basename(p).replace(".down.sql", "") for p in migration_files("down")][::-1]
        self.assertEqual(ups, downs)
        numbers = [int(name[:4]) for name in ups]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        for path in migration_files("up") + migration_files("down") + function_files():
            with open(path, encoding="utf-8") as file:
                self.assertNotRegex(file.read(), r"(?im)^\s*(begin|commit|rollback)\s*;", path)

    def test_functions_stand_once_and_are_code(self):
        """Each in functions/AREA.sql, to be replaced; none, no trigger and no view in a numbered file."""
        every = [name for path in function_files() for name in functions_in(path)]
        self.assertEqual(sorted(every), sorted(set(every)))
        with cluster().connect("template_weir", "postgres") as db:
            there = db.query("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1")
            self.assertEqual([r["proname"] for r in there], sorted(every))
        made = re.compile(r"(?im)^\s*CREATE\s+(OR REPLACE\s+)?(CONSTRAINT\s+)?(FUNCTION|PROCEDURE|TRIGGER|VIEW)\b")
        for path in migration_files("up"):
            with open(path, encoding="utf-8") as file:
                self.assertNotRegex(file.read(), made, path)
        for path in function_files():
            with open(path, encoding="utf-8") as file:
                self.assertNotRegex(file.read(), r"(?m)^CREATE (TABLE|TYPE|DOMAIN|INDEX|UNIQUE|POLICY|FUNCTION|VIEW)\b", path)

    def test_functions_are_applied_again(self):
        self.create("again")
        with cluster().connect("again", "weir_owner") as owner:
            for path in migration_files("up") + function_files():
                migrate(owner, path)
            before = schema_of("again")
            for path in function_files():
                migrate(owner, path)
                self.assertEqual(schema_of("again"), before, path)

    def test_below_an_area_its_functions_are_gone(self):
        """And what is taken back comes again: down and up from the top, the newest each and of the others every fifth."""
        self.create("areas")
        with cluster().connect("areas", "weir_owner") as owner:
            for path in migration_files("up") + function_files():
                migrate(owner, path)
            whole = schema_of("areas")
            gone = []
            for path in migration_files("down"):
                migrate(owner, path)
                gone.insert(0, area_of(path))
                for area in (f for f in function_files() if area_of(f) in gone):
                    self.assertEqual(owner.query("SELECT proname FROM pg_proc WHERE proname = ANY ($1::text[])",
                                                 "{" + ",".join(functions_in(area)) + "}"), [], path)
                if len(gone) > 5 and len(gone) % 5:
                    continue
                for up in migration_files("up")[-len(gone):] + function_files():
                    migrate(owner, up)
                self.assertEqual(schema_of("areas"), whole, path)
                for down in migration_files("down")[:len(gone)]:
                    migrate(owner, down)

    # PostgreSQL takes no value out of an enumeration: these stay behind.
    STAYS = ("relay_cost", "embed_cost")

    def test_each_down_undoes_its_up(self):
        self.create("steps")
        before = []
        with cluster().connect("steps", "weir_owner") as owner:
            for path in migration_files("up"):
                before.append(schema_of("steps"))
                migrate(owner, path)
                up = schema_of("steps")
                down = path.replace(".up.sql", ".down.sql")
                migrate(owner, down)
                after = schema_of("steps")
                self.assertEqual(without(self.STAYS, after), without(self.STAYS, before[-1]), down)
                migrate(owner, path)
                self.assertEqual(schema_of("steps"), up, path)
            for path, schema in zip(migration_files("down"), before[::-1]):
                migrate(owner, path)
                self.assertEqual(without(self.STAYS, schema_of("steps")), without(self.STAYS, schema), path)
            self.assertEqual(owner.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"), [])
            self.assertEqual(owner.query("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"), [])
            self.assertEqual(owner.query("SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace"), [])

    def test_refuses_without_roles(self):
        self.create("elsewhere", "postgres")
        with cluster().connect("elsewhere", "postgres") as admin:
            with self.assertRaises(Error) as caught:
                migrate(admin, migration_files("up")[0])
            self.assertIn("must run as weir_owner", str(caught.exception))
            admin.script("ROLLBACK; ALTER ROLE weir_user RENAME TO weir_gone")
            try:
                with self.assertRaises(Error) as caught:
                    migrate(admin, migration_files("up")[0])
                self.assertIn("role(s) missing: weir_user", str(caught.exception))
            finally:
                admin.script("ROLLBACK; ALTER ROLE weir_gone RENAME TO weir_user")

    def test_names_that_operators_know(self):
        with cluster().connect("template_weir", "postgres") as db:
            indexes = {r["indexname"] for r in db.query("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")}
            for name in ("idx_tasks_user_status", "idx_tasks_conversation", "idx_tasks_created", "idx_credit_tx_user",
                         "idx_credit_tx_task", "idx_credit_tx_status", "idx_conversation_messages_status",
                         "idx_conversation_messages_role_status", "usage_user_created"):
                self.assertIn(name, indexes)
            self.assertIn("video_generation_cost", db.value("SELECT enum_range(NULL::credits_change_type)::text"))
            default = db.value("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid "
                               "AND a.attnum = d.adnum WHERE attrelid = 'credit_transactions'::regclass AND attname = 'expires_at'")
            self.assertIn("00:10:00", default)

    def test_everything_is_documented(self):
        with cluster().connect("template_weir", "postgres") as db:
            bare = db.query("""
                SELECT c.relname || coalesce('.' || a.attname, '') AS what
                FROM pg_class c LEFT JOIN LATERAL (
                    SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                    UNION ALL SELECT NULL, 0) a ON true
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
                    AND col_description(c.oid, a.attnum) IS NULL AND (a.attnum > 0 OR obj_description(c.oid, 'pg_class') IS NULL)""")
            self.assertEqual([r["what"] for r in bare], [])
            bare = db.query("""SELECT oid::regprocedure::text AS what FROM pg_proc
                WHERE pronamespace = 'public'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL""")
            self.assertEqual(bare, [])

    def test_schema_document_is_current(self):
        root = os.path.join(MIGRATIONS, "..")
        sys.path.insert(0, os.path.join(root, "docs"))
        import db_schema
        with open(os.path.join(root, "docs", "DB_SCHEMA.md"), encoding="utf-8") as file:
            self.assertEqual(file.read(), db_schema.generate(), "run: make db-schema")

    def test_functions_pin_their_search_path(self):
        with cluster().connect("template_weir", "postgres") as db:
            loose = db.query("""SELECT oid::regprocedure::text AS what FROM pg_proc
                WHERE pronamespace = 'public'::regnamespace AND prosqlbody IS NULL AND provolatile <> 'i'
                    AND NOT coalesce(proconfig::text LIKE '%search_path=public, pg_temp%', false)
                ORDER BY proname""")
            # called by functions that pin theirs, or as part of a statement that names tables itself, and triggers that name
            # nothing: pinning is a tenth of a hold's time
            self.assertEqual([row["what"].partition("(")[0] for row in loose],
                             ["allowance_room", "allowances_pending", "check_hold", "check_task", "credits_end_hold", "credits_end_holds", "credits_held",
                              "credits_take", "key_claim", "relay_key_held", "relay_note", "relay_pay", "task_open", "tasks_end"])
            definer = db.query("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef")
            self.assertEqual(definer, [])


if __name__ == "__main__":
    unittest.main()
