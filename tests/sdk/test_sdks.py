#!/usr/bin/python3
"""The official SDKs, as their vendors publish them, through a Weir of their own: nginx, pool, weir-demo.

usage: test_sdks.py [part of a script's name]
       test_sdks.py --serve [name]   only start it, and print the environment of the scripts

Prints TAP. The examples of docs/CLIENTS.md are run first. Each SDK has a script beside
this one, which checks what it gets and asks the witness, below, what the server saw of
it. The SDKs are fetched once, by npm and pip, into tests/sdk of the build; where they
cannot be, they are skipped.
"""

import contextlib
import fcntl
import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import weirstack  # noqa: E402
import weirtest  # noqa: E402

# Weir itself asks once, so that what a provider is asked is what the SDK asked.
CONF = {"upstream": {"first_byte_timeout": "5s", "retries": "0"}, "stream": {"disconnect_grace": "0"},
        "server": {"keepalive": "200ms"}}
SCRIPTS = [("openai node", "openai.mjs"), ("responses node", "responses.mjs"), ("anthropic node", "anthropic.mjs"),
           ("gemini node", "gemini.mjs"), ("openai python", "openai_sdk.py"), ("responses python", "responses_sdk.py"),
           ("anthropic python", "anthropic_sdk.py"), ("gemini python", "gemini_sdk.py"),
           ("openai ops node", "openai_ops.mjs"), ("gemini ops node", "gemini_ops.mjs"),
           ("openai ops python", "openai_ops_sdk.py"), ("gemini ops python", "gemini_ops_sdk.py")]
LIMIT_S = 240
PLACE = os.path.join(weirstack.build_dir(), "tests", "sdk")


# ---- the SDKs ----------------------------------------------------------------


class Missing(Exception):
    """Why an SDK cannot be tried here."""


def fetch(what, *command, cwd=None):
    try:
        done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        raise Missing(f"{what} did not come within 600 s") from None
    if "EUSAGE" in done.stdout:  # no want of a network: package.json and its lock disagree
        raise RuntimeError(done.stdout)
    if done.returncode:
        said = [line.strip() for line in done.stdout.splitlines() if re.search("error", line, re.I)]
        raise Missing(f"{what} could not be fetched: {said[0] if said else f'status {done.returncode}'}")


def made_from(*names, more=""):
    """What a folder of SDKs was made from, to know whether it is still that."""
    found = hashlib.sha256(more.encode())
    for name in names:
        with open(os.path.join(HERE, name), "rb") as f:
            found.update(f.read())
    return found.hexdigest()


@contextlib.contextmanager
def folder_of(name, stamp):
    """A folder below PLACE: yields (path, whether it must be made). It counts as made when the block ends well."""
    folder = os.path.join(PLACE, name)
    os.makedirs(PLACE, exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        note = os.path.join(folder, ".made")
        is_made = False
        with contextlib.suppress(OSError), open(note) as f:
            is_made = f.read() == stamp
        if not is_made:
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
        yield folder, not is_made
        with open(note, "w") as f:
            f.write(stamp)


def node():
    """How a script is run with the SDKs for Node. They are found from where the script is: it is copied beside them."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise Missing("no node: install nodejs and npm")
    version = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if int(re.match(r"v?(\d+)", version).group(1)) < 20:
        raise Missing(f"node is {version}: the SDKs need 20 or newer")
    with folder_of("node", made_from("package-lock.json", more=version)) as (folder, is_new):
        if is_new:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(os.path.join(HERE, name), folder)
            fetch("the SDKs for Node", "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
        for name in os.listdir(HERE):
            if name.endswith(".mjs"):
                shutil.copy(os.path.join(HERE, name), folder)
    return lambda script: ["node", os.path.join(folder, script)]


def python():
    with folder_of("venv", made_from("requirements.txt", more=sys.version)) as (folder, is_new):
        program = os.path.join(folder, "bin", "python")
        if is_new:
            fetch("a venv", sys.executable, "-m", "venv", folder)
            fetch("the SDKs for Python", program, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r",
                  os.path.join(HERE, "requirements.txt"))
    return lambda script: [program, os.path.join(HERE, script)]


# ---- what the server saw -----------------------------------------------------


class Weir(weirtest.Services):
    """One whose nginx notes its requests, with a model for each wire that weir-demo speaks."""

    wires = {"openai": "demo-fast"}

    def add_demo_models(self):
        super().add_demo_models()
        base = f"http://127.0.0.1:{self.demo_port}"
        for wire, path in (("responses", "/v1/responses"), ("anthropic", "/v1/messages"),
                           ("gemini", "/v1beta/models/demo-fast:generateContent")):
            if self.request("POST", path, body=b"{}", port=self.demo_port).status == 404:
                continue
            self.wires = {**self.wires, wire: f"over-{wire}"}
            self.weirctl("model", "add", f"over-{wire}", "--input", "1", "--output", "2", "--context", "32000",
                         "--max-output", "4000", "--abilities", "vision,reasoning")
            self.weirctl("channel", "add", f"over-{wire}", "--provider", wire, "--url", base, "--key-stdin", "--allow-private",
                         "--model", f"over-{wire}=demo-fast", input="demo\n")

        self.add_ops_models(base)

    def add_ops_models(self, base):
        """A model of each type that is no chat's."""
        kinds = {"vec-openai": "embedding", "vec-google": "embedding", "judge": "moderation", "painter": "image", "voice": "audio"}
        for name, kind in kinds.items():
            self.weirctl("model", "add", name, "--type", kind, "--input", "1", "--output", "2", "--call", "0.01",
                         "--context", "32000", "--max-output", "4000")
        for wire, names in (("gemini", ["vec-google"]), ("openai", [n for n in kinds if n != "vec-google"])):
            self.weirctl("channel", "add", f"ops-{wire}", "--provider", wire, "--url", base, "--key-stdin", "--allow-private",
                         *[w for n in names for w in ("--model", f"{n}=demo-fast")], input="demo\n")

    def start_nginx(self, port, **more):
        self.access_log = self.folder + "/log/access.log"
        super().start_nginx(port, more=f"\t\taccess_log {self.access_log};\n", **more)

    def requests(self, since):
        """(statuses of the requests from this place of the log on, the place behind them)"""
        with open(self.access_log) as f:
            f.seek(since)
            text = f.read()
        return [int(s) for s in re.findall(r'^[^"]*"(?:POST|GET|DELETE) [^"]*" (\d+)', text, re.M)], since + len(text.encode())

    def calls(self, user_id):
        """The usage rows of the user's relayed calls, oldest first."""
        with self.pg() as pg:
            rows = pg.query("SELECT u.status, u.error_code, u.request_tokens, u.response_tokens, u.cost FROM usage u"
                            " LEFT JOIN tasks t ON t.id = u.task_id WHERE u.user_id = $1"
                            " AND coalesce(t.type, 'relay') = 'relay' ORDER BY u.id", user_id)
        return [{"status": r[0], "error_code": r[1], "input_tokens": int(r[2]), "output_tokens": int(r[3]), "cost": float(r[4])}
                for r in rows]


class Witness(http.server.ThreadingHTTPServer):
    """Tells the scripts what the server saw: GET /USER/calls, GET /USER/requests?since=PLACE."""

    daemon_threads = True

    def __init__(self, weir):
        self.weir = weir
        super().__init__(("127.0.0.1", 0), WitnessAnswer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, user):
        return f"http://127.0.0.1:{self.server_address[1]}/{user.id}"


class WitnessAnswer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        _, user_id, what = path.split("/")
        weir = self.server.weir
        if what == "calls":
            answer = weir.calls(user_id)
        else:
            time.sleep(0.1)  # nginx notes a request when its answer is gone
            statuses, place = weir.requests(int(urllib.parse.parse_qs(query).get("since", ["0"])[0]))
            answer = {"statuses": statuses, "place": place}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


# ---- running ----------------------------------------------------------------


def key_of(weir, user, **limits):
    answer = weir.post("/api/keys", {"name": "sdk", **limits}, user)
    if answer.status != 201:
        raise weirtest.StackError(f"a key: {answer}")
    return answer.json["key"]


def environment(weir, witness):
    """A user of its own for each script, one without credits, and keys that are for less."""
    user, poor = weir.make_user(), weir.make_user(credits="0.000001")
    return {"WEIR_URL": f"http://127.0.0.1:{weir.port}", "WEIR_KEY": key_of(weir, user), "WEIR_POOR_KEY": key_of(weir, poor),
            "WEIR_RARE_KEY": key_of(weir, user, rpm=1), "WEIR_OTHER_KEY": key_of(weir, user, scopes=["embeddings"]),
            "WEIR_WITNESS": witness.url(user), "WEIR_WIRES": json.dumps(weir.wires)}


class Tap:
    def __init__(self):
        self.number = self.failed = 0

    def line(self, ok, name, notes=""):
        self.number += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.number} - {name}")
        for note in notes.splitlines():
            print(f"# {note}")
        sys.stdout.flush()


def of_scripts(env):
    """The environment of a script: what somebody has set for the SDKs of a real vendor is not for these."""
    kept = {name: value for name, value in os.environ.items()
            if not re.match("OPENAI_|ANTHROPIC_|GEMINI_|GOOGLE_|PYTHONPATH|.*_proxy$", name, re.I)}
    return {**kept, **env, "PYTHONDONTWRITEBYTECODE": "1"}


def run(tap, label, command, env):
    """Numbers the lines of a script and puts its SDK in front of them."""
    process = subprocess.Popen(command, env=of_scripts(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    ends = threading.Timer(LIMIT_S, process.kill)
    ends.start()
    try:
        for line in process.stdout:
            if m := re.match(r"(ok|not ok) - (.*)", line):
                tap.line(m.group(1) == "ok", f"{label}: {m.group(2)}")
            elif line.strip():
                print("# " + line.rstrip().removeprefix("# "), flush=True)
        status = process.wait()
    finally:
        ends.cancel()
    if status:
        tap.line(False, f"{label}: the script runs to its end", f"status {status}")


def run_documented(tap, how, env):
    """The examples of docs/CLIENTS.md, with this Weir's address, key and model."""
    with open(os.path.join(HERE, "..", "..", "docs", "CLIENTS.md"), encoding="utf-8") as f:
        examples = re.findall(r"^```(python|js)\n(.*?)^```", f.read(), re.M | re.S)
    for number, (language, text) in enumerate(examples, 1):
        start = how[".mjs" if language == "js" else ".py"]
        name = f"docs/CLIENTS.md: example {number}, {language}"
        if isinstance(start, str):
            tap.line(True, f"{name} # SKIP {start}")
            continue
        ours = {"https://chat.example.org": env["WEIR_URL"], "wk-...": env["WEIR_KEY"], "gpt-4o-mini": "demo-fast"}
        for said, meant in ours.items():
            text = text.replace(said, meant)
        folder, ending = {"js": ("node", "mjs"), "python": ("venv", "py")}[language]
        place = os.path.join(PLACE, folder, f"example{number}.{ending}")
        with open(place, "w", encoding="utf-8") as f:
            f.write(text)
        done = subprocess.run([start(place)[0], place], env=of_scripts({}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
        ok = done.returncode == 0 and "You wrote: *Hello*" in done.stdout
        tap.line(ok, name, "" if ok else done.stdout)
    if not examples:
        tap.line(False, "docs/CLIENTS.md has examples")


def main():
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    scripts = [(label, script) for label, script in SCRIPTS if all(w in label or w in script for w in wanted)]
    tap = Tap()
    how = {}
    for kind, ending in ((node, ".mjs"), (python, ".py")):
        try:
            how[ending] = kind()
        except Missing as e:
            how[ending] = str(e)
    if all(isinstance(h, str) for h in how.values()):
        print(f"1..0 # SKIP {'; '.join(how.values())}")
        return 0
    with Weir() as weir:
        weir.up(CONF)
        witness = Witness(weir)
        if "--serve" in sys.argv:
            print("\n".join(f"export {k}='{v}'" for k, v in environment(weir, witness).items()), flush=True)
            signal.sigwait([signal.SIGTERM, signal.SIGINT])
            return 0
        if not wanted:
            run_documented(tap, how, environment(weir, witness))
        for label, script in scripts:
            start = how[os.path.splitext(script)[1]]
            if isinstance(start, str):
                tap.line(True, f"{label} # SKIP {start}")
                continue
            run(tap, label, start(script), environment(weir, witness))
            try:
                weir.audit()
                tap.line(True, f"{label}: the ledger is right after all of it")
            except weirtest.StackError as e:
                tap.line(False, f"{label}: the ledger is right after all of it", str(e))
    print(f"1..{tap.number}")
    return 0


sys.exit(main())
