"""weirctl migrate: up, down, status, create; under a lock, in transactions, with checksums; functions after tables."""

import os
import re
import shutil
import subprocess

import pytest
import weirstack

MIGRATIONS = os.path.join(weirstack.SRC, "migrations")


class Database:
    """An empty database and a folder of migrations of its own."""

    def __init__(self, data, folder):
        self.data, self.folder, self.name = data, folder, data.empty_database()
        self.conf = f"{data.folder}/{self.name}.conf"
        self.options({})
        os.makedirs(folder)

    def options(self, more):
        database = {"url": self.data.dsn("weir", self.name), "migrate_url": self.data.dsn("weir_owner", self.name), **more}
        self.data.write_conf({"database": database}, self.conf)

    def write(self, version, name, up="SELECT 1;", down="SELECT 1;"):
        for kind, sql in (("up", up), ("down", down)):
            with open(f"{self.folder}/{version:04d}_{name}.{kind}.sql", "w") as f:
                f.write(sql)

    def write_functions(self, area, sql):
        os.makedirs(f"{self.folder}/functions", exist_ok=True)
        with open(f"{self.folder}/functions/{area}.sql", "w") as f:
            f.write(sql)

    def argv(self, *words):
        return [self.data.program("weirctl"), "-c", self.conf, "--migrations", str(self.folder), "migrate", *words]

    def migrate(self, *words):
        return subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=60)

    def good(self, *words):
        done = self.migrate(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def query(self, sql, *params):
        with self.data.pg(database=self.name) as pg:
            return [tuple(r) for r in pg.query(sql, *params)]

    def applied(self):
        return [int(v) for v, in self.query("SELECT version FROM schema_migrations ORDER BY 1")]


@pytest.fixture
def db(data, tmp_path):
    return Database(data, tmp_path / "migrations")


def schema(db):
    """Everything the migrations made, in words."""
    return db.query("""
        SELECT 'column', table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns
        WHERE table_schema = 'public' UNION ALL
        SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL
        SELECT 'function', p.oid::regprocedure || ' ' || md5(prosrc) FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'constraint', conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace UNION ALL
        SELECT 'policy', tablename || ' ' || policyname FROM pg_policies UNION ALL
        SELECT 'type', typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
        ORDER BY 1, 2""")


def test_the_real_ones_up_down_up(data, tmp_path):
    db = Database(data, tmp_path / "unused")
    db.folder = MIGRATIONS
    names = sorted(n.removesuffix(".up.sql") for n in os.listdir(MIGRATIONS) if n.endswith(".up.sql"))
    done = db.good("up")
    functions = sorted(os.listdir(f"{MIGRATIONS}/functions"))
    done = re.findall(r"^up +(\S+) \(\d+ ms\)$", done, re.M)
    assert done[:len(names)] == names
    assert sorted(done[len(names):]) == [f"functions/{name.removesuffix('.sql')}" for name in functions]
    before = schema(db)
    assert db.good("up") == "nothing to do\n"
    done = db.good("down", "9999")
    assert re.findall(r"^down +(\S+) ", done, re.M) == names[::-1]
    assert db.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1") == \
        [("schema_functions",), ("schema_migrations",)], "they alone are left"
    assert db.query("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace") == []
    db.good("up")
    assert schema(db) == before
    # each by itself: down and up again from the top
    for _ in names:
        db.good("down")
        db.good("up")
    assert schema(db) == before


def test_status(db):
    db.write(1, "one", "CREATE TABLE one (a int);", "DROP TABLE one;")
    db.write(2, "two")
    done = db.migrate("status")
    assert done.returncode == 1 and re.findall(r"^(\w+) +(\w+)", done.stdout, re.M) == [("pending", "0001_one"), ("pending", "0002_two")]
    db.good("up")
    done = db.good("status")
    assert re.findall(r"^applied  (\w+)  \d{4}-\d\d-\d\dT[\d:]+Z$", done, re.M) == ["0001_one", "0002_two"]
    assert db.query("SELECT tableowner FROM pg_tables WHERE tablename = 'schema_migrations'") == [("weir_owner",)]


ANSWER = "CREATE OR REPLACE FUNCTION answer() RETURNS int LANGUAGE sql RETURN {};"


def test_functions_are_applied_when_they_differ(db):
    db.write(1, "one", "CREATE TABLE one (a int);", "DROP FUNCTION IF EXISTS answer; DROP TABLE one;")
    db.write(2, "two")
    db.write_functions("one", ANSWER.format(41))
    db.write_functions("two", "CREATE OR REPLACE FUNCTION two(o one) RETURNS int LANGUAGE sql RETURN o.a + answer();")
    assert re.findall(r"^up +(\S+)", db.good("up"), re.M) == ["0001_one", "0002_two", "functions/one", "functions/two"]
    assert db.query("SELECT answer()::text") == [("41",)]
    assert db.good("up") == "nothing to do\n"
    db.write_functions("one", ANSWER.format(42))
    done = db.migrate("status")
    assert done.returncode == 1 and re.findall(r"^(\w+) +functions/(\w+)", done.stdout, re.M) == [("pending", "one"), ("applied", "two")]
    assert re.findall(r"^up +(\S+)", db.good("up"), re.M) == ["functions/one"], "the other is as it was"
    assert db.query("SELECT answer()::text") == [("42",)]
    assert re.findall(r"^applied  functions/(\w+)  \d{4}-\d\d-\d\dT[\d:]+Z$", db.good("status"), re.M) == ["one", "two"]


def test_a_numbered_file_has_the_functions_applied_anew(db):
    """They were made for other tables; and a run that was cut off after it is made good by the next."""
    db.write(1, "one", "CREATE TABLE one (a int);", "DROP FUNCTION IF EXISTS answer; DROP TABLE one;")
    db.write_functions("one", ANSWER.format(1))
    db.good("up")
    db.write(2, "more", "DROP FUNCTION IF EXISTS answer;", "DROP FUNCTION IF EXISTS answer;")
    db.write_functions("one", "SELECT no_such_function();")
    done = db.migrate("up")
    assert done.returncode == 1 and "functions/one.sql: 42883" in done.stderr
    assert db.applied() == [1, 2] and db.query("SELECT area FROM schema_functions") == []
    db.write_functions("one", ANSWER.format(1))
    assert re.findall(r"^up +(\S+)", db.good("up"), re.M) == ["functions/one"]
    assert re.findall(r"^down +(\S+)", db.good("down"), re.M) == ["0002_more"]
    assert re.findall(r"^(\w+) +(\S+)", db.migrate("status").stdout, re.M) == [
        ("applied", "0001_one"), ("pending", "0002_more"), ("pending", "functions/one")]
    db.good("up")
    assert db.query("SELECT answer()::text") == [("1",)]


def test_functions_come_all_or_none(db):
    db.write(1, "one")
    db.write(2, "two")
    db.write_functions("one", ANSWER.format(1))
    db.write_functions("two", ANSWER.format("no_such_function()"))
    done = db.migrate("up")
    assert done.returncode == 1 and "functions/two.sql: 42883" in done.stderr, done.stderr
    assert db.query("SELECT proname FROM pg_proc WHERE proname = 'answer'") == []
    os.remove(f"{db.folder}/functions/two.sql")
    db.good("up")


def test_functions_whose_file_is_gone(db):
    db.write(1, "one")
    for area in ("one", "two"):
        db.write(2, "two")
        db.write_functions(area, "SELECT 1;")
    db.good("up")
    os.remove(f"{db.folder}/functions/two.sql")
    assert "UNKNOWN  functions/two" in db.migrate("status").stdout
    db.good("up")
    assert db.query("SELECT area FROM schema_functions") == [("one",)]
    db.good("status")


@pytest.mark.parametrize("trouble, words", [
    (lambda db: db.write_functions("three", "SELECT 1;"), "there is no migration NNNN_three"),
    (lambda db: db.write_functions("one", "SELECT 1;\0"), "functions/one.sql: there is a NUL in it"),
    (lambda db: os.makedirs(f"{db.folder}/functions/one.sql"), "functions/one.sql: "),
    (lambda db: open(f"{db.folder}/functions", "w").close(), "cannot read the functions in"),
])
def test_bad_functions_are_refused(db, trouble, words):
    db.write(1, "one")
    trouble(db)
    done = db.migrate("up")
    assert done.returncode == 1 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_down_takes_the_newest_back(db):
    for n, name in enumerate(("one", "two", "three"), 1):
        db.write(n, name, f"CREATE TABLE {name} (a int);", f"DROP TABLE {name};")
    db.good("up")
    assert re.findall(r"down (\w+)", db.good("down")) == ["0003_three"]
    assert re.findall(r"down (\w+)", db.good("down", "2")) == ["0002_two", "0001_one"]
    assert db.good("down") == "nothing to take back\n"
    assert db.applied() == []


def test_a_failure_leaves_nothing_behind(db):
    db.write(1, "good", "CREATE TABLE good (a int);")
    db.write(2, "bad", "CREATE TABLE half (a int); SELECT no_such_function();")
    db.write(3, "never", "CREATE TABLE never (a int);")
    done = db.migrate("up")
    assert done.returncode == 1
    assert "0002_bad.up.sql" in done.stderr and "42883" in done.stderr and "no_such_function" in done.stderr
    assert db.applied() == [1]
    assert db.query("SELECT tablename FROM pg_tables WHERE tablename IN ('half', 'never')") == []
    db.write(2, "bad", "CREATE TABLE half (a int);")
    db.good("up")
    assert db.applied() == [1, 2, 3]
    db.write(3, "never", "CREATE TABLE never (a int);", "DROP TABLE never; DROP TABLE no_such_table;")
    done = db.migrate("down")
    assert done.returncode == 1 and "no_such_table" in done.stderr
    assert db.applied() == [1, 2, 3] and db.query("SELECT count(*)::text FROM never") == [("0",)]


def test_changed_and_unknown_ones_are_refused(db):
    db.write(1, "one")
    db.write(2, "two")
    db.good("up")
    db.write(1, "one", "SELECT 2;")
    done = db.migrate("up")
    assert done.returncode == 1 and "changed after they were applied: 0001_one" in done.stderr
    assert "CHANGED  0001_one" in db.migrate("status").stdout
    db.write(1, "one")
    shutil.move(f"{db.folder}/0002_two.up.sql", f"{db.folder}/../kept")
    db.write(3, "three")
    done = db.migrate("up")
    assert done.returncode == 1 and "does not know: 0002_two" in done.stderr
    assert "UNKNOWN  0002_two" in db.migrate("status").stdout
    assert db.applied() == [1, 2], "nothing was done"
    done = db.migrate("down")
    assert done.returncode == 1 and "0002_two" in done.stderr, "it cannot be taken back without its file"


def test_two_at_once_take_turns(db):
    db.write(1, "slow", "SELECT pg_sleep(0.7); CREATE TABLE slow (a int);",
             "SELECT pg_sleep(0.3); DROP FUNCTION IF EXISTS slow; DROP TABLE slow;")
    db.write(2, "next", "CREATE TABLE next (a int);", "DROP TABLE next;")
    db.write_functions("slow", "SELECT pg_sleep(0.3); CREATE OR REPLACE FUNCTION slow(s slow) RETURNS int LANGUAGE sql RETURN s.a;")
    for words in (["up"], ["down", "2"]):
        runs = [subprocess.Popen(db.argv(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for _ in range(4)]
        said = [r.communicate(timeout=60) for r in runs]
        assert [r.returncode for r in runs] == [0] * 4, said
    assert db.applied() == []
    db.good("up")
    assert db.applied() == [1, 2]


@pytest.mark.parametrize("files, words", [
    (["1_one.up.sql", "1_one.down.sql"], "NNNN_name"),
    (["0001_One.up.sql", "0001_One.down.sql"], "NNNN_name"),
    (["0000_zero.up.sql", "0000_zero.down.sql"], "NNNN_name"),
    (["0001_one.up.sql"], "0001_one.down.sql"),
    (["0001_one.up.sql", "0001_one.down.sql", "0001_two.up.sql", "0001_two.down.sql"], "used twice"),
])
def test_a_malformed_folder_is_refused(db, files, words):
    for name in files:
        open(f"{db.folder}/{name}", "w").close()
    done = db.migrate("up")
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert db.query("SELECT to_regclass('schema_migrations')::text") == [(None,)], "nothing was done"


def test_other_files_are_ignored(db):
    db.write(1, "one")
    for name in ("README", "Makefile.inc", ".0002_hidden.up.sql", "0002_note.sql"):
        open(f"{db.folder}/{name}", "w").close()
    db.good("up")
    assert db.applied() == [1]


def test_a_missing_folder(db):
    shutil.rmtree(db.folder)
    done = db.migrate("status")
    assert done.returncode == 1 and "cannot read the migrations" in done.stderr


def test_create(db):
    up, down = db.good("create", "first_thing").split()
    assert (os.path.basename(up), os.path.basename(down)) == ("0001_first_thing.up.sql", "0001_first_thing.down.sql")
    db.good("create", "second")
    assert sorted(os.listdir(db.folder))[2] == "0002_second.down.sql"
    db.good("up")  # comments alone are a migration too
    assert db.applied() == [1, 2]
    for name in ("Upper", "with space", "dash-ed", "", "x" * 61, "../up"):
        done = db.migrate("create", name)
        assert done.returncode == 1 and "lower-case" in done.stderr, name
    assert len(os.listdir(db.folder)) == 4
    with open(f"{db.folder}/0001_first_thing.up.sql") as f:
        assert "functions/AREA.sql" in f.read()


def test_a_migration_may_outlast_the_statement_timeout(db):
    db.write(1, "long", "SELECT pg_sleep(0.4);")
    with open(db.conf) as f:
        text = f.read()
    with open(db.conf, "w") as f:
        f.write(text.replace("[database]\n", "[database]\nstatement_timeout = 100ms\n"))
    db.good("up")


def test_the_service_login_may_not_migrate(db):
    db.options({"migrate_url": db.data.dsn("weir", db.name)})
    db.folder = MIGRATIONS
    done = db.migrate("up")
    assert done.returncode == 1 and "permission denied" in done.stderr, done.stderr


def test_without_a_database(db):
    db.write(1, "one")
    db.options({"migrate_url": "host=/nonexistent dbname=weir"})
    done = db.migrate("up")
    assert done.returncode == 1 and "/nonexistent" in done.stderr
