"""A private PostgreSQL with the migrations applied, and short names for what the tests do with it."""
import atexit
import glob
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import uuid

from pq import Connection

MIGRATIONS = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "migrations"))
ROLES = """
    CREATE ROLE weir_owner LOGIN;
    CREATE ROLE weir_service;
    CREATE ROLE weir_user;
    CREATE ROLE weir_app LOGIN IN ROLE weir_service, weir_user;
"""


class Cluster:
    """A throw-away server on a unix socket in a short folder; never the host's."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="w-sql-", dir="/tmp")
        self.bin = subprocess.check_output(["pg_config", "--bindir"], text=True).strip()
        self.as_user = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.dir, account.pw_uid, account.pw_gid)
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        data = os.path.join(self.dir, "data")
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-D", data)
        with open(os.path.join(data, "postgresql.conf"), "a", encoding="utf-8") as conf:
            conf.write(f"listen_addresses=''\nunix_socket_directories='{self.dir}'\nmax_connections=250\nfsync=off\n")
        self.data = data
        self._run("pg_ctl", "-w", "-D", data, "-l", os.path.join(self.dir, "log"), "start")
        atexit.register(self.stop)

    def _run(self, program, *arguments):
        subprocess.run(self.as_user + [os.path.join(self.bin, program), *arguments], check=True, cwd="/",
                       stdout=subprocess.DEVNULL)

    def stop(self):
        subprocess.run(self.as_user + [os.path.join(self.bin, "pg_ctl"), "-D", self.data, "-m", "immediate", "stop"],
                       check=False, cwd="/", stdout=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)

    def dsn(self, database, role):
        return f"host={self.dir} dbname={database} user={role}"

    def connect(self, database, role="weir_app"):
        return Connection(self.dsn(database, role))


_cluster = None
_lock = threading.Lock()


def cluster():
    """The server of this test program, started at first use."""
    global _cluster
    with _lock:
        if _cluster is None:
            _cluster = Cluster()
            with _cluster.connect("postgres", "postgres") as admin:
                admin.script(ROLES)
                admin.query("CREATE DATABASE template_weir OWNER weir_owner")
            with _cluster.connect("template_weir", "weir_owner") as owner:
                for path in migration_files("up") + function_files():
                    migrate(owner, path)
        return _cluster


def migration_files(direction):
    files = sorted(glob.glob(os.path.join(MIGRATIONS, f"*.{direction}.sql")))
    return files if direction == "up" else files[::-1]


def area_of(path):
    """task, of 0005_task.up.sql and of functions/task.sql."""
    return os.path.basename(path).split(".")[0].lstrip("0123456789").lstrip("_")


def function_files():
    """In the order of the migrations of the same names, as weirctl applies them."""
    areas = [area_of(path) for path in migration_files("up")]
    return sorted(glob.glob(os.path.join(MIGRATIONS, "functions", "*.sql")), key=lambda path: areas.index(area_of(path)))


def migrate(owner, path):
    """Runs one migration file, or file of functions, in one transaction."""
    with open(path, encoding="utf-8") as file:
        owner.script("BEGIN;\n" + file.read() + "\nCOMMIT")


def new_id():
    """A UUIDv7, as the programs make them."""
    bits = (int(time.time() * 1000) << 80) | (uuid.uuid4().int & ((1 << 80) - 1))
    bits = (bits & ~(0xF << 76)) | (7 << 76)
    bits = (bits & ~(3 << 62)) | (2 << 62)
    return str(uuid.UUID(int=bits))


class DatabaseTest(unittest.TestCase):
    """Each test class has a fresh migrated database; every test ends with the audit."""

    audited = True

    @classmethod
    def setUpClass(cls):
        cls.database = "t_" + cls.__name__.lower()
        with cluster().connect("postgres", "postgres") as admin:
            admin.query(f"CREATE DATABASE {cls.database} TEMPLATE template_weir OWNER weir_owner")
        cls.db = cls.connect()
        cls.model = cls.db.value("INSERT INTO llm_models (name) VALUES ('m1') RETURNING id")
        cls.db.query("SELECT model_set_base_price($1, 'input', 10), model_set_base_price($1, 'output', 20)", cls.model)
        cls.model2 = cls.db.value("INSERT INTO llm_models (name) VALUES ('m2') RETURNING id")
        cls.channel = cls.db.value(
            "INSERT INTO channels (name, provider, base_url) VALUES ('c1', 'openai', 'http://x') RETURNING id")
        cls.alive = set()
        cls.owner = cls.process()

    @classmethod
    def tearDownClass(cls):
        cls.db.close()

    def tearDown(self):
        if self.audited:
            # Their heartbeats, which a class that takes long on a busy machine would be without.
            self.db.query("UPDATE processes SET heartbeat_at = now() WHERE id = ANY($1)", "{" + ",".join(self.alive) + "}")
            for line in self.db.query("SELECT * FROM audit_run()"):
                self.assertTrue(line["ok"], line)

    @classmethod
    def connect(cls, role="weir_app"):
        return cluster().connect(cls.database, role)

    @classmethod
    def process(cls):
        """A live process."""
        process = new_id()
        cls.db.query("SELECT process_heartbeat($1, 'responder', 'here', 1)", process)
        cls.alive.add(process)
        return process

    @classmethod
    def kill(cls, process):
        """Makes its last heartbeat 30 s old."""
        cls.alive.discard(process)
        cls.db.query("UPDATE processes SET heartbeat_at = now() - interval '30 s' WHERE id = $1", process)

    def user(self, credits=0):
        user = new_id()
        self.db.query("INSERT INTO users (id, email) VALUES ($1, $2)", user, user + "@example.org")
        if credits:
            self.db.query("SELECT credits_grant($1, $2, 'admin_adjustment', 'test', NULL)", user, credits)
        return user

    def conversation(self, user):
        conversation = new_id()
        self.db.query("INSERT INTO conversations (id, user_id) VALUES ($1, $2)", conversation, user)
        return conversation

    def credits(self, user):
        return self.db.value("SELECT credits FROM users WHERE id = $1", user)

    def history(self, user):
        """(type, amount, balance after) of all changes but the first grant."""
        rows = self.db.query(
            "SELECT change_type, change_amount, balance_after FROM credits_history WHERE user_id = $1 ORDER BY id", user)
        return [(r["change_type"], r["change_amount"], r["balance_after"]) for r in rows][1:]

    def hold(self, user, amount, task=None, lease_s=600):
        task = task or new_id()
        row = self.db.row("SELECT * FROM credits_hold($1, $2, $3, $4, 'test', $5)", task, new_id(), user, amount, lease_s)
        return task, row

    def open(self, user, conversation, db=None, **options):
        """turn_open() with sensible values; returns (task id, its row)."""
        o = {
            "task": new_id(), "tx": new_id(), "user_message": new_id(), "assistant_message": new_id(),
            "content": "hello", "attachments": None, "model": self.model, "hold": 1, "lease_s": 600,
            "owner": self.owner, "user_limit": None, "conv_limit": None, "agent_limit": None, "mode": "send",
            "target": None, "title": "auto title", "key": None, "route": None, "hash": None,
        }
        unknown = set(options) - set(o)
        if unknown:
            raise TypeError(f"unknown: {unknown}")
        o.update(options)
        if o["key"] and o["hash"] is None:
            o["route"], o["hash"] = o["route"] or "POST /x", b"hash"
        row = (db or self.db).row(
            "SELECT * FROM turn_open($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21)",
            o["task"], o["tx"], user, conversation, o["user_message"], o["assistant_message"], o["content"],
            o["attachments"], o["model"], o["hold"], o["lease_s"], o["owner"], o["user_limit"], o["conv_limit"],
            o["agent_limit"], o["mode"], o["target"], o["title"], o["key"], o["route"], o["hash"])
        if row["outcome"] == "ok":
            answer = o["target"] if o["mode"] == "regenerate_in_place" else o["assistant_message"]
            row["assistant_message"] = self.stored_message(answer, db)
            if row["user_message"] is None:
                row["user_message"] = self.stored_message(o["user_message"], db)
        return o["task"], row

    def stored_message(self, ident, db=None):
        found = (db or self.db).query("SELECT message_json(m) AS json FROM conversation_messages m WHERE id = $1", ident)
        return found[0]["json"] if found else {"id": ident}  # deleted already

    def settle(self, task, db=None, **options):
        """turn_settle() with sensible values; returns its row."""
        o = {
            "owner": self.owner, "outcome": "completed", "status": "success", "content": "answer", "reasoning": None,
            "code": None, "error": None, "input": 10, "output": 20, "estimated": False, "cost": "0.25",
            "model": self.model, "channel": self.channel, "latency": 100, "first": 10, "request": "rq",
        }
        unknown = set(options) - set(o)
        if unknown:
            raise TypeError(f"unknown: {unknown}")
        o.update(options)
        return (db or self.db).row(
            "SELECT * FROM turn_settle($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)", task, *o.values())

    def fail_turn(self, task, **options):
        return self.settle(task, outcome="failed", **{
            "status": "llm_error", "content": "", "code": "upstream_failed", "error": "upstream said no",
            "input": 0, "output": 0, "cost": 0, **options})

    def snapshot(self):
        """Everything that a refused call must not change."""
        return {
            table: self.db.value(f"SELECT md5(string_agg(r::text, '|' ORDER BY r::text)) FROM {table} AS r")
            for table in ("users", "credits_history", "credit_transactions", "tasks", "conversations",
                          "conversation_messages", "usage", "idempotency_keys")
        }

    def race(self, count, action):
        """Runs action(connection, number) in so many threads at once; returns results or raised errors."""
        results = [None] * count
        barrier = threading.Barrier(count)

        def run(number):
            with self.connect() as db:
                barrier.wait()
                try:
                    results[number] = action(db, number)
                except Exception as error:
                    results[number] = error

        threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results
