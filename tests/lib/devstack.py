"""The Weir of ./dev run: a Stack that lasts, provisioned and described.

usage: devstack.py up|run|down|reset|info|curl    (started by ./dev; state in $WEIR_STATE_DIR or .run)

Starting again is harmless: what runs stays, what is missing is started, a
program built anew is restarted, accounts and models that exist are kept.
"""

import json
import os
import secrets
import shlex
import signal
import socket
import sys
import time

import weirstack
from weirstack import Stack, StackError

DEMO_MODELS = ("demo", "demo-fast", "demo-slow")
DEMO_KNOWLEDGE = (("demo-embedding", "embedding"), ("demo-rerank", "rerank"))
# Credits per million tokens in and out. With 1 credit = 1/1000 USD this is the list price of gpt-4o-mini.
PRICE = ("150", "600")
WELCOME_CREDITS = "1000"


def say(text):
    print(text, flush=True)


class DevStack(Stack):
    def __init__(self):
        super().__init__(os.environ.get("WEIR_STATE_DIR") or os.path.join(weirstack.SRC, ".run"), durable=True)
        os.chmod(self.folder, 0o711 if self.as_root else 0o700)
        self.port = int(os.environ.get("WEIR_PORT") or self.known("port") or 8080)
        self.url = f"http://127.0.0.1:{self.port}"
        self.env_path = self.folder + "/env"

    # -- small facts that last

    def known(self, key, value=None):
        path = self.folder + "/stack.json"
        try:
            with open(path) as f:
                facts = json.load(f)
        except (OSError, ValueError):
            facts = {}
        if value is not None and facts.get(key) != value:
            facts[key] = value
            with open(path, "w") as f:
                json.dump(facts, f)
        return facts.get(key)

    def env(self):
        """The accounts: made at first, then read from the env file."""
        found = {}
        if os.path.exists(self.env_path):
            with open(self.env_path) as f:
                for line in f:
                    name, _, value = line.strip().removeprefix("export ").partition("=")
                    found[name] = "".join(shlex.split(value))
        env = {"WEIR_URL": self.url}
        for name, value in (("WEIR_LOGIN", "demo@example.org"), ("WEIR_PASSWORD", secrets.token_urlsafe(12)),
                            ("WEIR_ADMIN_LOGIN", "admin@example.org"),
                            ("WEIR_ADMIN_PASSWORD", secrets.token_urlsafe(12))):
            env[name] = found.get(name) or value
        self.write_private(self.env_path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in env.items()))
        return env

    def keys(self):
        """None here: weirctl setup makes them, in secrets.conf."""
        return {}

    # -- up

    def up(self):
        self.stop_outdated()
        if self.known("port") not in (None, self.port):
            for name in ("nginx", "pool", "worker"):
                self.daemons.stop(name)
        if not self.daemons.pid("nginx"):
            self.expect_free_port(self.port)
        self.known("port", self.port)
        self.start_postgres()
        self.start_redis()
        before = self.conf_text()
        # whoever registers can try it at once
        self.write_conf({"server": {"base_url": self.url}, "auth": {"signup_gift": "1000"}})
        self.make_database(conf=self.conf_path)
        if before != self.conf_text():
            for name in ("pool", "worker"):
                self.daemons.stop(name)
        self.weirctl("migrate", "up")
        env = self.env()
        self.start_provider()
        self.provision(env)
        if not self.daemons.pid("pool"):
            self.start_pool(2)
        if not self.daemons.pid("worker"):
            self.start_worker()
        if not self.daemons.pid("nginx"):
            self.start_nginx(self.port)
        return env

    def conf_text(self):
        try:
            with open(self.conf_path) as f:
                return f.read()
        except OSError:
            return ""

    def stop_outdated(self):
        """Stops programs that were built anew since they were started."""
        for name, program in (("pool", "weir-fcgi"), ("worker", "weir-worker"), ("demo", "weir-demo")):
            if self.daemons.pid(name) and os.stat(self.program(program)).st_mtime > self.daemons.started(name):
                self.daemons.stop(name)

    def expect_free_port(self, port):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError as e:
                raise StackError(f"port {port} on 127.0.0.1: {e.strerror}. Set WEIR_PORT to another.") from None

    def start_provider(self):
        """weir-demo, on the port it had before when that is still free."""
        port = self.known("demo_port")
        if self.daemons.pid("demo"):
            self.demo_port = port
            return
        try:
            self.expect_free_port(port or 0)
            port = port or weirstack.free_port()
        except StackError:
            port = weirstack.free_port()
        self.known("demo_port", port)
        self.start_demo(port)

    # -- accounts, credits, models

    def provision(self, env):
        with self.pg() as pg:
            for who, role in (("WEIR_ADMIN", "admin"), ("WEIR", "user")):
                login = env[who + "_LOGIN"]
                if pg.one("SELECT 1 FROM users WHERE lower(email) = lower($1)", login):
                    continue
                self.weirctl("user", "add", "--login", login, "--role", role, "--nickname", login.split("@")[0],
                             input=env[who + "_PASSWORD"] + "\n")
                self.weirctl("credits", "grant", login, WELCOME_CREDITS, "--reason", "welcome")
            key = os.environ.get("OPENAI_API_KEY")
            self.add_models(pg, DEMO_MODELS, ["--context", "32000", "--max-output", "4000", "--abilities",
                                              "vision,reasoning"], default=True)
            demo_url = f"http://127.0.0.1:{self.demo_port}/v1"
            self.add_channel(pg, "demo", demo_url, "demo", DEMO_MODELS, private=True)
            for name, kind in DEMO_KNOWLEDGE:
                self.add_models(pg, [name], ["--type", kind, "--context", "8192", "--max-output", "1"], default=True)
            self.add_channel(pg, "demo-knowledge", demo_url, "demo", [f"{name}=demo" for name, _ in DEMO_KNOWLEDGE], private=True)
            if key:
                models = (os.environ.get("OPENAI_MODEL") or "gpt-4o-mini").replace(",", " ").split()
                base = os.environ.get("OPENAI_BASE_URL")
                self.add_models(pg, models, ["--context", "128000", "--max-output", "4096", "--abilities", "vision"],
                                default=True)
                self.add_channel(pg, "openai", base or "https://api.openai.com/v1", key, models, private=bool(base))

    def add_models(self, pg, names, more, default):
        for i, name in enumerate(names):
            if pg.one("SELECT 1 FROM llm_models WHERE name = $1", name):
                continue
            self.weirctl("model", "add", name, "--input", PRICE[0], "--output", PRICE[1], *more,
                         *(["--default"] if default and i == 0 else []))

    def add_channel(self, pg, name, url, key, models, private):
        """The channel as given now: an older one with another address, key or models is replaced."""
        mark = json.dumps([url, key, list(models)])
        if pg.one("SELECT 1 FROM channels WHERE name = $1", name):
            if self.known("channel_" + name) == self.fingerprint(mark):
                return
            self.weirctl("channel", "remove", name)
        self.weirctl("channel", "add", name, "--provider", "openai", "--url", url, "--key-stdin",
                     *(["--allow-private"] if private else []), *(w for m in models for w in ("--model", m)),
                     input=key + "\n")
        self.known("channel_" + name, self.fingerprint(mark))

    def fingerprint(self, text):
        import hashlib
        import hmac

        return hmac.new(self.secret("fingerprint").encode(), text.encode(), hashlib.sha256).hexdigest()

    # -- telling

    def describe(self, env):
        say(f"""
Weir is running.

  {'page' if os.path.exists(self.web_root() + '/index.html') else 'API '}       {env['WEIR_URL']}/
  account    {env['WEIR_LOGIN']}  password {env['WEIR_PASSWORD']}
  admin      {env['WEIR_ADMIN_LOGIN']}  password {env['WEIR_ADMIN_PASSWORD']}
  state      {self.folder}  (logs in log/, the lines above as shell variables in env)

Log in, start a conversation and stream an answer:

{curl_line(env)}
""")

    def watch(self):
        """Until a signal comes; says so when a process dies."""
        stop = []
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, lambda *_: stop.append(1))
        dead = set()
        while not stop:
            for name in set(self.daemons.names()) - dead:
                if not self.daemons.pid(name) and not stop:
                    dead.add(name)
                    say(f"{name} ended; the end of {self.daemons.log(name)}:\n"
                        + weirstack.tail(self.daemons.log(name)))
            time.sleep(0.2)


def curl_line(env):
    """One line for a shell: logs in, makes a conversation, streams an answer."""
    url, login, password = env["WEIR_URL"], env["WEIR_LOGIN"], env["WEIR_PASSWORD"]
    body = json.dumps({"login": login, "password": password}, separators=(",", ":"))
    json_type = "-H 'Content-Type: application/json'"
    pick = "sed 's/.*\"{0}\":\"\\([^\"]*\\)\".*/\\1/'"
    return (
        f"T=$(curl -s {url}/api/auth/login {json_type} -d {shlex.quote(body)} | {pick.format('access_token')}); "
        f"C=$(curl -s {url}/api/conversations -H \"Authorization: Bearer $T\" {json_type} -d '{{}}' | "
        f"grep -o '\"id\":\"[^\"]*\"' | head -n1 | cut -d'\"' -f4); "
        f"curl -sN {url}/api/conversations/$C/messages/stream -H \"Authorization: Bearer $T\" {json_type} "
        "-d '{\"content\":\"Hello, what can you do?\"}'")


def main():
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if command not in ("up", "run", "down", "reset", "info", "curl"):
        sys.exit(__doc__)
    stack = DevStack()
    if command in ("down", "reset"):
        stack.stop_all()
        if command == "reset":
            stack.remove()
            say("Weir is stopped and its data are gone")
            return
        say("Weir is stopped; its data stay in " + stack.folder)
        return
    if command in ("info", "curl"):
        env = stack.env()
        say(curl_line(env)) if command == "curl" else stack.describe(env)
        return
    try:
        env = stack.up()
    except BaseException:
        if command == "run":
            stack.stop_all()
        raise
    stack.describe(env)
    if command == "run":
        say("Ctrl-C stops it.")
        stack.watch()
        say("Stopping …")
        stack.stop_all()


if __name__ == "__main__":
    try:
        main()
    except StackError as e:
        sys.exit(f"dev: {e}")
    except KeyboardInterrupt:
        sys.exit(130)
