"""B1 to B7: each takes the stack and the plan, and returns (rows of the table, raw figures)."""

import os
import re
import socket
import subprocess
import threading
import time

import benchlib
from benchlib import ACCOUNTS, Row, drive, median, more, ms, pgbench, rate, say, size, us
import weirstack
import weirtest


def p(report, what, percent):
    return report[what][f"p{percent}_us"]


def medians(rounds, side, pick):
    return median([pick(r[side]) for r in rounds])


def lost(reports):
    return sum(r["failed"] for r in reports)


# ---- B1: the smallest route -------------------------------------------------------


def b1(bench, plan):
    weir = bench.targets("b1", [("GET", "/healthz", None, None)])
    hello = bench.targets("b1-hello", [("GET", "/hello", None, None)])
    each = bench.targets("b1-each", [("GET", "/hello-each", None, None)])
    rounds = []
    for _ in range(plan.rounds):
        options = ("-c", 50, "-d", plan.short_s + 1, "-w", 1)
        rounds.append({"weir": bench.load(weir, *options), "hello": bench.load(hello, *options),
                       "each": bench.load(each, *options)})
    ours, theirs = (medians(rounds, s, lambda r: r["per_second"]) for s in ("weir", "hello"))
    other = medians(rounds, "each", lambda r: r["per_second"])
    cpu, cpu_hello = medians(rounds, "weir", lambda r: r["weir_us_each"]), medians(
        rounds, "hello", lambda r: r["cpu_us_each"]["hello"])
    return [
        Row("B1", "smallest route, 50 at once", rate(ours), rate(theirs) + " libfcgi hello", f"{ours / theirs:.2f}×",
            "≥ 0.9×", ours >= 0.9 * theirs),
        Row("", "  the same, hello on a connection per request", rate(ours), rate(other), f"{ours / other:.2f}×", "", None),
        Row("", "  CPU per request, responder only", us(cpu), us(cpu_hello), "", "", None),
    ], rounds


# ---- B2: the full turn --------------------------------------------------------------


def b2(bench, plan):
    words = "ts=1 deltas=20"
    weir, proxy = bench.turn_targets("b2", words), bench.upstream_targets("b2-proxy", words)
    seconds = plan.long_s
    bench.load(weir, "-c", 50, "-d", 2)  # caches, statements, connections
    rounds, paced = [], None
    for _ in range(plan.rounds):
        closed = ("-c", 50, "-d", seconds + 1, "-w", 1)
        r = {"closed": bench.load(weir, *closed), "closed_proxy": bench.load(proxy, *closed)}
        # Half of what it can carry: at full load the wait is the queue's, not the gateway's.
        paced = paced or int(min(500, r["closed"]["per_second"] / 2))
        options = ("-c", 50, "-r", paced, "-d", seconds + 1, "-w", 1)
        r["paced"], r["paced_proxy"] = bench.load(weir, *options), bench.load(proxy, *options)
        r["paced_per_second"] = paced
        rounds.append(r)
    per_second = medians(rounds, "closed", lambda r: r["per_second"])
    added = {q: median([p(r["paced"], "first_content", q) - p(r["paced_proxy"], "first_content", q) for r in rounds])
             for q in (50, 99)}
    full = {q: median([p(r["closed"], "first_content", q) - p(r["closed_proxy"], "first_content", q) for r in rounds])
            for q in (50, 99)}

    def side(where, what, q):
        return ms(medians(rounds, where, lambda r: p(r, what, q)))

    cpu = {n: median([r["closed"]["cpu_us_each"].get(n, 0) for r in rounds])
           for n in ("pool", "postgres", "redis", "nginx", "demo", "load")}
    failed = lost([r[k] for r in rounds for k in ("closed", "paced")])
    proxied = medians(rounds, "closed_proxy", lambda r: r["per_second"])
    return [
        Row("B2", "turns, 50 at once, each waiting for its last", rate(per_second), rate(proxied) + " nginx proxy_pass",
            f"{failed} failed", "≥ 1,000/s, none failed", per_second >= 1000 and failed == 0),
        Row("", f"  first content p50, {paced}/s over 50 connections", side("paced", "first_content", 50),
            side("paced_proxy", "first_content", 50), more(added[50], ms), "≤ 3 ms added", added[50] <= 3000),
        Row("", "  first content p99", side("paced", "first_content", 99), side("paced_proxy", "first_content", 99),
            more(added[99], ms), "≤ 15 ms added", added[99] <= 15000),
        Row("", "  at full load: first content p50 / p99", f"{side('closed', 'first_content', 50)} / "
            f"{side('closed', 'first_content', 99)}", f"{side('closed_proxy', 'first_content', 50)} / "
            f"{side('closed_proxy', 'first_content', 99)}", f"{more(full[50], ms)} / {more(full[99], ms)}", "", None),
        Row("", "  CPU per turn: Weir", us(cpu["pool"]), "PostgreSQL " + us(cpu["postgres"]),
            "Redis " + us(cpu["redis"]), "", None),
        Row("", "  CPU per turn: nginx", us(cpu["nginx"]), "weir-demo " + us(cpu["demo"]), "load " + us(cpu["load"]),
            "", None),
    ], rounds


# ---- B3: many paced streams -------------------------------------------------------------


def b3(bench, plan):
    rows, raw = [], []
    # Streams open at half the rate at which turns can open here and now: what is measured is carrying them.
    able = bench.load(bench.turn_targets("b3-able", "deltas=1"), "-c", 16, "-d", 3, "-w", 0.5)["per_second"]
    opening = max(20, min(500, able / 2))
    for count in plan.streams:
        if count * 2 + 2000 > plan.descriptors:
            rows.append(Row("B3", f"{count} streams", "", "", "skipped", "file descriptors", None))
            continue
        level = [b3_level(bench, plan, count, opening) for _ in range(plan.stream_rounds)]
        raw += level
        rows += b3_rows(count, level)
    return rows, raw


def b3_plan(count, opening, every_ms, window):
    """(words for the provider, options of the load tool, ramp in seconds).

    Streams open over the ramp, all of them live through the window, then they end one by one.
    """
    ramp = max(2, count / opening)
    life = ramp + window + 4
    return (f"ts=1 deltas={int(life * 1000 / every_ms)} interval={every_ms}",
            ("-c", count, "-n", count, "-R", f"{ramp:.1f}", "-d", int(ramp + 30), "-D", int(life + 60),
             "-t", int(life + 60), "-m", f"{ramp + 2:.1f}:{ramp + 2 + window:.1f}"), ramp)


def b3_level(bench, plan, count, opening, targets=None):
    """So many streams through Weir, of turns or of what targets(name, words) asks for, and through nginx alone."""
    targets = targets or bench.turn_targets
    every_ms, window = {1000: 200, 4000: 500}.get(count, 1000), plan.window_s
    words, options, ramp = b3_plan(count, opening, every_ms, window)
    bench.restart_pool()
    bench.load(targets("b3-warm", "deltas=20"), "-c", 50, "-d", 2)
    time.sleep(1)
    before, seen = sum(bench.responder_memory()), {}

    def look():
        time.sleep(ramp + 2 + window / 2)
        seen["rss"] = sum(bench.responder_memory())

    weir = bench.load(targets("b3", words), *options, during=look)
    words, options, _ = b3_plan(count, 1000, every_ms, window)
    proxy = bench.load(bench.upstream_targets("b3-proxy", words), *options)
    return {"streams": count, "every_ms": every_ms, "ramp_s": ramp, "window_s": window, "weir": weir, "proxy": proxy,
            "rss_before": before, "rss_during": seen["rss"], "rss_each": (seen["rss"] - before) / count}


def b3_rows(count, level, case="B3"):
    added = {q: median([p(r["weir"], "added", q) - p(r["proxy"], "added", q) for r in level]) for q in (50, 99)}
    failed = lost([r["weir"] for r in level])
    open_at_once = min(r["weir"]["peak_active"] for r in level)
    each = median([r["rss_each"] for r in level])
    values = {(s, q): medians(level, s, lambda r, q=q: p(r, "added", q)) for s in ("weir", "proxy") for q in (50, 99)}
    return [
        Row(case, f"{count} streams: lost", str(failed), str(lost([r["proxy"] for r in level])) + " nginx proxy_pass",
            f"{open_at_once} at once", "none lost", failed == 0 and open_at_once == count),
        Row("", "  chunk latency p50", us(values["weir", 50]), us(values["proxy", 50]), more(added[50], us),
            "≤ 100 µs added", added[50] <= 100),
        Row("", "  chunk latency p99", us(values["weir", 99]), us(values["proxy", 99]), more(added[99], us),
            "≤ 5 ms added", added[99] <= 5000),
        Row("", "  RSS of Weir per stream", size(each), "", "", "≤ 16 KB", each <= 16384),
    ]


# ---- B4: money ------------------------------------------------------------------------------


def hot_without_disk(bench, plan):
    """A hot account's commits come one after the other, each waiting for the disk: its rate without that wait."""
    with bench.pg() as pg:
        pg.query("ALTER ROLE weir SET synchronous_commit = off")
        try:
            return drive(bench, "hold", 1, plan.short_s)["per_second"]
        finally:
            pg.query("ALTER ROLE weir RESET synchronous_commit")


def b4(bench, plan):
    rounds, run = [], int(time.time()) % 100000000
    for _ in range(plan.rounds):
        r = {"disk_sync_us": benchlib.disk_sync_us(bench.folder),
             "hot_no_wait": hot_without_disk(bench, plan)}
        for name, accounts in (("many", ACCOUNTS), ("hot", 1)):
            run += 10
            r[name] = drive(bench, "hold", accounts, plan.short_s)["per_second"]
            r[name + "_pgbench"] = pgbench(bench, "hold_settle", accounts, plan.short_s, run)
            r[name + "_naive"] = pgbench(bench, "naive", accounts, plan.short_s, run + 1)
        rounds.append(r)

    def of(name):
        return median([r[name] for r in rounds])

    return [
        Row("B4", "hold and settle, 10,000 accounts", rate(of("many")), rate(of("many_pgbench")) + " pgbench, same SQL",
            f"{of('many') / of('many_pgbench'):.2f}×", "≥ 0.9×", of("many") >= 0.9 * of("many_pgbench")),
        Row("", "  naive SQL", rate(of("many")), rate(of("many_naive")), f"{of('many') / of('many_naive'):.2f}×", "", None),
        Row("", "  one hot account", rate(of("hot")), rate(of("hot_pgbench")) + " pgbench, same SQL",
            f"{of('hot') / of('hot_pgbench'):.2f}×", "≥ 2,500/s", of("hot") >= 2500),
        Row("", "  one hot account, naive SQL", rate(of("hot")), rate(of("hot_naive")),
            f"{of('hot') / of('hot_naive'):.2f}×", "", None),
        Row("", "  one hot account, commits not waiting for the disk", rate(of("hot_no_wait")), "",
            f"disk: {us(of('disk_sync_us'))} a commit", "", None),
    ], rounds


# ---- B5: limits and slots ------------------------------------------------------------------------


def captured(bench, work):
    """The very command that `drive` sends, as redis-benchmark arguments; the user's number is random."""
    with bench.redis() as monitor:
        monitor.call("MONITOR")
        done = threading.Thread(target=drive, args=(bench, work, 1, 0.2), kwargs={"threads": 1, "warmup": 0.2})
        done.start()
        while True:
            line = monitor.file.readline().decode()
            words = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
            if " lua] " not in line and words and words[0].upper() == "EVALSHA":
                break
        while done.is_alive():  # Redis drops a monitor that does not read
            monitor.sock.settimeout(0.5)
            try:
                monitor.file.readline()
            except (OSError, ValueError):
                break
        done.join()
    return [re.sub(r"0{4,}\d{1,8}(?=$|:)", "__rand_int__", w) for w in words]


def redis_benchmark(bench, words, seconds):
    """Requests per second of redis-benchmark over 8 connections, for about `seconds`."""
    def once(requests):
        done = subprocess.run([weirstack.tool("redis-benchmark"), "-s", bench.redis_path, "-c", "8", "-n", str(requests),
                               "-r", str(ACCOUNTS), "--csv", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        fields = done.stdout.splitlines()[-1].split(",") if done.stdout else []
        if done.returncode != 0 or len(fields) < 8:
            raise weirstack.StackError(f"redis-benchmark: {done.stdout}{done.stderr}")
        return float(fields[-7].strip('"'))  # rps, then six latencies; the test's name may hold commas

    return once(int(once(4000) * seconds))


def b5(bench, plan):
    commands = {work: captured(bench, work) for work in ("limits", "slots")}
    rounds = []
    for _ in range(plan.rounds):
        r = {}
        for work, words in commands.items():
            r[work] = drive(bench, work, ACCOUNTS, plan.short_s)["per_second"]
            r[work + "_redis"] = redis_benchmark(bench, words, plan.short_s)
        # one check is one of each
        r["both"] = 1 / (1 / r["limits"] + 1 / r["slots"])
        r["both_redis"] = 1 / (1 / r["limits_redis"] + 1 / r["slots_redis"])
        rounds.append(r)

    def of(name):
        return median([r[name] for r in rounds])

    return [
        Row("B5", "limits and slots check, 8 connections", rate(of("both")), rate(of("both_redis")) + " redis-benchmark",
            f"{of('both') / of('both_redis'):.2f}×", "≥ 0.8×", of("both") >= 0.8 * of("both_redis")),
        Row("", "  limits alone", rate(of("limits")), rate(of("limits_redis")),
            f"{of('limits') / of('limits_redis'):.2f}×", "", None),
        Row("", "  slots alone", rate(of("slots")), rate(of("slots_redis")),
            f"{of('slots') / of('slots_redis'):.2f}×", "", None),
    ], {"commands": commands, "rounds": rounds}


# ---- B6: a large history --------------------------------------------------------------------------

LARGE, SMALL = "00000000-0000-7000-8004-000000000001", "00000000-0000-7000-8004-000000000002"
LARGE_SESSION, SMALL_SESSION = "00000000-0000-7000-8005-000000000001", "00000000-0000-7000-8005-000000000002"


def fill(bench, messages):
    """Two users: one with 1,000 messages; one with `messages`, a tenth of them in one conversation."""
    say(f"  {messages:,} messages")
    bench.psql("-v", f"many={messages}", "-f", benchlib.HERE + "/sql/history.sql")


def conversations_of(bench, user, order, limit):
    with bench.pg() as pg:
        return [r[0] for r in pg.query(f"SELECT id FROM conversations WHERE user_id = $1 ORDER BY {order} LIMIT {limit}", user)]


def b6(bench, plan):
    fill(bench, plan.messages)
    sides = {}
    for name, user, session in (("large", LARGE, LARGE_SESSION), ("small", SMALL, SMALL_SESSION)):
        token = bench.token(user, session)
        pages = conversations_of(bench, user, "message_count DESC, id", 200)
        sides[name] = {
            "list": bench.targets("b6-list-" + name, [("GET", "/api/conversations?limit=10", token, None)]),
            "page": bench.targets("b6-page-" + name, [("GET", f"/api/conversations/{c}/messages?limit=50", token, None)
                                                      for c in pages]),
        }
    giant = conversations_of(bench, LARGE, "message_count DESC", 1)[0]
    with bench.pg() as pg:
        deep = pg.one("SELECT id FROM conversation_messages WHERE conversation_id = $1 AND sequence ="
                      " (SELECT max(sequence) / 2 FROM conversation_messages WHERE conversation_id = $1)", giant)
    sides["large"]["deep"] = bench.targets("b6-deep", [(
        "GET", f"/api/conversations/{giant}/messages?limit=50&before_id={deep}", bench.token(LARGE, LARGE_SESSION), None)])
    rounds = []
    for _ in range(plan.rounds):
        options = ("-c", 2, "-d", plan.short_s + 0.5, "-w", 0.5)
        rounds.append({f"{what}_{name}": bench.load(path, *options)
                       for what in ("list", "page", "deep") for name in ("large", "small")
                       if (path := sides[name].get(what))})
    rows = []
    for what, name, against in (("conversation list", "list_large", "list_small"), ("message page", "page_large", "page_small"),
                                ("message page, middle of the largest", "deep_large", "page_small")):
        ours, theirs = (medians(rounds, s, lambda r: p(r, "completion", 50)) for s in (name, against))
        rows.append(Row("B6" if not rows else "", f"{what}, {plan.messages:,} messages" if not rows else "  " + what,
                        ms(ours), ms(theirs) + " with 1,000", f"{ours / theirs:.2f}×", "≤ 1.5×",
                        ours <= 1.5 * theirs and lost([r[name] for r in rounds]) == 0))
    return rows, rounds


# ---- B7: small and steady ---------------------------------------------------------------------------


def cold_start(bench):
    """Seconds from exec to the first answer of one responder."""
    path = bench.sockets + "/cold"
    began = time.monotonic()
    bench.daemons.start("cold", [bench.program("weir-fcgi"), "-c", bench.conf_path, "--listen", path])
    while True:
        try:
            with weirtest.Fcgi(path) as client:
                answer = client.request("GET", "/healthz")
            break
        except (OSError, EOFError, socket.timeout):
            if time.monotonic() - began > 10:
                raise
            time.sleep(0.0005)
    took = time.monotonic() - began
    bench.daemons.stop("cold")
    if answer.status != 200:
        raise weirstack.StackError(f"a new responder answers {answer.status}")
    return took


def b7(bench, plan):
    starts = [cold_start(bench) for _ in range(9)]
    bench.restart_pool()
    time.sleep(2)
    idle = bench.responder_memory()
    raw = {"cold_start_s": starts, "idle_rss": idle, "idle_pss": [benchlib.pss(pid) for pid in bench.responders()],
           "idle_anon": bench.responder_memory("RssAnon")}
    rows = [
        Row("B7", "cold start of a responder, to its first answer", f"{median(starts) * 1000:.1f} ms", "", "", "≤ 50 ms",
            median(starts) <= 0.05),
        Row("", "  idle RSS of a responder", size(max(idle)), "", f"{size(max(raw['idle_pss']))} its own and share",
            "≤ 12 MB", max(idle) <= 12 * 1048576),
    ]
    if plan.soak_s:
        raw["soak"] = soak(bench, plan)
        rows += soak_rows(raw["soak"], plan)
    return rows, raw


def soak(bench, plan):
    """Turns at a fifth of what it can carry; every 5 s what the programs hold."""
    say(f"  soak of {plan.soak_s} s")
    targets, samples, over = bench.turn_targets("soak", "deltas=20"), [], threading.Event()
    began = time.monotonic()

    def sample():
        pids = bench.responders()
        worker = bench.daemons.pid("worker")
        with bench.pg() as pg, bench.redis() as redis:
            clients = redis.call("INFO", "clients")
            samples.append({
                "at_s": round(time.monotonic() - began, 1), "rss": sum(map(benchlib.memory, pids)),
                "worker_rss": benchlib.memory(worker), "descriptors": sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
                "pg_connections": int(pg.one("SELECT count(*) FROM pg_stat_activity WHERE usename = 'weir'")),
                "redis_connections": int(re.search(r"connected_clients:(\d+)", clients).group(1))})

    def watch():
        while not over.wait(5):
            sample()

    bench.load(targets, "-c", 50, "-d", 3)  # every worker has opened the connections that it keeps
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        report = bench.load(targets, "-c", 50, "-r", plan.soak_rate, "-d", plan.soak_s)
    finally:
        over.set()
        thread.join()
    return {"report": report, "samples": samples, "seconds": plan.soak_s, "audit": bench.audit()}


def soak_rows(raw, plan):
    """Flat: the last fifth of the time holds no more than the second fifth did."""
    samples = raw["samples"]
    fifth = max(1, len(samples) // 5)
    early, late = samples[fifth:2 * fifth] or samples, samples[-fifth:]

    def both(name, pick=max):
        return pick(s[name] for s in early), pick(s[name] for s in late)

    rss = tuple(median([s["rss"] for s in part]) for part in (early, late))
    failed = raw["report"]["failed"]
    rows = [Row("", f"  soak {plan.soak_s:.0f} s at {plan.soak_rate}/s: failed", str(failed), "", "", "none", failed == 0),
            Row("", "  RSS of the pool, early → late", size(rss[0]), size(rss[1]), f"{rss[1] / rss[0]:.3f}×", "≤ 1.05×",
                rss[1] <= 1.05 * rss[0])]
    for name, what in (("descriptors", "file descriptors"), ("pg_connections", "PostgreSQL connections"),
                       ("redis_connections", "Redis connections")):
        first, last = both(name)
        # idle connections of nginx and of libcurl come and go by a few
        rows.append(Row("", f"  {what}, early → late", str(first), str(last), "", "flat", last <= first * 1.05 + 2))
    return rows
