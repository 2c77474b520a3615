"""B9 to B11: the relay: what a call costs, many streams at once, and one provider's wire in another's."""

from benchlib import Row, median, memory, more, ms, rate, size, tree, us
from cases import b3_level, b3_rows, lost, medians, p
from peer import LiteLLM, Portkey, started

OURS = ("pool", "postgres", "redis", "nginx")


# ---- B9: what a call costs ----------------------------------------------------------------


def ours_us(report):
    """CPU of all that is ours, for one request."""
    return sum(report["cpu_us_each"].get(n, 0) for n in OURS)


def held(bench, name):
    """Resident bytes of a program and all below it."""
    return sum(map(memory, tree(bench.daemons.pid(name))))


def added(rounds, side):
    """What a side adds to the time of a whole answer through nginx alone, 50 at once."""
    return " / ".join(more(median([p(r[side], "completion", q) - p(r["proxy"], "completion", q) for r in rounds]), ms) for q in (50, 99))


def b9(bench, plan):
    peers, raw, rows, wanted = {}, {"skipped": {}}, [], {"portkey": 10, "litellm": 50}
    for kind in (Portkey, LiteLLM):
        peer, why = started(kind(bench))
        if peer:
            peers[peer.name] = peer
        else:
            raw["skipped"][kind.name] = why
    for what, stream in (("streams", True), ("whole answers", False)):
        rounds = raw[what] = b9_rounds(bench, plan, peers, stream)
        per_second, proxied = (medians(rounds, side, lambda r: r["per_second"]) for side in ("relay", "proxy"))
        cpu = {n: median([r["relay"]["cpu_us_each"].get(n, 0) for r in rounds]) for n in OURS}
        failed = lost([r["relay"] for r in rounds])
        rows += [
            Row("B9" if stream else "", f"relay, {what} charged through API keys, 50 at once", rate(per_second),
                rate(proxied) + " nginx proxy_pass", f"{failed} failed", "≥ 5,000/s, none failed",
                per_second >= 5000 and failed == 0),
            Row("", "  CPU per call: Weir", us(cpu["pool"]), "PostgreSQL " + us(cpu["postgres"]), "Redis " + us(cpu["redis"]),
                "≤ 200 µs in all", sum(cpu.values()) <= 200),
            Row("", "  CPU per call: nginx, and all of ours", us(cpu["nginx"]), us(sum(cpu.values())), "", "", None),
            Row("", "  added to the whole answer by us, p50 / p99", added(rounds, "relay"), "", "", "", None),
        ]
        for name, peer in peers.items():
            rows += b9_peer_rows(rounds, peer, wanted[name], per_second, sum(cpu.values()))
    raw["memory_bytes"] = {name: held(bench, name) for name in ("pool", *peers)}
    for name, peer in peers.items():
        rows.append(Row("", f"  memory: all of the pool, all of {peer}", size(raw["memory_bytes"]["pool"]),
                        size(raw["memory_bytes"][name]), "", "", None))
    for name, why in raw["skipped"].items():
        rows.append(Row("", f"  beside {name}", "", "", "skipped", why, None))
    for peer in peers.values():
        peer.stop()
    return rows, raw


def b9_rounds(bench, plan, peers, stream):
    words, options = "deltas=20", ("-c", 50, "-d", plan.long_s + 1, "-w", 1)
    ours = bench.relay_targets(f"b9-{stream}", words, stream)
    theirs = bench.upstream_targets(f"b9-proxy-{stream}", words, stream=stream)
    asked = {name: peer.targets(f"b9-{name}-{stream}", words, stream) for name, peer in peers.items()}
    bench.load(ours, "-c", 50, "-d", 2)
    for name, peer in peers.items():
        peer.load(asked[name], "-c", 50, "-d", 2)
    return [{"relay": bench.load(ours, *options), "proxy": bench.load(theirs, *options),
             **{name: peer.load(asked[name], *options) for name, peer in peers.items()}} for _ in range(plan.rounds)]


def b9_peer_rows(rounds, peer, wanted, per_second, cpu_us):
    theirs = max(medians(rounds, peer.name, lambda r: r["per_second"]), 0.1)
    their_us = medians(rounds, peer.name, lambda r: r["cpu_us_each"].get(peer.name, 0))
    return [
        Row("", f"  beside {peer}", rate(per_second), rate(theirs) + f", {lost([r[peer.name] for r in rounds])} failed",
            f"{per_second / theirs:.1f}×", f"≥ {wanted}×", per_second >= wanted * theirs),
        Row("", "  CPU per call: all of ours, and its own", us(cpu_us), us(their_us), f"{their_us / cpu_us:.1f}×", "", None),
        Row("", "  added to the whole answer by it, p50 / p99", "", added(rounds, peer.name), "", "", None),
    ]


# ---- B10: many paced streams -----------------------------------------------------------------


def b10(bench, plan):
    """B3 with calls through API keys, each account with a few of the streams."""
    keys, rows, raw = bench.api_keys(100), [], []

    def targets(name, words):
        return bench.relay_targets(name.replace("b3", "b10"), words, keys=keys)

    able = bench.load(targets("b3-able", "deltas=1"), "-c", 16, "-d", 3, "-w", 0.5)["per_second"]
    opening = max(20, min(500, able / 2))
    for count in plan.streams[-1:]:
        if count * 2 + 2000 > plan.descriptors:
            rows.append(Row("B10", f"relay, {count} streams", "", "", "skipped", "file descriptors", None))
            continue
        level = [b3_level(bench, plan, count, opening, targets) for _ in range(plan.stream_rounds)]
        raw += level
        rows += b3_rows(count, level, "B10")
    return rows, raw


# ---- B11: from one wire into another -----------------------------------------------------------

WIRES = {"OpenAI": ("/v1/chat/completions", "demo-fast"), "Anthropic": ("/v1/messages", "demo-anthropic")}


def add_anthropic(bench):
    bench.weirctl("model", "add", "demo-anthropic", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "4000")
    bench.weirctl("channel", "add", "anthropic", "--provider", "anthropic", "--url", bench.demo_url.removesuffix("/v1"),
                  "--key-stdin", "--allow-private", "--model", "demo-anthropic=demo-fast", input="demo\n")


def b11(bench, plan):
    """At one rate for all, half of what the slowest can carry: CPU per call depends on how many come together."""
    add_anthropic(bench)
    rows, raw = [], {}
    for what, stream in (("streams", True), ("whole answers", False)):
        pairs = {(asked, told): bench.relay_targets(f"b11-{asked}-{told}-{stream}", "deltas=20", stream,
                                                    model=WIRES[told][1], path=WIRES[asked][0])
                 for asked in WIRES for told in WIRES}
        able = min(bench.load(t, "-c", 50, "-d", plan.short_s, "-w", 0.5)["per_second"] for t in pairs.values())
        options = ("-c", 50, "-r", max(20, int(able / 2)), "-d", plan.long_s + 1, "-w", 1)
        rounds = raw[what] = [{f"{a}-{t}": bench.load(path, *options) for (a, t), path in pairs.items()}
                              for _ in range(plan.rounds)]
        for asked, told in (("OpenAI", "Anthropic"), ("Anthropic", "OpenAI")):
            cross, same = ([r[f"{asked}-{t}"] for r in rounds] for t in (told, asked))
            added = median([x["weir_us_each"] - s["weir_us_each"] for x, s in zip(cross, same)])
            failed = lost(cross) + lost(same)
            rows.append(Row("" if rows else "B11", f"{what}, {asked} in, {told} out: Weir's CPU",
                            us(median([x["weir_us_each"] for x in cross])),
                            us(median([s["weir_us_each"] for s in same])) + f" {asked} out",
                            more(added, us) + (f", {failed} failed" if failed else ""), "≤ 60 µs added",
                            added <= 60 and failed == 0))
    return rows, raw
