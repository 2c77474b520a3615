#!/usr/bin/python3
"""history.py -- concurrent random operations on money, held against a model of accounts.

    history.py [--seed N] [--ops N] [--only N,N,…] [--connections N] [--users N]

A script of operations is drawn from a seed: open, open again with the same Idempotency-Key, settle (by the owner, by a
stranger, by the sweeper), hold, confirm, refund, expire, extend, grant, deduct. Connections run it in batches, many
operations a round trip, each in a transaction of its own (history.sql); some connections are killed under way, and
what their batch was told is never known.

Afterwards the model looks at what each operation was told, when, and at what the database holds:

  - each user's history adds up, step by step, never below zero, to the balance;
  - every change belongs to exactly one operation, and every operation that was told "ok" has its changes, of the right
    amounts, with the balance it was told;
  - one that was refused for want of credits had a moment between its beginning and its end in which there were too few;
  - the order of changes agrees with time: what ended before another began comes before it;
  - each hold ended once, by one operation or by its expiry, which only a lease that ran out may bring;
  - one key, one task; the same body is told that task, another body is refused;
  - operations without a known answer took place as a whole or not at all;
  - audit_run() agrees.

A failure is shrunk: to the operations of the user it shows, then to fewer and fewer as long as it still shows. The
command that repeats it is printed.
"""

import argparse
import bisect
import json
import os
import queue
import random
import sys
import threading
import time
import uuid
from decimal import Decimal

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from weirtest import PgError, Services  # noqa: E402

BATCH = 40
CRASH_EVERY = 60  # about one batch of so many is killed under way
RECENT = 150  # how far back an operation looks for a task to work on
INFINITY = float("inf")
NEVER = "00000000-0000-7000-8000-000000000000"
EXPECTED_ERRORS = {"40001", "40P01"}  # rolled back and told so: nothing happened

WEIGHTS = {"open": 24, "again": 7, "settle": 26, "hold": 8, "hold again": 1, "confirm": 7, "refund": 7, "grant": 9,
           "take": 3, "deduct": 4, "expire": 3, "extend": 1}


def make_script(seed, count, users):
    """The operations drawn from a seed: dicts with symbolic names; made real by Run."""
    dice = random.Random(seed)
    kinds, weights = zip(*WEIGHTS.items())
    script, tasks, keyed = [], [], []
    for n in range(count):
        kind, user = dice.choices(kinds, weights)[0], dice.randrange(users)
        amount = Decimal(dice.choice((1, 2, 3, 5, 8, 13))) * dice.choice((1, Decimal("0.5"), Decimal("0.000001")))
        op = {"n": n, "kind": kind, "user": user, "amount": amount}
        recent = tasks[-RECENT:]
        holds = [t for t in recent if t["kind"] == "hold"]  # a turn's hold is its settlement's to end
        if kind == "open":
            op.update(task=n, owner=dice.choice((0, 0, 1, "dead")), lease=dice.choice((600, 600, -60)), key=None, hash="00")
            if dice.random() < 0.1:
                op["amount"] = Decimal(0)
            if dice.random() < 0.35:
                op["key"], op["hash"] = n, dice.choice(("aa", "bb"))
                keyed.append(op)
            tasks.append(op)
        elif kind == "again" and keyed:
            first = dice.choice(keyed[-RECENT // 4:])
            op.update(kind="open", user=first["user"], task=n, owner=0, lease=600, key=first["key"],
                      hash=dice.choice((first["hash"], first["hash"], "cc")))
            tasks.append(op)
        elif kind == "hold":
            op.update(task=n, lease=dice.choice((600, -60)))
            tasks.append(op)
        elif kind == "hold again" and holds:
            first = dice.choice(holds)
            op.update(kind="hold", user=first["user"], task=first["task"], lease=600)
        elif kind == "settle" and recent or kind in ("confirm", "refund") and holds:
            first = dice.choice(recent if kind == "settle" else holds)
            op.update(user=first["user"], task=first["task"])
            op["amount"] = dice.choice((Decimal(0), first["amount"] / 2, first["amount"], first["amount"] + 1))
            if kind == "settle":
                op["owner"] = dice.choices((first.get("owner", 0), "stranger", None), (75, 10, 15))[0]
                op["end"], op["message"] = dice.choice((("completed", "success"), ("failed", "error"), ("cancelled", "error")))
        elif kind == "take":
            op.update(kind="grant", amount=-amount)
        elif kind == "extend":
            op["owner"] = dice.choice((0, 1))
        elif kind not in ("grant", "deduct", "expire"):
            op.update(kind="grant")  # nothing to work on yet
        op["amount"] = op["amount"].quantize(Decimal("0.000001"))
        script.append(op)
    return script


class Violation(Exception):
    """What the model cannot explain; .users and .tasks: whom and what it concerns (empty: everybody, everything)."""

    def __init__(self, text, *users, tasks=()):
        super().__init__(text)
        self.users = {u for u in users if u is not None}
        self.tasks = frozenset(tasks) - {None}


class Run:
    """One execution of a script in names of its own, so that runs in one database do not meet."""

    def __init__(self, services, script, dice, connections=8, crashes=True):
        self.sv, self.script, self.dice = services, script, dice
        self.connections, self.crashes = connections, crashes
        self.space = uuid.uuid4()
        self.ops = {op["n"]: op for op in script}
        self.told, self.window, self.names, self.crashed = {}, {}, {}, 0

    def name(self, what, which):
        """The id of a user, conversation, task or process of this run."""
        known = self.names.get((what, which))
        if known is None:
            known = self.names[what, which] = str(uuid.uuid5(self.space, f"{what}/{which}"))
        return known

    # -- running

    def prepare(self, pg):
        self.users = sorted({op["user"] for op in self.script})
        ids = "{" + ",".join(self.name("user", u) for u in self.users) + "}"
        pg.query("INSERT INTO users (id, email) SELECT u, u::text || '@example.org' FROM unnest($1::uuid[]) AS u", ids)
        pg.query("INSERT INTO conversations (id, user_id) SELECT c, u FROM unnest($1::uuid[], $2::uuid[]) AS x (c, u)",
                 "{" + ",".join(self.name("conversation", u) for u in self.users) + "}", ids)
        for owner in (0, 1, "stranger"):
            pg.query("SELECT process_heartbeat($1, 'responder', 'history', 1)", self.owner(owner))
            # alive for as long as this may take
            pg.query("UPDATE processes SET heartbeat_at = now() + interval '1 hour' WHERE id = $1", self.owner(owner))

    def owner(self, owner):
        return None if owner is None else self.name("owner", owner)

    def real(self, op):
        """An operation as history_run() takes it."""
        out = {"n": op["n"], "kind": op["kind"], "user": self.name("user", op["user"]), "amount": str(op["amount"]),
               "conversation": self.name("conversation", op["user"]), "note": f"op {op['n']}"}
        if "task" in op:
            out["task"] = self.name("task", op["task"])
        if "owner" in op:
            out["owner"] = self.owner(op["owner"])
        if op.get("key") is not None:
            out["key"] = f"key {self.space} {op['key']}"
        for field in ("lease", "hash", "end", "message"):
            if field in op:
                out[field] = op[field]
        return out

    def work(self, batches, errors):
        pg = None
        try:
            while True:
                try:
                    batch, fuse_s = batches.get_nowait()
                except queue.Empty:
                    return
                pg = pg or self.sv.pg()
                began = float(pg.one("SELECT extract(epoch FROM clock_timestamp())"))
                killer = None
                if fuse_s is not None:
                    killer = threading.Timer(fuse_s, self.kill, (pg.backend_pid(),))
                    killer.start()
                try:
                    text = pg.one("CALL history_run($1, NULL)", json.dumps([self.real(op) for op in batch]))
                    for n, t0, t1, said in json.loads(text):
                        self.window[n], self.told[n] = (t0, t1), said
                except PgError as e:
                    if killer is None or e.sqlstate not in (None, "57P01", "08006"):
                        raise
                    self.crashed += 1
                    for op in batch:
                        self.window[op["n"]] = (began, INFINITY)
                if killer:  # it must not hit a later owner of the same pid
                    killer.cancel()
                    killer.join()
                    pg.close()
                    pg = None
        except Exception as e:  # noqa: BLE001 - handed to the caller
            errors.append(e)
        finally:
            if pg:
                pg.close()

    def kill(self, pid):
        with self.sv.pg() as pg:
            pg.query("SELECT pg_terminate_backend($1)", pid)

    def execute(self):
        batches, errors = queue.Queue(), []
        for at in range(0, len(self.script), BATCH):
            fuse = self.dice.random() * 0.03 if self.crashes and self.dice.randrange(CRASH_EVERY) == 0 else None
            batches.put((self.script[at:at + BATCH], fuse))
        with self.sv.pg() as pg:
            self.prepare(pg)
        threads = [threading.Thread(target=self.work, args=(batches, errors)) for _ in range(self.connections)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if errors:
            raise errors[0]
        # what a killed connection had begun is over when its backend is
        with self.sv.pg() as pg:
            deadline = time.monotonic() + 30
            while pg.one("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL history_run%' AND state = 'active'"
                         " AND datname = current_database()") != "0" and time.monotonic() < deadline:
                time.sleep(0.01)
            model = Model(self, pg)
            try:
                model.check()
            except Violation:
                model.end_all()  # what it leaves must not get in the way of the next
                raise

    @staticmethod
    def once(services, script, seed, **options):
        """None, or the Violation found."""
        try:
            Run(services, script, random.Random(seed), **options).execute()
        except Violation as e:
            return e
        return None


class Model:
    """The accounts as they must be, given what the operations were told."""

    def __init__(self, run, pg):
        self.run, self.pg = run, pg
        self.user_of = {run.name("user", u): u for u in run.users}
        self.task_of = {run.name("task", op["task"]): op["task"] for op in run.script if "task" in op}
        self.ids = ids = "{" + ",".join(self.user_of) + "}"
        self.history, self.by_task = {u: [] for u in run.users}, {}
        for user, kind, amount, balance, task, note in pg.query(
                "SELECT user_id, change_type, change_amount, balance_after, task_id, description FROM credits_history"
                " WHERE user_id = ANY ($1::uuid[]) ORDER BY id", ids):
            row = (kind, Decimal(amount), Decimal(balance), self.task_of.get(task), note)
            self.history[self.user_of[user]].append(row)
            self.by_task.setdefault(row[3], []).append(row)
        self.balance = {self.user_of[u]: Decimal(c) for u, c in pg.query(
            "SELECT id, credits FROM users WHERE id = ANY ($1::uuid[])", ids)}
        self.holds = {self.task_of.get(t): (Decimal(a), Decimal(used), status) for t, a, used, status in pg.query(
            "SELECT task_id, amount, used, status FROM credit_transactions WHERE user_id = ANY ($1::uuid[])", ids)}
        self.tasks = {self.task_of.get(t): (status, Decimal(used), key) for t, status, used, key in pg.query(
            "SELECT id, status, credits_used, idempotency_key FROM tasks WHERE user_id = ANY ($1::uuid[])", ids)}
        # who may have made or ended what, by task
        self.makers, self.enders, self.expires = {}, {}, []
        for op in run.script:
            if op["kind"] in ("open", "hold"):
                self.makers.setdefault(op["task"], []).append(op)
            elif op["kind"] in ("settle", "confirm", "refund"):
                self.enders.setdefault(op["task"], []).append(op)
            elif op["kind"] == "expire":
                self.expires.append(op)
        self.sweeps_known = all(self.said(op) is not None for op in self.expires)
        self.sweeps_window = (min((run.window[op["n"]][0] for op in self.expires), default=0),
                              max((run.window[op["n"]][1] for op in self.expires), default=0))

    def said(self, op):
        """The outcome it was told, or None when nobody knows."""
        told = self.run.told.get(op["n"])
        return told and told["outcome"]

    def window(self, op):
        return self.run.window[op["n"]]

    def need(self, truth, text, *ops):
        if not truth:
            shown = "\n".join(f"  {op} was told {self.run.told.get(op['n'])} in {self.run.window.get(op['n'])}" for op in ops)
            raise Violation(f"{text}\n{shown}", *(op["user"] for op in ops), tasks=[op.get("task") for op in ops])

    def check(self):
        for op in self.run.script:
            told = self.run.told.get(op["n"])
            expected = not told or told["outcome"] != "error" or told["sqlstate"] in EXPECTED_ERRORS
            self.need(expected, "an error nobody expects", op)
        for user in self.run.users:
            self.check_history(user)
        for task in self.makers:
            self.check_task(task)
        for op in self.run.script:
            if op["kind"] in ("grant", "deduct"):
                self.check_grant(op)
        self.check_expiry()
        self.check_keys()
        self.check_audit()

    # -- a user's history

    def check_history(self, user):
        """Adds up; each change has its operation; the order agrees with time."""
        balance, latest_began, self.grants = Decimal(0), -1.0, getattr(self, "grants", {})
        began, ended, balances = [], [], [Decimal(0)]
        for row in self.history[user]:
            kind, amount, after, task, note = row
            balance += amount
            if balance != after or balance < 0:
                raise Violation(f"user {user}: {balance} rebuilt, {after} noted, after {row}", user)
            t0, t1 = self.cause_window(user, row)
            if t1 < latest_began:
                raise Violation(f"user {user}: {row} comes after what began when it had ended", user)
            latest_began = max(latest_began, t0)
            began.append(t0)
            ended.append(t1)
            balances.append(balance)
            if task is None:
                self.grants.setdefault(note, []).append((amount, after))
        if balance != self.balance[user]:
            raise Violation(f"user {user} has {self.balance[user]}, the history says {balance}", user)
        for times in (began, ended):  # the earliest of this and all later ones: sorted, to be searched
            for i in range(len(times) - 2, -1, -1):
                times[i] = min(times[i], times[i + 1])
        self.timeline = getattr(self, "timeline", {})
        self.timeline[user] = (began, ended, balances)

    def cause_window(self, user, row):
        """When the operation that made this change ran."""
        kind, _, _, task, note = row
        if kind == "hold":
            causes = [op for op in self.makers.get(task, ()) if self.said(op) in (None, "ok")]
        elif task is not None:
            enders = self.enders.get(task, [])
            causes = [op for op in enders if self.said(op) in ("ok", "true")]
            if not causes:  # a sweep, or one that nobody heard from
                causes = [op for op in enders if self.said(op) is None]
                windows = [self.window(op) for op in causes] + [self.sweeps_window]
                return min(w[0] for w in windows), max(w[1] for w in windows)
        else:
            causes = [self.run.ops[int(note.split()[1])]]
        if not causes:
            raise Violation(f"user {user}: nobody made this change: {row}", user)
        return min(self.window(op)[0] for op in causes), max(self.window(op)[1] for op in causes)

    def balances_during(self, op):
        """Every balance its user may have had while it ran."""
        began, ended, balances = self.timeline[op["user"]]
        t0, t1 = self.window(op)
        return balances[bisect.bisect_left(ended, t0):bisect.bisect_right(began, t1) + 1]

    # -- one operation's changes

    def check_grant(self, op):
        rows, said = self.grants.get(f"op {op['n']}", []), self.said(op)
        amount = op["amount"] if op["kind"] == "grant" else -op["amount"]
        self.need(len(rows) == (said == "ok") or (said is None and len(rows) <= 1), f"{len(rows)} changes", op)
        self.need(all(r[0] == amount for r in rows), f"another amount: {rows}", op)
        if said == "ok":
            self.need(Decimal(self.run.told[op["n"]]["balance"]) == rows[0][1], f"told another balance than {rows}", op)
        elif said in ("insufficient", "Insufficient credits"):
            self.need(any(b + amount < 0 for b in self.balances_during(op)), "refused, and there was enough", op)

    def check_task(self, task):
        makers, enders = self.makers[task], self.enders.get(task, [])
        hold = self.holds.get(task)
        rows = self.by_task.get(task, [])
        made = [op for op in makers if self.said(op) == "ok"]
        self.need(len(made) <= 1, "made twice", *makers)
        paid = [op for op in made if op["amount"] > 0]
        if paid:
            self.need(hold and hold[0] == paid[0]["amount"], f"the hold is {hold}", *paid)
            held = [r for r in rows if r[0] == "hold"]
            balance = Decimal(self.run.told[paid[0]["n"]]["balance"])
            self.need(len(held) == 1 and held[0][2] == balance, f"told another balance than {held}", *paid)
        if not made and not any(self.said(op) is None for op in makers):
            self.need(hold is None and task not in self.tasks, f"not made, but there: {hold}", *makers)
        for op in makers:
            if self.said(op) in ("insufficient",):
                self.need(any(b < op["amount"] for b in self.balances_during(op)), "refused, and there was enough", op)
            elif self.said(op) == "duplicate":
                self.need(hold is not None, "called a duplicate of nothing", op)
        for kind, most in (("hold", 1), ("hold_release", 1), ("chat_cost", 1)):
            self.need(sum(r[0] == kind for r in rows) <= most, f"changes: {rows}", *makers, *enders)
        self.check_end(task, makers, enders, hold)

    def check_end(self, task, makers, enders, hold):
        """Ended once, as the one who was told so said."""
        by_hold = [op for op in enders if op["kind"] != "settle" and self.said(op) == "ok"]
        settled = [op for op in enders if self.said(op) == "true"]
        self.need(len(by_hold) <= 1 and len(settled) <= 1, "ended twice", *by_hold, *settled)
        if by_hold:
            (op,) = by_hold
            want = ("confirmed", min(op["amount"], hold[0])) if op["kind"] == "confirm" else ("refunded", Decimal(0))
            self.need((hold[2], hold[1]) == want, f"the hold is {hold}, not {want}", op)
        if settled:
            (op,) = settled
            charged = Decimal(self.run.told[op["n"]]["charged"])
            owner = next(m["owner"] for m in makers if m["kind"] == "open")
            self.need(op["owner"] == owner or (op["owner"] is None and owner == "dead"), "settled by somebody else", op, *makers)
            self.need(self.tasks[task][:2] == (op["end"], charged), f"the task is {self.tasks[task]}", op)
            # by other means first: the settlement takes what was charged then
            others = [o for o in enders if o["kind"] != "settle" and self.said(o) is None]
            if hold and not by_hold and not others and hold[2] != "expired":
                self.need(charged == min(op["amount"], hold[0]) == hold[1], f"the hold is {hold}", op)
            if hold:
                self.need(charged == hold[1], f"the hold is {hold}", op)
        known = self.sweeps_known and not any(self.said(op) is None for op in enders + makers)
        if hold and known and not by_hold and not settled:
            self.need(hold[2] in ("pending", "expired"), f"nobody ended it, and it is {hold}", *makers, *enders)
        for op in enders:
            self.check_refused_end(op, task, makers, hold)

    def check_refused_end(self, op, task, makers, hold):
        said, told = self.said(op), self.run.told.get(op["n"])
        t0 = self.window(op)[0]
        if said in ("missing",) or (said == "false" and told["status"] is None):
            early = [m for m in makers if self.said(m) == "ok" and self.window(m)[1] < t0]
            if op["kind"] != "settle":
                early = [m for m in early if m["amount"] > 0]
            else:
                early = [m for m in early if m["kind"] == "open"]
            self.need(not early, "called missing what was there", op, *early)
        elif said == "already":
            self.need(hold is not None and hold[2] != "pending", f"told it was over, and it is {hold}", op)
            if op["kind"] == "confirm":
                self.need(Decimal(told["charged"]) == hold[1], f"told another charge than {hold}", op)
        elif said == "false" and told["status"] in ("pending", "running"):
            opened = [m for m in makers if m["kind"] == "open"]
            owner = opened[0]["owner"]
            allowed = op["owner"] != owner and not (op["owner"] is None and owner == "dead")
            # opened at that moment: it looked for a task that was not there yet, and told of the one that was
            allowed = allowed or any(self.window(m)[1] >= t0 for m in opened)
            self.need(allowed, "its owner was refused", op, *opened)
        elif said == "false":
            self.need(self.tasks[task][0] == told["status"] and self.tasks[task][1] == Decimal(told["charged"]),
                      f"told of another end than {self.tasks[task]}", op)

    # -- the whole

    def check_expiry(self):
        """Only leases that ran out; as many as the sweeps counted."""
        expired = [t for t, h in self.holds.items() if h[2] == "expired"]
        for task in expired:
            makers = [m for m in self.makers[task] if self.said(m) in (None, "ok")]
            self.need(any(m["lease"] < 0 for m in makers), "expired before its time", *makers)
            opened = [m for m in makers if m["kind"] == "open"]
            live = [m for m in opened if m["owner"] in (0, 1) and self.said(m) == "ok"]
            ended = [op for op in self.enders.get(task, []) if op["kind"] == "settle" and self.said(op) in (None, "true")]
            self.need(not live or ended, "expired under its living owner", *live)
        counted = sum(self.run.told[op["n"]]["count"] for op in self.expires if self.said(op) == "ok")
        # a sweep sees the holds of other runs in this database, too: fewer are ours than were counted
        if self.sweeps_known and len(expired) > counted:
            raise Violation(f"{len(expired)} holds expired, the sweeps counted {counted}")

    def check_keys(self):
        keys = {}
        for op in self.run.script:
            if op.get("key") is not None:
                keys.setdefault(op["key"], []).append(op)
        for ops in keys.values():
            there = [op for op in ops if op["task"] in self.tasks]
            self.need(len(there) <= 1, "one key, two tasks", *there)
            for op in ops:
                said = self.said(op)
                if said == "idempotent_replay":
                    existing = self.task_of.get(self.run.told[op["n"]]["existing"])
                    same = there and existing == there[0]["task"] and op["hash"] == there[0]["hash"]
                    self.need(same, "sent to another task", op, *there)
                elif said == "idempotency_mismatch":
                    self.need(there and op["hash"] != there[0]["hash"], "refused its own key", op, *there)

    def end_all(self):
        """Ends what is left, as the sweeper would."""
        run, pg = self.run, self.pg
        for owner in (0, 1, "stranger"):
            pg.query("UPDATE processes SET heartbeat_at = now() - interval '1 hour' WHERE id = $1", run.name("owner", owner))
        pg.query("SELECT count(*) FROM (SELECT turn_settle(id, NULL, 'failed', 'error', '', NULL, 'interrupted', NULL, 0, 0,"
                 " true, 0, NULL, NULL, 1, NULL, NULL) FROM tasks"
                 " WHERE user_id = ANY ($1::uuid[]) AND completed_at IS NULL) AS s", self.ids)
        pg.query("SELECT count(*) FROM (SELECT credits_refund(task_id, 'end') FROM credit_transactions"
                 " WHERE user_id = ANY ($1::uuid[]) AND status = 'pending') AS r", self.ids)

    def check_audit(self):
        self.end_all()
        broken = self.pg.query(
            "SELECT b.invariant, b.detail, c.user_id FROM audit_broken b"
            " LEFT JOIN credit_transactions c ON c.task_id = (b.detail->>'task_id')::uuid"
            " WHERE coalesce(b.detail->>'user_id', c.user_id::text) = ANY ($1::text[])", self.ids)
        if broken:
            raise Violation(f"the auditor: {broken[:5]}", *(self.user_of.get(row[2]) for row in broken))


# ---- shrinking ---------------------------------------------------------------------------


def shrink(services, script, seed, violation, seconds=60, **options):
    """The smallest script found that still fails, its violation, and whether one connection is enough."""
    deadline = float("inf")  # finding what can be made small at all takes the time it takes: a bounded number of runs

    def fails(candidate, **more):
        for attempt in range(1 if more.get("connections") == 1 else 4):
            if time.monotonic() > deadline:
                return None
            found = Run.once(services, candidate, seed + attempt, **{**options, **more})
            if found:
                return found
        return None

    def concerned(op, tasks):
        if op["kind"] in ("expire", "extend"):
            return True
        return op["user"] in violation.users and (
            not tasks or op.get("task") in tasks or op["kind"] == "grant" and op["amount"] > 0)

    def narrow(how):
        """Those of the same task and what pays for them, else all of the user, else all."""
        for tasks in dict.fromkeys((violation.tasks, frozenset())) if violation.users else ():
            mine = [op for op in script if concerned(op, tasks)]
            found = fails(mine, **how)
            if found:
                return mine, found
        found = fails(script, **how)
        return found and (script, found)

    # one after the other they fail every time, or never: the quickest to make small
    for how in ({"connections": 1, "crashes": False}, {"crashes": False}):
        narrower = narrow(how)
        if narrower:
            script, violation = narrower
            break
    deadline = time.monotonic() + seconds
    pieces = 2
    while len(script) > 1 and time.monotonic() < deadline:
        size = -(-len(script) // pieces)
        for at in range(0, len(script), size):
            rest = script[:at] + script[at + size:]
            found = rest and fails(rest, **how)
            if found:
                script, violation, pieces = rest, found, max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(pieces * 2, len(script))
    return script, violation, how.get("connections") == 1


def install(services):
    with open(os.path.join(HERE, "history.sql")) as f, services.pg() as pg:
        pg.script(f.read())


def prove(services, seed, count, users=16, connections=8, only=None, crashes=True, shrink_s=60, out=sys.stderr):
    """Runs one script; raises Violation with the shrunk failure and how to repeat it. Returns the Run."""
    script = make_script(seed, count, users)
    if only is not None:
        script = [op for op in script if op["n"] in only]
    run = Run(services, script, random.Random(seed), connections, crashes)
    try:
        run.execute()
    except Violation as violation:
        small, last, alone = shrink(services, script, seed, violation, shrink_s, connections=connections)
        numbers = ",".join(str(op["n"]) for op in small)
        raise Violation(
            f"{last}\n\nshrunk from {len(script)} to {len(small)} operations; at first it was:\n{violation}\n\nrepeat with\n"
            f"  tests/fault/history.py --seed {seed} --ops {count} --users {users} --connections {1 if alone else connections}"
            f" --only {numbers}", *last.users) from violation
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--ops", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=16)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--only")
    args = parser.parse_args()
    only = {int(n) for n in args.only.split(",")} if args.only else None
    with Services() as services:
        install(services)
        for attempt in range(10 if only else 1):
            began = time.monotonic()
            try:
                run = prove(services, args.seed, args.ops, args.users, args.connections, only, crashes=not only)
            except Violation as e:
                sys.exit(f"seed {args.seed}: {e}")
            print(f"seed {args.seed}: {len(run.script)} operations in {time.monotonic() - began:.1f} s,"
                  f" {run.crashed} connections killed")


if __name__ == "__main__":
    main()
