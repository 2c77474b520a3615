"""What the benchmarks share: a Weir of their own, the load tool, CPU by program, the table.

A time or rate is taken in rounds; in each round both sides of a comparison run
one after the other, so that a slow minute of the machine hits both. What is
printed is the median of the rounds.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.dirname(HERE)
sys.path.insert(0, SRC + "/tests/lib")

import weirstack  # noqa: E402
import weirtest  # noqa: E402

ACCOUNTS = 10000
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# High enough to refuse nobody, but asked all the same: the check is part of what is measured.
UNREACHABLE = "100000000/1m"
ACCOUNT = "00000000-0000-7000-8001-%012x"  # as in sql/setup.sql
CONVERSATION = "00000000-0000-7000-8002-%012x"
SESSION = "00000000-0000-7000-8003-%012x"


def say(text):
    print(text, file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values)


def program(name):
    path = os.path.join(weirstack.build_dir(), name)
    if not os.path.exists(path):
        raise weirstack.StackError(f"{path} is missing: run ./dev build")
    return path


# ---- what the machine does ----------------------------------------------------


def _stat(pid):
    """(parent, user+system seconds, those of ended children) of a process, or None."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            fields = f.read().rsplit(b")", 1)[1].split()
    except OSError:
        return None
    own, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return int(fields[1]), own * TICK_S, ended * TICK_S


def tree(root):
    """Pids of a process and everything below it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _stat(name)):
            parents.setdefault(stat[0], []).append(int(name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents.get(pid, [])
    return found


def cpu_of(root):
    """CPU seconds of a process tree so far, ended children included."""
    total = 0.0
    for pid in tree(root):
        if stat := _stat(pid):
            total += stat[1] + stat[2]
    return total


def cpu_busy():
    """(busy, all) CPU seconds of the machine since boot."""
    with open("/proc/stat") as f:
        fields = [int(v) * TICK_S for v in f.readline().split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def memory(pid, field="VmRSS"):
    """A line of /proc/PID/status in bytes; 0 when the process is gone."""
    try:
        with open(f"/proc/{pid}/status") as f:
            found = re.search(rf"^{field}:\s+(\d+) kB", f.read(), re.M)
    except OSError:
        return 0
    return int(found.group(1)) * 1024 if found else 0


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M).group(1)) * 1024


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    with open("/proc/meminfo") as f:
        memory_kb = int(re.search(r"MemTotal:\s+(\d+)", f.read()).group(1))
    return {"cores": len(os.sched_getaffinity(0)), "cpu": model.group(1) if model else platform.machine(),
            "memory_bytes": memory_kb * 1024, "kernel": platform.release(), "load": os.getloadavg()}


def _first_line(*argv):
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10)
        return done.stdout.strip().splitlines()[0] if done.stdout.strip() else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""


def versions():
    found = {"weir": _first_line(program("weir-fcgi"), "--version"),
             "commit": _first_line("git", "-C", SRC, "rev-parse", "HEAD"),
             "postgresql": _first_line(weirstack.pg_bin("postgres"), "--version"),
             "redis": _first_line(weirstack.tool("redis-server"), "--version"),
             "nginx": _first_line(weirstack.tool("nginx"), "-v"),
             "python": platform.python_version()}
    if re.search("fatal|not a git", found["commit"]):
        found["commit"] = ""
    for package in ("libfcgi0ldbl", "libcurl4", "libpq5", "libhiredis0.14", "libevent-2.1-7", "gcc"):
        found[package] = _first_line("dpkg-query", "-W", "-f", "${Version}", package)
    if shutil.which("node"):
        found["node"] = _first_line("node", "--version")
    return found


# ---- the stack -------------------------------------------------------------------


class Bench(weirtest.Services):
    """A private Weir with 10,000 funded accounts, a conversation and a session each.

    Limits are counted but refuse nobody. PostgreSQL writes through to the disk
    unless durable is False.
    """

    def __init__(self, durable=True):
        super().__init__()
        self.shared, self.durable = None, durable
        self.pg_settings = {"shared_buffers": "256MB", "max_wal_size": "4GB", "checkpoint_timeout": "30min"}

    def base_conf(self):
        conf = super().base_conf()
        conf["limits"] = {name: UNREACHABLE for name in (*conf["limits"], "rate_relay")}
        del conf["server"]["workers"]  # as shipped
        conf["log"] = {"level": "warn"}
        return conf

    def up(self):
        self.port = weirstack.free_port()
        self.nginx_home()
        self.write_conf({"server": {"base_url": f"http://127.0.0.1:{self.port}"}})
        self.add_demo_models()
        self.make_accounts()
        self.start_pool(2)
        self.start_worker()
        self.start_nginx(self.port, processes=2, connections=32768, more=f"""\
		location /upstream/ {{
			proxy_pass http://bench_demo/;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering off;
			proxy_read_timeout 300s;
			gzip off;
		}}
		location = /hello {{
			include fastcgi_params;
			fastcgi_pass bench_hello;
			fastcgi_keep_conn on;
			fastcgi_buffering off;
		}}
		location = /hello-each {{
			include fastcgi_params;
			fastcgi_pass unix:{self.sockets}/hello;
		}}
""")
        self.start_hello()
        self.settle_statistics()

    def settle_statistics(self):
        """Some turns, then ANALYZE: the state autovacuum leaves a site in from its second minute on."""
        targets = self.turn_targets("first", "deltas=20")
        self.load(targets, "-c", 8, "-n", 3000, "-d", 30)
        with self.pg() as pg:
            pg.script("ANALYZE")
        self.load(targets, "-c", 50, "-n", 500, "-d", 10)

    def nginx_home(self):
        """The upstreams of the counterparts, with the same keep-alive as Weir's."""
        os.makedirs(self.folder + "/nginx/conf.d", exist_ok=True)
        keep = "\tkeepalive 64;\n\tkeepalive_requests 100000;\n"
        with open(self.folder + "/nginx/conf.d/bench.conf", "w") as f:
            f.write(f"upstream bench_demo {{\n\tserver 127.0.0.1:{self.demo_port} max_fails=0;\n{keep}}}\n"
                    f"upstream bench_hello {{\n\tserver unix:{self.sockets}/hello max_fails=0;\n{keep}}}\n")

    def start_hello(self):
        # libfcgi takes a thread for each connection nginx keeps, and those of /hello-each
        self.daemons.start("hello", [program("bench/hello"), self.sockets + "/hello", "2", "128"])
        weirstack.wait_until(lambda: os.path.exists(self.sockets + "/hello"), "bench/hello")

    def make_accounts(self):
        say(f"  {ACCOUNTS} accounts")
        self.psql("-v", f"accounts={ACCOUNTS}", "-f", HERE + "/sql/setup.sql")
        with self.pg() as pg:
            pg.query("INSERT INTO sessions (id, user_id, expires_at) SELECT replace(id::text, '-8001-', '-8003-')::uuid,"
                     " id, now() + interval '1 day' FROM users WHERE email LIKE '%@bench'")
            pg.script("VACUUM ANALYZE")

    def psql(self, *args):
        done = subprocess.run([weirstack.pg_bin("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", self.pg_dir, "-U", "postgres",
                               "-d", self.database, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise weirstack.StackError("psql: " + done.stdout)
        return done.stdout

    def token(self, user, session):
        """An access token, signed as account/jwt.c signs them."""
        def part(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=")

        now, secret = int(time.time()), self.secret("jwt")
        key = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
        claims = {"iss": "weir", "aud": "weir", "sub": user, "sid": session, "iat": now, "nbf": now, "exp": now + 43200}
        text = b".".join(part(json.dumps(p).encode()) for p in ({"alg": "HS256", "typ": "JWT", "kid": "k1"}, claims))
        return (text + b"." + part(hmac.new(key, text, hashlib.sha256).digest())).decode()

    def account_token(self, n):
        return self.token(ACCOUNT % n, SESSION % n)

    # -- files of requests

    def targets(self, name, lines):
        """A file for the load tool from (method, path, token or None, body or None)."""
        path = f"{self.folder}/{name}.targets"
        with open(path, "w") as f:
            for method, url, token, body in lines:
                f.write("\t".join((method, url, token or "-", "-" if body is None else json.dumps(body))) + "\n")
        return path

    def turn_targets(self, name, words, count=ACCOUNTS):
        """A turn of each account in its own conversation."""
        body = {"content": question(words), "model": "demo-fast"}
        return self.targets(name, (("POST", f"/api/conversations/{CONVERSATION % n}/messages/stream",
                                    self.account_token(n), body) for n in range(1, count + 1)))

    def api_keys(self, count):
        """An API key of each of so many accounts."""
        if not hasattr(self, "made_keys"):
            self.made_keys = []
        for n in range(len(self.made_keys) + 1, count + 1):
            conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            conn.request("POST", "/api/keys", '{"name": "bench"}', {
                "Content-Type": "application/json", "Authorization": "Bearer " + self.account_token(n)})
            self.made_keys.append(json.loads(conn.getresponse().read())["key"])
            conn.close()
        return self.made_keys[:count]

    def relay_targets(self, name, words, stream=True, keys=None, model="demo-fast", path="/v1/chat/completions"):
        """A chat completion, or a message, through each of some API keys."""
        body = {"model": model, "stream": stream, "max_tokens": 4000,
                "messages": [{"role": "user", "content": question(words)}]}
        return self.targets(name, [("POST", path, key, body) for key in keys or self.api_keys(64)])

    def upstream_targets(self, name, words, path="/upstream/v1/chat/completions", stream=True, token="demo"):
        """The same question to the model provider itself."""
        body = {"model": "demo-fast", "stream": stream, "max_tokens": 4000,
                "messages": [{"role": "user", "content": question(words)}]}
        if stream:
            body["stream_options"] = {"include_usage": True}
        return self.targets(name, [("POST", path, token, body)])

    # -- load

    def roots(self):
        """Root processes whose CPU is told apart."""
        return {name: pid for name in ("pool", "worker", "nginx", "postgres", "redis", "demo", "hello", "portkey", "litellm")
                if (pid := self.daemons.pid(name))}

    def load(self, targets, *options, port=None, during=None):
        """Runs the load tool against nginx; its report, with CPU by program and what others took.

        during is called in a thread of its own while the load runs.
        """
        roots = self.roots()
        thread = during and threading.Thread(target=during)
        before, busy, began = {n: cpu_of(p) for n, p in roots.items()}, cpu_busy(), time.monotonic()
        child = subprocess.Popen([program("bench/load/load"), "-a", f"127.0.0.1:{port or self.port}", "-f", targets,
                                  *map(str, options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if thread:
            thread.start()
        out, err = child.communicate()
        if thread:
            thread.join()
        if child.returncode != 0:
            raise weirstack.StackError("load: " + err)
        report = json.loads(out)
        cpu = {n: cpu_of(p) - before[n] for n, p in roots.items() if self.daemons.pid(n)}
        cpu["load"] = report["cpu_s"]
        after, cores = cpu_busy(), len(os.sched_getaffinity(0))
        took = time.monotonic() - began
        report["cpu_us_each"] = {n: round(s * 1e6 / max(1, report["total"]), 1) for n, s in cpu.items()}
        report["weir_us_each"] = round(report["cpu_us_each"].get("pool", 0), 1)
        # what neither we nor the load used: the other work of the machine, which slows both
        report["others_cores"] = round(max(0.0, after[0] - busy[0] - sum(cpu.values())) / took, 2)
        report["idle_cores"] = round(cores - (after[0] - busy[0]) / took, 2)
        report["options"] = [str(o) for o in options]
        if report["failed"]:
            say(f"    {report['failed']} of {report['total']} failed: {report['errors']}")
        return report

    def restart_pool(self):
        self.daemons.stop("pool")
        self.start_pool(2)
        weirstack.wait_until(lambda: self.get("/readyz").status == 200, "the pool is ready")

    def responder_memory(self, field="VmRSS"):
        return [memory(pid, field) for pid in self.responders()]


def question(words):
    return f"What is the answer to all of it, in one short paragraph? [[demo {words}]]"


def raise_descriptors(wanted):
    """As many as we may have, for all that is started here; how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted and os.geteuid() == 0:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
        except (ValueError, OSError):
            pass
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def disk_sync_us(folder, times=50):
    """Median time of an 8 KB write with fdatasync(), which is what a commit waits for."""
    took, fd = [], os.open(folder + "/sync", os.O_RDWR | os.O_CREAT)
    for i in range(times):
        began = time.monotonic()
        os.pwrite(fd, bytes(8192), (i % 16) * 8192)
        os.fdatasync(fd)
        took.append((time.monotonic() - began) * 1e6)
    os.close(fd)
    return median(took)


def pgbench(bench, script, accounts, seconds, run, clients=8):
    """Transactions per second of one of bench/sql, over `clients` connections."""
    done = subprocess.run(
        [weirstack.pg_bin("pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds),
         "-D", f"accounts={accounts}", "-D", "seq=0", "-D", f"run={run}", "-f", f"{HERE}/sql/{script}.sql",
         "-h", bench.pg_dir, "-U", "weir", bench.database],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    if done.returncode != 0 or not found:
        raise weirstack.StackError(f"pgbench {script}: {done.stdout}{done.stderr}")
    return float(found.group(1))


def drive(bench, work, keys, seconds, threads=8, warmup=0.5):
    done = subprocess.run([program("bench/drive"), "-c", bench.conf_path, "-t", str(threads), "-d", str(seconds),
                           "-w", str(warmup), work, str(keys)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise weirstack.StackError(f"drive {work}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


# ---- the table -----------------------------------------------------------------------


class Row:
    """One line of the table: two sides, what they come to, what was wanted."""

    def __init__(self, case, what, weir, other, result, wanted, met):
        self.case, self.what, self.weir, self.other = case, what, weir, other
        self.result, self.wanted, self.met = result, wanted, met

    def json(self):
        return vars(self)


def table(rows):
    head = ("", "what", "Weir", "counterpart", "comes to", "to reach", "")
    lines = [head] + [(r.case, r.what, r.weir, r.other, r.result, r.wanted,
                       "" if r.met is None else "met" if r.met else "NOT MET") for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    out = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in lines]
    out.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(out)


def ms(us):
    return f"{us / 1000:.2f} ms" if us < 10000 else f"{us / 1000:.1f} ms"


def us(value):
    return f"{value:.0f} µs" if abs(value) < 10000 else ms(value)


def more(value, unit):
    """A difference with its sign, as unit() writes it."""
    return ("+" if value >= 0 else "−") + unit(abs(value))


def rate(value, unit="/s"):
    return f"{value:,.0f}{unit}"


def size(value):
    return f"{value / 1048576:.1f} MB" if value >= 1048576 else f"{value / 1024:.1f} KB"
