"""Other gateways that run on this machine, and B8: the same chat through one of them.

Portkey's gateway (npm: @portkey-ai/gateway) passes requests on to a provider and translates between them: it keeps
no accounts, credits, conversations or journal. LiteLLM's proxy (PyPI: litellm) is asked with its master key, for a model
of its list with prices: it counts the tokens and the cost of each call, and keeps neither, because what it needs for
that (a database through Prisma, whose engines neither npm nor PyPI have) is not there. Both are asked directly,
without a web server in front; Weir is asked through nginx.

They are fetched on demand into ~/.cache/weir/bench, and by nothing but a run of the benchmarks.
"""

import http.client
import json
import os
import shutil
import subprocess
import sys

import weirstack
from benchlib import Row, median, ms, rate, say
from cases import lost, medians, p

PATH = "/v1/chat/completions"
FETCH_S, START_S = 900, 180


class Missing(Exception):
    """Why a peer cannot be asked here."""


def fetch(name, *command, **more):
    say(f"  fetching {name}")
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=FETCH_S, **more)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Missing(f"{name}: {e}") from None
    if done.returncode != 0:
        raise Missing(f"{name} could not be fetched: " + (done.stdout.strip().splitlines() or [""])[-1][:100])


class Peer:
    """One of them: install(), start(), ask; stop()."""

    name = package = version = token = None
    headers = ()

    def __init__(self, bench):
        self.bench, self.port = bench, None

    def __str__(self):
        return f"{self.package} {self.version}"

    @property
    def folder(self):
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        return os.path.join(cache, "weir", "bench", f"{self.name}-{self.version}")

    def install(self):
        """Fetches it once; raises Missing."""
        made = os.path.join(self.folder, ".made")
        if not os.path.exists(made):
            shutil.rmtree(self.folder, ignore_errors=True)
            os.makedirs(self.folder)
            self.fill()
            open(made, "w").close()

    def start(self):
        """Starts it on a loopback port and asks it once; raises Missing."""
        self.install()
        self.port = weirstack.free_port()
        self.run()
        try:
            weirstack.wait_until(self.answers, self.package, START_S, 0.2)
        except weirstack.StackError as e:
            self.stop()
            raise Missing(str(e).splitlines()[0]) from None
        for stream in (True, False):
            probe = self.load(self.targets(f"{self.name}-probe", "deltas=20", stream), "-c", 1, "-n", 1)
            if probe["failed"]:
                self.stop()
                raise Missing(f"{self} did not pass an answer on: {probe['errors']}")
        return self

    def answers(self):
        """Does it answer anything?"""
        if not self.bench.daemons.pid(self.name):
            raise weirstack.StackError(f"{self} ended: " + weirstack.tail(self.bench.daemons.log(self.name), 3))
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            conn.request("GET", "/health/liveliness")
            return conn.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            conn.close()

    def stop(self):
        self.bench.daemons.stop(self.name)

    def targets(self, name, words, stream=True):
        return self.bench.upstream_targets(name, words, PATH, stream, self.token)

    def load(self, targets, *options):
        return self.bench.load(targets, *options, *(o for h in self.headers for o in ("-H", h)), port=self.port)


class Portkey(Peer):
    name, package, version, token = "portkey", "@portkey-ai/gateway", "1.15.2", "demo"
    # Versions with which its streams work; its own ranges resolve to some with which they do not.
    overrides = {"@hono/node-server": "1.13.5", "hono": "4.9.7", "@hono/node-ws": "1.2.0"}

    @property
    def headers(self):
        return ("x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{self.bench.demo_port}/v1")

    def fill(self):
        if not shutil.which("node") or not shutil.which("npm"):
            raise Missing("Node.js and npm are not installed")
        with open(self.folder + "/package.json", "w") as f:
            json.dump({"private": True, "dependencies": {self.package: self.version}, "overrides": self.overrides}, f)
        fetch(self.package, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error", cwd=self.folder)

    def run(self):
        self.bench.daemons.start(
            self.name, ["node", f"{self.folder}/node_modules/{self.package}/build/start-server.js", "--headless",
                        f"--port={self.port}"], cwd=self.folder,
            env={"PORT": str(self.port), "NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.1"})


class LiteLLM(Peer):
    # The last version whose proxy PyPI has whole.
    name, package, version, token = "litellm", "litellm", "1.106.12", "sk-bench"

    def fill(self):
        fetch("venv", sys.executable, "-m", "venv", self.folder)
        fetch(self.package, f"{self.folder}/bin/pip", "install", "-q", "--disable-pip-version-check",
              f"{self.package}[proxy]=={self.version}")

    def run(self):
        conf = self.bench.folder + "/litellm.yaml"  # JSON is YAML
        with open(conf, "w") as f:
            json.dump({"model_list": [{"model_name": "demo-fast", "litellm_params": {
                           "model": "openai/demo-fast", "api_base": f"http://127.0.0.1:{self.bench.demo_port}/v1", "api_key": "demo",
                           "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}],
                       "general_settings": {"master_key": self.token},
                       "router_settings": {"num_retries": 0}, "litellm_settings": {"telemetry": False}}, f)
        self.bench.daemons.start(
            self.name, [f"{self.folder}/bin/litellm", "--config", conf, "--host", "127.0.0.1", "--port", str(self.port),
                        "--num_workers", "2", "--telemetry", "False"], cwd=self.bench.folder,
            env={"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION", "NO_DOCS": "True"})


def started(peer):
    """(the peer, None) or (None, why not)."""
    try:
        return peer.start(), None
    except Missing as why:
        return None, str(why)


def b8(bench, plan):
    peer, why = started(Portkey(bench))
    if peer is None:
        return [Row("B8", "the same chat through a peer", "", "", "skipped", why, None)], {"skipped": why}
    words = "deltas=20"
    weir, theirs_too = bench.turn_targets("b8", words), peer.targets("b8-peer", words)
    rounds = []
    for _ in range(plan.rounds):
        options = ("-c", 50, "-d", plan.short_s + 1, "-w", 1)
        rounds.append({"weir": bench.load(weir, *options), "peer": peer.load(theirs_too, *options)})
    peer.stop()
    ours, theirs = (medians(rounds, s, lambda r: r["per_second"]) for s in ("weir", "peer"))
    cpu = [median([sum(r[s]["cpu_us_each"].get(n, 0) for n in names) for r in rounds])
           for s, names in (("weir", ("pool", "postgres", "redis", "nginx")), ("peer", (peer.name,)))]
    return [
        Row("B8", "the same chat through a peer, 50 at once", rate(ours), rate(theirs) + f" {peer}",
            f"{ours / theirs:.1f}×", "≥ 10×", ours >= 10 * theirs and lost([r["weir"] for r in rounds]) == 0),
        Row("", "  first content p50", ms(medians(rounds, "weir", lambda r: p(r, "first_content", 50))),
            ms(medians(rounds, "peer", lambda r: p(r, "first_content", 50))), "", "", None),
        Row("", "  CPU per turn (ours with PostgreSQL, Redis, nginx)", ms(cpu[0]), ms(cpu[1]), f"{cpu[1] / cpu[0]:.1f}×", "", None),
    ], {"version": peer.version, "rounds": rounds}
