"""B12: does the relay cost more when it is fresh, when many keys ask, when many channels could answer?"""

import http.client
import json
import threading

from benchlib import Row, median, say, us
from cases import lost
from relay import ours_us

FIRST, CLIENTS = 1000, 4  # requests of a fresh responder; connections that make keys


def made(bench, count, ask):
    """The answers to ask(n) -> (path, token, body), n from 0, over a few connections."""
    answers = [None] * count

    def some(first):
        conn = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=30)
        for n in range(first, count, CLIENTS):
            path, token, body = ask(n)
            conn.request("POST", path, json.dumps(body), {"Content-Type": "application/json", "Authorization": "Bearer " + token})
            answer = conn.getresponse()
            answers[n] = json.loads(answer.read())
            assert answer.status == 201, answers[n]
        conn.close()

    threads = [threading.Thread(target=some, args=(first,)) for first in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert None not in answers
    return answers


def b12_row(what, few, many, reports):
    """Of pairs of figures, the median of their ratios."""
    times = median([m / f for m, f in zip(many, few)])
    failed = lost(reports)
    return Row("", what, us(median(many)), us(median(few)), f"{times:.2f}×" + (f", {failed} failed" if failed else ""), "≤ 1.3×",
               times <= 1.3 and failed == 0)


def b12_fresh(bench, plan):
    """Each right after the pool was started, and again when it is warm: connections, statements, caches."""
    targets, rounds = bench.relay_targets("b12-fresh", "deltas=20"), []
    for _ in range(plan.rounds):
        bench.restart_pool()
        fresh = bench.load(targets, "-c", 16, "-n", FIRST)
        bench.load(targets, "-c", 16, "-d", 2)
        rounds.append({"many": fresh, "few": bench.load(targets, "-c", 16, "-n", FIRST)})
    return rounds


def b12_pairs(bench, plan, few, many):
    """At one rate for both, half of what the slower can carry, when both have been asked for a while."""
    able = min(bench.load(t, "-c", 50, "-d", plan.long_s, "-w", 0.5)["per_second"] for t in (few, many))
    options = ("-c", 50, "-r", max(20, int(able / 2)), "-d", plan.long_s + 1, "-w", 1)
    return [{"few": bench.load(few, *options), "many": bench.load(many, *options)} for _ in range(plan.rounds)]


def b12_keys(bench, plan):
    """So many keys of 64 accounts, and ten of ten; each asks in its turn."""
    count = plan.keys
    say(f"  {count} API keys")
    keys = [a["key"] for a in made(bench, count, lambda n: ("/api/keys", bench.account_token(n % 64 + 1), {"name": f"b12 {n}"}))]
    return b12_pairs(bench, plan, bench.relay_targets("b12-10-keys", "deltas=20", keys=keys[:10]),
                     bench.relay_targets("b12-keys", "deltas=20", keys=keys))


def b12_channels(bench, plan):
    """A model that so many channels serve, and one that ten do."""
    admin = bench.make_user(admin=True).token
    for count in (10, 1000):
        bench.weirctl("model", "add", f"wide-{count}", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "4000")
        say(f"  {count} channels")
        made(bench, count, lambda n: ("/api/admin/channels", admin, {
            "name": f"wide-{count}-{n}", "provider": "openai", "base_url": bench.demo_url, "allow_private": True, "keys": [{"key": "demo"}],
            "models": [{"model": f"wide-{count}", "upstream_name": "demo-fast"}]}))
    return b12_pairs(bench, plan, *(bench.relay_targets(f"b12-wide-{count}", "deltas=20", model=f"wide-{count}") for count in (10, 1000)))


def b12(bench, plan):
    fresh, keys, channels = b12_fresh(bench, plan), b12_keys(bench, plan), b12_channels(bench, plan)

    def each(rounds, pick):
        return [pick(r["few"]) for r in rounds], [pick(r["many"]) for r in rounds], [r[s] for r in rounds for s in ("few", "many")]

    rows = [
        b12_row(f"first {FIRST} calls of a fresh pool, the next: time per call, 16 at once", *each(fresh, lambda r: 1e6 / r["per_second"])),
        b12_row(f"{plan.keys} keys, 10: CPU per call, all of ours", *each(keys, ours_us)),
        b12_row("1000 channels of a model, 10: CPU per call, all of ours", *each(channels, ours_us)),
    ]
    rows[0].case = "B12"
    return rows, {"fresh": fresh, "keys": keys, "channels": channels}
