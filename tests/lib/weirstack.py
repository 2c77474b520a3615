"""Private PostgreSQL, Redis, web servers and Weir programs in one folder.

The one implementation of "start Weir": ./dev runs a Stack that lasts
(devstack.py), the tests run short-lived ones (weirtest.py). Nothing of the
host's own services is touched: every server gets its own configuration,
listens on a unix socket or on loopback, and writes below the stack's folder.

Works as root (PostgreSQL, which refuses root, runs as user postgres) and as an
ordinary user.
"""

import base64
import ctypes
import glob
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.environ.get("srcdir") or os.path.dirname(os.path.dirname(HERE))
SRC = os.path.abspath(SRC)
UNIX_PATH_MAX = 107
START_TIMEOUT_S = 30
CHANGES_KNOWN_S = 0.3  # responders ask four times a second what has changed: core/versions.h
PATH_MORE = "/usr/local/sbin:/usr/sbin:/sbin"


class StackError(Exception):
    """A service did not start or a command failed; the text says which and why."""


def build_dir():
    """The folder with the built programs."""
    for d in (os.environ.get("WEIR_BUILD_DIR"), os.environ.get("builddir"), os.path.join(SRC, "build")):
        if d and os.path.exists(os.path.join(d, "config.status")):
            return os.path.abspath(d)
    return os.path.join(SRC, "build")


def tool(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":" + PATH_MORE)
    if path is None:
        raise StackError(f"{name} is not installed: run ./dev deps")
    return path


def pg_bin(name):
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/" + name), key=lambda p: int(p.split("/")[4]))
    if not found:
        raise StackError("PostgreSQL is not installed: run ./dev deps")
    return found[-1]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_time(pid):
    """When a process started, in clock ticks since boot; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            fields = f.read().rsplit(b")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def busy():
    """By how much a machine with more to do than it can is slower: what bounds a time from above is stretched by it; 1 on a quiet one."""
    return max(1.0, os.getloadavg()[0] / os.cpu_count())


def wait_until(check, what, timeout_s=START_TIMEOUT_S, every_s=0.02):
    """Calls check() until it is true; StackError after timeout_s, or three times that on a machine that has more to do than it can."""
    end = time.monotonic() + timeout_s
    busy_until = end + 2 * timeout_s
    while not (got := check()):
        now = time.monotonic()
        if now > busy_until or (now > end and busy() == 1):
            raise StackError(f"timed out after {timeout_s} s: {what() if callable(what) else what}")
        time.sleep(every_s)
    return got


def tail(path, lines=15):
    try:
        with open(path, errors="replace") as f:
            return "".join(f.readlines()[-lines:])
    except OSError:
        return ""


# ---- PostgreSQL and Redis clients, on the C library and the bare protocol --


class PgError(Exception):
    """A failed statement; .sqlstate holds the code."""

    def __init__(self, message, sqlstate=None):
        super().__init__(message)
        self.sqlstate = sqlstate


def _libpq():
    lib = ctypes.CDLL("libpq.so.5")
    p, c, i = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, res, args in (
        ("PQconnectdb", p, [c]), ("PQstatus", i, [p]), ("PQerrorMessage", c, [p]), ("PQfinish", None, [p]),
        ("PQexecParams", p, [p, c, i, p, ctypes.POINTER(c), p, p, i]), ("PQexec", p, [p, c]),
        ("PQresultStatus", i, [p]), ("PQresultErrorField", c, [p, i]), ("PQresultErrorMessage", c, [p]),
        ("PQntuples", i, [p]), ("PQnfields", i, [p]), ("PQfname", c, [p, i]), ("PQgetvalue", c, [p, i, i]),
        ("PQgetisnull", i, [p, i, i]), ("PQclear", None, [p]), ("PQbackendPID", i, [p]),
    ):
        fn = getattr(lib, name)
        fn.restype, fn.argtypes = res, args
    return lib


class Pg:
    """One PostgreSQL connection. Values go in and come out as str (or None).

    Calls release the interpreter lock, so that one Pg per thread runs in
    parallel; a Pg itself belongs to one thread at a time.
    """

    _lib = None

    def __init__(self, dsn):
        Pg._lib = Pg._lib or _libpq()
        self.conn = self._lib.PQconnectdb(dsn.encode())
        if self._lib.PQstatus(self.conn) != 0:
            message = self._lib.PQerrorMessage(self.conn).decode()
            self.close()
            raise PgError(message.strip())

    def _take(self, res):
        lib = self._lib
        try:
            if lib.PQresultStatus(res) not in (0, 1, 2):  # EMPTY, COMMAND_OK, TUPLES_OK
                state = lib.PQresultErrorField(res, ord("C"))
                text = (lib.PQresultErrorMessage(res) or lib.PQerrorMessage(self.conn) or b"").decode().strip()
                raise PgError(text, state and state.decode())
            names = [lib.PQfname(res, f).decode() for f in range(lib.PQnfields(res))]
            rows = [
                tuple(None if lib.PQgetisnull(res, r, f) else lib.PQgetvalue(res, r, f).decode()
                      for f in range(len(names)))
                for r in range(lib.PQntuples(res))
            ]
            return names, rows
        finally:
            lib.PQclear(res)

    def query(self, sql, *params):
        """Rows of one statement as tuples of text; parameters are $1, $2 …"""
        return self._run(sql, params)[1]

    def dicts(self, sql, *params):
        """Rows of one statement as dicts."""
        names, rows = self._run(sql, params)
        return [dict(zip(names, row)) for row in rows]

    def one(self, sql, *params):
        """The first value of the first row, or None."""
        rows = self.query(sql, *params)
        return rows[0][0] if rows else None

    def script(self, sql):
        """Several statements without parameters, in one transaction unless they say otherwise."""
        self._take(self._lib.PQexec(self.conn, sql.encode()))

    def _run(self, sql, params):
        texts = [None if v is None else ("true" if v is True else "false" if v is False else str(v)).encode()
                 for v in params]
        array = (ctypes.c_char_p * max(1, len(texts)))(*texts)
        return self._take(self._lib.PQexecParams(self.conn, sql.encode(), len(texts), None, array, None, None, 0))

    def backend_pid(self):
        return self._lib.PQbackendPID(self.conn)

    def close(self):
        if self.conn:
            self._lib.PQfinish(self.conn)
            self.conn = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class RedisError(Exception):
    pass


class Redis:
    """One Redis connection: call(*words) sends a command and returns its reply."""

    def __init__(self, path, timeout_s=5):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout_s)
        self.sock.connect(path)
        self.file = self.sock.makefile("rb")

    def call(self, *words):
        out = [b"*%d\r\n" % len(words)]
        for word in words:
            b = word if isinstance(word, bytes) else str(word).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(b), b))
        self.sock.sendall(b"".join(out))
        return self._reply()

    def _reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise RedisError("connection closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if int(rest) < 0:
                return None
            data = self.file.read(int(rest) + 2)[:-2]
            return data.decode("utf-8", "replace")
        return None if int(rest) < 0 else [self._reply() for _ in range(int(rest))]

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


# ---- processes -------------------------------------------------------------


class Daemons:
    """Detached processes, remembered by pid and start time in <folder>/pids."""

    def __init__(self, folder, logs):
        self.folder, self.logs = folder, logs
        self.children = {}
        os.makedirs(folder, exist_ok=True)
        os.makedirs(logs, exist_ok=True)

    def _file(self, name):
        return os.path.join(self.folder, name)

    def log(self, name):
        return os.path.join(self.logs, name + ".log")

    def start(self, name, argv, env=None, cwd="/", user=None, stdin=subprocess.DEVNULL):
        if self.pid(name):
            raise StackError(f"{name} is running already")
        extra = {}
        if user is not None:
            who = pwd.getpwnam(user)
            extra = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": os.getgrouplist(user, who.pw_gid)}
        with open(self.log(name), "ab") as log:
            child = subprocess.Popen(argv, stdin=stdin, stdout=log, stderr=log, cwd=cwd, start_new_session=True,
                                     env={**os.environ, **(env or {})}, **extra)
        self.children[name] = child
        with open(self._file(name), "w") as f:
            json.dump({"pid": child.pid, "start": start_time(child.pid)}, f)
        return child.pid

    def pid(self, name):
        """The pid while the process lives, else None."""
        if name in self.children and self.children[name].poll() is not None:
            return None
        try:
            with open(self._file(name)) as f:
                known = json.load(f)
        except (OSError, ValueError):
            return None
        return known["pid"] if start_time(known["pid"]) == known["start"] else None

    def started(self, name):
        """Wall-clock time of the start of a live process."""
        return os.stat(self._file(name)).st_mtime

    def names(self):
        return sorted(os.listdir(self.folder))

    def expect_alive(self, name):
        if not self.pid(name):
            raise StackError(f"{name} ended while starting:\n{tail(self.log(name))}")

    def send(self, name, sig):
        pid = self.pid(name)
        if pid is None:
            raise StackError(f"{name} is not running")
        os.kill(pid, sig)

    def stop(self, name, sig=signal.SIGTERM, timeout_s=15):
        """Ends a process (SIGKILL after timeout_s). Returns its exit status if it was our child."""
        pid = self.pid(name)
        if pid is not None:
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, sig)
            try:
                wait_until(lambda: self._gone(name), "exit", timeout_s)
            except StackError:
                os.killpg(pid, signal.SIGKILL)
                wait_until(lambda: self._gone(name), "exit after SIGKILL", 5)
        child = self.children.pop(name, None)
        if os.path.exists(self._file(name)):
            os.unlink(self._file(name))
        return child.wait() if child else None

    def _gone(self, name):
        return self.pid(name) is None


# ---- the stack -------------------------------------------------------------


class Stack:
    """Everything one Weir needs, below `folder`.

    folder   state that lasts: pgdata, logs, pids, weir.conf
    durable  fsync on (./dev run); off for tests
    """

    def __init__(self, folder, durable=False):
        self.folder = os.path.abspath(folder)
        self.durable = durable
        self.as_root = os.geteuid() == 0
        self.pg_user = "postgres" if self.as_root else None
        os.makedirs(self.folder, exist_ok=True)
        if self.as_root:
            os.chmod(self.folder, 0o711)  # postgres must pass through
        else:
            os.chmod(self.folder, 0o700)
        self.sockets = self._short_folder("sockets", self.folder + "/s")
        self.pg_home = self._postgres_home()
        self.daemons = Daemons(self.folder + "/pids", self.folder + "/log")
        self.conf_path = self.folder + "/weir.conf"
        self.database = "weir"
        self.pg_settings = {}  # of postgresql.conf, over those of start_postgres()
        self.pg_dir = self.sockets + "/pg"
        self.redis_path = self.sockets + "/redis"
        self.uploads = self.folder + "/uploads"
        self.fcgi_path = self.sockets + "/fcgi"

    # -- folders

    def _reachable(self, path):
        """May user postgres reach `path`?"""
        if not self.as_root:
            return True
        who = pwd.getpwnam("postgres")
        done = subprocess.run(["test", "-x", path], user=who.pw_uid, group=who.pw_gid, extra_groups=[], cwd="/")
        return done.returncode == 0

    def _short_folder(self, name, wanted):
        """`wanted`, or a short folder elsewhere when socket paths there would be too long."""
        note = os.path.join(self.folder, name + ".path")
        if os.path.exists(note):
            with open(note) as f:
                path = f.read().strip()
            if os.path.isdir(path):
                return path
        fits = len(wanted) + len("/pg/.s.PGSQL.5432.lock") <= UNIX_PATH_MAX
        if fits and self._reachable(self.folder):
            os.makedirs(wanted, exist_ok=True)
            path = wanted
        else:
            path = tempfile.mkdtemp(prefix="weir.", dir="/tmp")
        os.chmod(path, 0o711 if self.as_root else 0o700)
        with open(note, "w") as f:
            f.write(path + "\n")
        return path

    def _postgres_home(self):
        """Where the cluster lives: here, unless user postgres cannot get here (a tree below /root)."""
        if self._reachable(self.folder):
            return self.folder + "/pgdata"
        note = os.path.join(self.folder, "pgdata.path")
        if os.path.exists(note):
            with open(note) as f:
                return f.read().strip()
        path = tempfile.mkdtemp(prefix="weir-pg.", dir="/var/tmp") + "/pgdata"
        os.chmod(os.path.dirname(path), 0o711)
        with open(note, "w") as f:
            f.write(path + "\n")
        return path

    def remove(self):
        """Deletes everything; call after stop_all()."""
        if os.path.dirname(self.pg_home) != self.folder:
            shutil.rmtree(os.path.dirname(self.pg_home), ignore_errors=True)
        if not self.sockets.startswith(self.folder + "/"):
            shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- PostgreSQL

    def start_postgres(self):
        if self.daemons.pid("postgres"):
            return
        owner = {}
        if self.as_root:
            who = pwd.getpwnam("postgres")
            owner = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        for path in (self.pg_dir, self.pg_home):
            os.makedirs(path, exist_ok=True)
            os.chmod(path, 0o700)
            if self.as_root:
                os.chown(path, who.pw_uid, who.pw_gid)
        if not os.path.exists(self.pg_home + "/PG_VERSION"):
            done = subprocess.run(
                [pg_bin("initdb"), "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                 "-D", self.pg_home],
                cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **owner)
            if done.returncode != 0:
                shutil.rmtree(self.pg_home, ignore_errors=True)
                raise StackError("initdb failed:\n" + done.stdout)
            if self.durable:
                subprocess.run(["sync", "-f", self.pg_home], check=False)
        settings = {
            "listen_addresses": "", "unix_socket_directories": self.pg_dir, "unix_socket_permissions": "0700",
            "max_connections": "300", "shared_buffers": "64MB", "log_min_messages": "warning",
            "log_min_error_statement": "panic", "timezone": "UTC", "log_timezone": "UTC", "jit": "off",
        }
        if not self.durable:
            settings.update({"fsync": "off", "full_page_writes": "off"})
        settings.update(self.pg_settings)
        argv = [pg_bin("postgres"), "-D", self.pg_home]
        for key, value in settings.items():
            argv += ["-c", f"{key}={value}"]
        self.daemons.start("postgres", argv, env={"LC_ALL": "C.UTF-8"}, user=self.pg_user)
        self._wait_postgres()

    def _wait_postgres(self):
        def ready():
            self.daemons.expect_alive("postgres")
            try:
                Pg(self.dsn("postgres", "postgres")).close()
                return True
            except PgError:
                return False

        wait_until(ready, lambda: "PostgreSQL:\n" + tail(self.daemons.log("postgres")))

    def stop_postgres(self, immediate=False):
        self.daemons.stop("postgres", signal.SIGQUIT if immediate else signal.SIGINT)

    def restart_postgres(self, immediate=True):
        """As `pg_ctl restart -m immediate`: connections die, nothing that was committed does."""
        self.stop_postgres(immediate)
        self.start_postgres()

    def dsn(self, role="weir", database=None):
        """A libpq connection string; roles: weir, weir_owner, postgres (superuser)."""
        return f"host={self.pg_dir} user={role} dbname={database or self.database}"

    def pg(self, role="postgres", database=None):
        return Pg(self.dsn(role, database))

    def make_database(self, name=None, conf=None):
        """Roles and an empty database, made by `weirctl setup` as a sysadmin does; keys too, beside `conf`."""
        if conf is None:
            os.makedirs(self.folder + "/setup", exist_ok=True)
            conf = self.folder + "/setup/weir.conf"
        self.weirctl("setup", "--superuser", self.dsn("postgres", "postgres"), "--database", name or self.database,
                     conf=conf)

    # -- Redis

    def start_redis(self, *options):
        if self.daemons.pid("redis"):
            return
        os.makedirs(self.folder + "/redis", exist_ok=True)
        self.daemons.start("redis", [
            tool("redis-server"), "--port", "0", "--unixsocket", self.redis_path, "--unixsocketperm", "700",
            "--dir", self.folder + "/redis", "--save", "", "--appendonly", "no", *options])
        self._wait_redis()

    def _wait_redis(self):
        def ready():
            self.daemons.expect_alive("redis")
            try:
                with self.redis() as r:
                    return r.call("PING") == "PONG"
            except (OSError, RedisError):
                return False

        wait_until(ready, lambda: "Redis:\n" + tail(self.daemons.log("redis")))

    def stop_redis(self, kill=False):
        self.daemons.stop("redis", signal.SIGKILL if kill else signal.SIGTERM)

    def redis(self):
        return Redis(self.redis_path)

    # -- configuration

    def write_conf(self, options, path=None):
        """weir.conf from {section: {name: value}} over what every stack needs."""
        merged = self.base_conf()
        for section, values in options.items():
            merged.setdefault(section, {}).update(values)
        path = path or self.conf_path
        self.write_private(path, "".join(
            f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()) + "\n"
            for section, values in merged.items()))

    @staticmethod
    def write_private(path, text):
        """A file only its owner may read, there as a whole or not at all."""
        fd = os.open(path + ".tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as f:
            f.write(text)
        os.replace(path + ".tmp", path)

    def secret(self, name):
        """32 random bytes as base64url, made once per stack."""
        path = os.path.join(self.folder, name + ".secret")
        if not os.path.exists(path):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w") as f:
                f.write(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("="))
        with open(path) as f:
            return f.read()

    def keys(self):
        """Signing and sealing keys, as options of section auth."""
        return {"jwt_keys": "k1:" + self.secret("jwt"), "encryption_key": self.secret("encryption")}

    def base_conf(self):
        os.makedirs(self.folder + "/mail", exist_ok=True)
        self.make_uploads()
        return {
            "server": {"processes": 2, "scoreboard": self.folder + "/scoreboard"},
            "database": {"url": self.dsn("weir"), "migrate_url": self.dsn("weir_owner"),
                         "migrations": SRC + "/migrations"},
            "redis": {"address": self.redis_path},
            "auth": {**self.keys(), "registration": "open", "secure_cookie": "no"},
            "mail": {"spool": self.folder + "/mail"},
            "uploads": {"folder": self.uploads},
            "knowledge": {"parser": build_dir() + "/weir-parse"},
        }

    def make_uploads(self):
        """The folder of uploads; as root with Debian's group of web servers, as the package makes it."""
        if not os.path.exists(self.uploads):
            os.makedirs(self.uploads)
            if self.as_root:
                os.chown(self.uploads, 0, pwd.getpwnam("www-data").pw_gid)
                os.chmod(self.uploads, 0o2750)

    # -- Weir's programs

    def program(self, name):
        path = os.path.join(build_dir(), name)
        if not os.path.exists(path):
            raise StackError(f"{path} is missing: run ./dev build")
        return path

    def weirctl(self, *args, input=None, check=True, conf=None):
        """Runs weirctl on this stack; returns the finished process (text)."""
        done = subprocess.run(
            [self.program("weirctl"), "-c", conf or self.conf_path, "--migrations", SRC + "/migrations", *args],
            input=input if input is not None else "", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if check and done.returncode != 0:
            raise StackError(f"weirctl {' '.join(args)} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        if args and args[0] in ("agent", "channel", "channel-key", "key", "model", "price"):
            time.sleep(CHANGES_KNOWN_S)
        return done

    def start_demo(self, port=None, *options):
        """weir-demo on a loopback port; returns its base URL."""
        if not self.daemons.pid("demo"):
            self.demo_port = port or free_port()
            self.demo_log = self.folder + "/log/demo-requests.jsonl"
            self.daemons.start("demo", [self.program("weir-demo"), "--listen", f"127.0.0.1:{self.demo_port}",
                                        "--log", self.demo_log, *options])
            self._wait_port("demo", self.demo_port)
        return f"http://127.0.0.1:{self.demo_port}/v1"

    def start_pool(self, processes=2, *options, conf=None, name="pool", path=None, env=None):
        """weir-fcgi's pool master on the FastCGI socket."""
        path = path or self.fcgi_path
        self.daemons.start(name, [self.program("weir-fcgi"), "-c", conf or self.conf_path, "--listen", path,
                                  "--pool", str(processes), *options], env=env)

        def ready():
            self.daemons.expect_alive(name)
            with socket.socket(socket.AF_UNIX) as s:
                return s.connect_ex(path) == 0

        wait_until(ready, lambda: f"{name}:\n" + tail(self.daemons.log(name)))

    def start_worker(self, *options, conf=None, name="worker"):
        self.daemons.start(name, [self.program("weir-worker"), "-c", conf or self.conf_path, *options])
        time.sleep(0.05)
        self.daemons.expect_alive(name)

    def _wait_port(self, name, port):
        def ready():
            self.daemons.expect_alive(name)
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0

        wait_until(ready, lambda: f"{name}:\n" + tail(self.daemons.log(name)))

    # -- web servers, from the snippets the package ships

    def _shipped(self, relative, into, changes=()):
        """Copies a shipped snippet with its paths changed to this stack's; a path not found is an error."""
        with open(os.path.join(SRC, "conf", relative)) as f:
            text = f.read()
        for old, new in changes:
            if old not in text:
                raise StackError(f"conf/{relative} no longer contains {old}")
            text = text.replace(old, new)
        os.makedirs(os.path.dirname(into), exist_ok=True)
        with open(into, "w") as f:
            f.write(text)

    def web_root(self):
        return os.environ.get("WEIR_WEB_ROOT") or os.path.join(SRC, "web", "dist")

    def small_web(self):
        """A web app of a few files, for servers that are another user and may not get to the tree."""
        web = self.folder + "/web"
        for name, text in {"index.html": "<!doctype html><title>small</title>", "assets/a-12345678.js": "//", "frames/artifact.html": "<!doctype html>"}.items():
            os.makedirs(os.path.dirname(f"{web}/{name}"), exist_ok=True)
            with open(f"{web}/{name}", "w") as f:
                f.write(text)
        return web

    def start_nginx(self, port, processes=1, more="", name="nginx", connections=16384):
        home = f"{self.folder}/{name}"
        os.makedirs(home + "/tmp", exist_ok=True)
        shutil.copy("/etc/nginx/fastcgi_params", home + "/fastcgi_params")
        fcgi = [("/run/weir/fcgi.sock", self.fcgi_path)]
        self._shipped("nginx/weir-upstream.conf", home + "/conf.d/weir-upstream.conf", fcgi)
        self._shipped("nginx/weir-fastcgi.conf", home + "/snippets/weir-fastcgi.conf")
        self._shipped("nginx/weir.conf", home + "/snippets/weir.conf",
                      [("/usr/share/weir/web", self.web_root()), ("/var/lib/weir/uploads", self.uploads)])
        temps = "".join(f"\t{kind}_temp_path {home}/tmp/{kind};\n"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(home + "/nginx.conf", "w") as f:
            # As root the workers stay root: the tree they serve may be readable to root only,
            # and they listen on loopback only.
            f.write(("user root;\n" if self.as_root else "") + f"""\
daemon off;
pid {home}/nginx.pid;
error_log {self.folder}/log/{name}-error.log warn;
worker_processes {processes};
worker_rlimit_nofile 65536;
events {{ worker_connections {connections}; }}
http {{
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
	access_log off;
	sendfile on;
{temps}	include conf.d/*.conf;
	server {{
		listen 127.0.0.1:{port} backlog=4096;
		server_name localhost;
		include snippets/weir.conf;
{more}	}}
}}
""")
        self.daemons.start(name, [tool("nginx"), "-p", home, "-e", f"{self.folder}/log/{name}-error.log",
                                  "-c", home + "/nginx.conf"])
        self._wait_port(name, port)

    def start_apache(self, port, fcgid=False):
        """Apache with mod_proxy_fcgi, or with mod_fcgid, which starts the responders itself."""
        home = self.folder + "/apache"
        modules = "/usr/lib/apache2/modules"
        load = ["mpm_event", "authz_core", "mime", "dir", "unixd", "env", "setenvif", "headers"]
        load += ["fcgid"] if fcgid else ["proxy", "proxy_fcgi"]
        load += ["xsendfile"]
        uploads = [("/var/lib/weir/uploads", self.uploads)]
        os.makedirs(home + "/htdocs", exist_ok=True)
        if fcgid:
            self._shipped("apache2/weir-fcgid.conf", home + "/weir.conf",
                          [("/usr/sbin/weir-fcgi", self._responder_for_all(home + "/responder")), *uploads])
        else:
            self._shipped("apache2/weir.conf", home + "/weir.conf",
                          [("/run/weir/fcgi.sock", self.fcgi_path), ("/usr/share/weir/web", self.small_web()), *uploads])
        built_in = subprocess.run([tool("apache2"), "-l"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  text=True).stdout
        lines = [f"LoadModule {m}_module {modules}/mod_{m}.so" for m in load
                 if f"mod_{m}.c" not in built_in and os.path.exists(f"{modules}/mod_{m}.so")]
        if self.as_root:
            # Apache refuses to serve as root: the responder's socket is opened to its user instead.
            os.chmod(self.fcgi_path, 0o666) if os.path.exists(self.fcgi_path) else None
            os.chmod(home, 0o755)
            lines += ["User www-data", "Group www-data"]
        if fcgid:
            lines += [f"FcgidIPCDir {self.sockets}/fcgid", f"FcgidProcessTableFile {home}/fcgid_shm"]
            os.makedirs(self.sockets + "/fcgid", exist_ok=True)
            self.open_to_all(self.sockets + "/fcgid")
            if self.as_root:
                # The responders run as Apache's user, who gets to what is this test's alone.
                self.open_to_all(self.redis_path, self.pg_dir, self.pg_dir + "/.s.PGSQL.5432")
                self.open_to_all(*(os.path.join(top, d) for top, folders, _ in os.walk(self.uploads)
                                   for d in ["", *folders]))
        with open(home + "/apache2.conf", "w") as f:
            f.write("\n".join(lines) + f"""
ServerName localhost
ServerRoot {home}
PidFile {home}/apache2.pid
DefaultRuntimeDir {home}
ErrorLog {self.folder}/log/apache-error.log
TypesConfig /etc/mime.types
Listen 127.0.0.1:{port}
DocumentRoot {home + "/htdocs" if fcgid else self.small_web()}
MaxRequestWorkers 150
Include {home}/weir.conf
""")
        self.daemons.start("apache", [tool("apache2"), "-f", home + "/apache2.conf", "-DFOREGROUND"])
        self._wait_port("apache", port)

    def _responder_for_all(self, folder):
        """The command of a responder that another user starts, who may not get to the tree: one below /root."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(SRC + "/migrations", folder + "/migrations")
        program = shutil.copy(self.program("weir-fcgi"), folder)
        with open(self.conf_path) as f:
            text = f.read().replace(SRC + "/migrations", folder + "/migrations")
        self.write_private(folder + "/weir.conf", text)
        self.open_to_all(*(os.path.join(top, name) for top, _, names in os.walk(folder) for name in ["", *names]))
        return f"{program} -c {folder}/weir.conf"

    @staticmethod
    def open_to_all(*paths):
        for path in paths:
            os.chmod(path, 0o777)

    def start_lighttpd(self, port):
        home = self.folder + "/lighttpd"
        self._shipped("lighttpd/weir.conf", home + "/weir.conf",
                      [("/run/weir/fcgi.sock", self.fcgi_path), ("/usr/share/weir/web", self.small_web()), ("/var/lib/weir/uploads", self.uploads)])
        os.makedirs(home + "/htdocs", exist_ok=True)
        with open(home + "/lighttpd.conf", "w") as f:
            f.write(f"""\
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{home}/htdocs"
index-file.names = ( "index.php", "index.html" )
server.errorlog = "{self.folder}/log/lighttpd-error.log"
server.upload-dirs = ( "{home}" )
include "{home}/weir.conf"
""")
        self.daemons.start("lighttpd", [tool("lighttpd"), "-D", "-f", home + "/lighttpd.conf"])
        self._wait_port("lighttpd", port)

    # -- the end

    def stop_all(self):
        """Stops front ends first, data last."""
        order = ["nginx", "apache", "lighttpd"]
        names = self.daemons.names()
        middle = [n for n in names if n not in order + ["demo", "redis", "postgres"]]
        for name in [n for n in order if n in names] + middle + [n for n in ("demo", "redis") if n in names]:
            self.daemons.stop(name)
        if "postgres" in names:
            self.stop_postgres()


if sys.version_info < (3, 9):
    raise SystemExit("Python 3.9 or newer is needed")
