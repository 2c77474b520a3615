"""B8: the same chat through another gateway that runs on this machine.

Portkey's open gateway (npm: @portkey-ai/gateway) is an example of the kind: it
passes requests on to a provider and translates between them. It keeps no
accounts, credits, conversations or journal, so the comparison is of what a
request costs on the way, with everything of ours switched on. It is asked
directly, without a web server in front of it; Weir is asked through nginx.
"""

import json
import os
import shutil
import subprocess

import weirstack
from benchlib import Row, median, ms, rate, say
from cases import lost, medians, p

PACKAGE = "@portkey-ai/gateway"
# Versions with which its streams work; its own ranges resolve to some with which they do not.
OVERRIDES = {"@hono/node-server": "1.13.5", "hono": "4.9.7", "@hono/node-ws": "1.2.0"}


def folder():
    return os.path.join(weirstack.build_dir(), "bench", "peer")


def install():
    """Installs the package once into the build folder. Returns (version, None) or (None, why not)."""
    if not shutil.which("node") or not shutil.which("npm"):
        return None, "Node.js and npm are not installed"
    home = folder()
    manifest = f"{home}/node_modules/{PACKAGE}/package.json"
    if not os.path.exists(manifest):
        os.makedirs(home, exist_ok=True)
        with open(home + "/package.json", "w") as f:
            json.dump({"private": True, "dependencies": {PACKAGE: "*"}, "overrides": OVERRIDES}, f)
        say(f"  npm install {PACKAGE}")
        try:
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], cwd=home,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            return None, "npm install took more than 120 s"
        if done.returncode != 0:
            return None, "npm install failed: " + (done.stdout.strip().splitlines() or [""])[-1]
    with open(manifest) as f:
        return json.load(f)["version"], None


def start(bench):
    """The gateway on a loopback port."""
    port = weirstack.free_port()
    bench.daemons.start("peer", ["node", f"{folder()}/node_modules/{PACKAGE}/build/start-server.js", "--headless",
                                 f"--port={port}"], cwd=folder(),
                        env={"PORT": str(port), "NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.1"})
    bench._wait_port("peer", port)
    return port


def b8(bench, plan):
    version, why = install()
    if version is None:
        return [Row("B8", "the same chat through a peer", "", "", "skipped", why, None)], {"skipped": why}
    port = start(bench)
    words = "deltas=20"
    weir = bench.turn_targets("b8", words)
    peer = bench.upstream_targets("b8-peer", words, "/v1/chat/completions")
    headers = ("-H", "x-portkey-provider: openai", "-H", f"x-portkey-custom-host: http://127.0.0.1:{bench.demo_port}/v1")
    probe = bench.load(peer, "-c", 1, "-n", 1, *headers, port=port)
    if probe["failed"]:
        bench.daemons.stop("peer")
        why = f"{PACKAGE} {version} did not pass a stream on: {probe['errors']}"
        return [Row("B8", "the same chat through a peer", "", "", "skipped", why, None)], {"skipped": why}
    rounds = []
    for _ in range(plan.rounds):
        options = ("-c", 50, "-d", plan.short_s + 1, "-w", 1)
        rounds.append({"weir": bench.load(weir, *options), "peer": bench.load(peer, *options, *headers, port=port)})
    bench.daemons.stop("peer")
    ours, theirs = (medians(rounds, s, lambda r: r["per_second"]) for s in ("weir", "peer"))
    cpu = [median([sum(r[s]["cpu_us_each"].get(n, 0) for n in names) for r in rounds])
           for s, names in (("weir", ("pool", "postgres", "redis", "nginx")), ("peer", ("peer",)))]
    return [
        Row("B8", "the same chat through a peer, 50 at once", rate(ours), rate(theirs) + f" {PACKAGE} {version}",
            f"{ours / theirs:.1f}×", "≥ 10×", ours >= 10 * theirs and lost([r["weir"] for r in rounds]) == 0),
        Row("", "  first content p50", ms(medians(rounds, "weir", lambda r: p(r, "first_content", 50))),
            ms(medians(rounds, "peer", lambda r: p(r, "first_content", 50))), "", "", None),
        Row("", "  CPU per turn (ours with PostgreSQL, Redis, nginx)", ms(cpu[0]), ms(cpu[1]), f"{cpu[1] / cpu[0]:.1f}×", "", None),
    ], {"version": version, "rounds": rounds}
