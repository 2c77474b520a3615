"""B15: jobs: how soon one is begun, and how many are done, beside pgbench with the same SQL."""

import subprocess
import time

import weirstack
from benchlib import HERE, Row, median, ms, rate

OWNER = "00000000-0000-7000-8009-000000000001"  # of bench/sql/job.sql
THREADS = 4
ONE_BY_ONE = 60


def submit(pg, kind, n):
    pg.query("SELECT count(job_submit(gen_random_uuid(), $1, '{}', NULL, NULL, NULL, 0, 0)) FROM generate_series(1, $2::int)", kind, n)


def latency(pg):
    """Milliseconds from commit to begin, of jobs that come one by one."""
    times = []
    for _ in range(ONE_BY_ONE):
        pg.query("DELETE FROM jobs WHERE kind = 'echo'")
        submit(pg, "echo", 1)
        time.sleep(0.02)
        for _ in range(100):
            took = pg.one("SELECT max(extract(epoch FROM started_at - created_at) * 1000000)::bigint FROM jobs"
                          " WHERE kind = 'echo' AND status = 'done'")
            if took is not None:
                times.append(int(took))
                break
            time.sleep(0.01)
    return times


def throughput(pg, jobs):
    """Jobs a worker does in a second, of many that were submitted at once."""
    pg.query("DELETE FROM jobs")
    submit(pg, "echo", jobs)
    until = time.monotonic() + 120
    while pg.one("SELECT count(*) FROM jobs WHERE status <> 'done'") != 0 and time.monotonic() < until:
        time.sleep(0.05)
    return jobs / float(pg.one("SELECT extract(epoch FROM max(ended_at) - min(started_at))::text FROM jobs"))


def pgbench(bench, pg, jobs):
    pg.query("DELETE FROM jobs")
    pg.query("INSERT INTO processes (id, kind, host, pid, heartbeat_at) VALUES ($1, 'worker', 'bench', 1, now() + interval '1 hour')"
             " ON CONFLICT DO NOTHING", OWNER)
    submit(pg, "pgbench", jobs)
    done = subprocess.run([weirstack.pg_bin("pgbench"), "-n", "-M", "prepared", "-c", str(THREADS), "-j", "2",
                           "-t", str(jobs // THREADS - 20), "-f", f"{HERE}/sql/job.sql", "-h", bench.pg_dir, "-U", "weir", bench.database],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("tps"):
            return float(line.split()[2])
    raise weirstack.StackError(f"pgbench job: {done.stdout}{done.stderr}")


def b15(bench, plan):
    rounds = []
    jobs = 1500 * plan.short_s
    if not bench.daemons.pid("worker"):
        bench.start_worker()
    with bench.pg() as pg:
        for _ in range(plan.rounds):
            rounds.append({"us": latency(pg), "worker": throughput(pg, jobs), "pgbench": pgbench(bench, pg, jobs)})
        pg.query("DELETE FROM jobs")
    times = sorted(t for r in rounds for t in r["us"])
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    ours, theirs = median([r["worker"] for r in rounds]), median([r["pgbench"] for r in rounds])
    return [
        Row("B15", "jobs, submit to start, p50", ms(p50), "", "", "≤ 10 ms", p50 <= 10000),
        Row("", "  p99", ms(p99), "", "", "", None),
        Row("", f"  done, {THREADS} threads", rate(ours), rate(theirs) + " pgbench, same SQL", f"{ours / theirs:.2f}×", "≥ 0.7×",
            ours >= 0.7 * theirs),
    ], rounds
