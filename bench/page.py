"""B17: a conversation of 1,000 messages in Chromium: how soon it is there, and what an answer that is written in it costs the page."""

import json
import os
import shutil
import subprocess

import weirstack
from benchlib import HERE, Row, median

MESSAGES = 1000
TITLE = "A thousand messages"
CHROMIUM = os.environ.get("WEIR_CHROMIUM", "/usr/bin/chromium")
TABLE = "| Width | Height | Flow |\n|---|---|---|\n| 1 m | 20 cm | 160 l/s |\n| 2 m | 20 cm | 320 l/s |\n\n"
CODE = "```python\ndef flow(width, height):\n    return 1.84 * width * height ** 1.5\n```\n\n"
FORMULA = "The flow is $Q = 1.84\\,b\\,h^{3/2}$.\n\n"


def missing():
    """Why there is no browser to measure in, or None."""
    for what, there in (("nodejs", shutil.which("node")), ("chromium", os.path.exists(CHROMIUM)),
                        ("web/dist (./dev build)", os.path.exists(f"{weirstack.SRC}/web/dist/index.html"))):
        if not there:
            return f"no {what}"
    return None


def text(i):
    """Paragraphs and a list; a table, code and a formula now and then."""
    if i % 2 == 0:
        return f"Question {i}: how does it flow?"
    more = {4: TABLE, 8: CODE, 6: FORMULA}.get(i // 2 % 10, "")
    return (f"Answer {i}: a **weir** holds the water back, so that it stands higher above than below.\n\n"
            f"- it measures what flows\n- it keeps boats afloat ([more](https://example.org/{i}))\n\n{more}"
            "堰把水拦住，使上游的水位高于下游。")


def b17(bench, plan):
    why = missing()
    if why:
        return [Row("B17", f"a conversation of {MESSAGES:,} messages in the page", "", "", "skipped", why, None)], []
    user = bench.make_user(credits=100)
    messages = [{"role": "assistant" if i % 2 else "user", "content": text(i)} for i in range(MESSAGES)]
    bench.post("/api/import/conversation", {"title": TITLE, "messages": messages}, user)
    env = {"WEIR_URL": f"http://127.0.0.1:{bench.port}", "WEIR_LOGIN": user.login, "WEIR_PASSWORD": user.password, "WEIR_TITLE": TITLE,
           "WEIR_LAST": f"Answer {MESSAGES - 1}:", "WEIR_CHROMIUM": CHROMIUM, "ROUNDS": str(2 * plan.rounds + 1)}
    done = subprocess.run(["node", f"{HERE}/page.mjs"], env={**os.environ, **env}, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)

    def opened(times):
        p50 = median(times)
        return f"{p50:.0f} ms", f"slowest {max(times):.0f} ms", "≤ 400 ms", p50 <= 400

    def task(rounds):
        cpu = median([r[1] for r in rounds])
        return f"{cpu:.0f} ms", f"by the clock {median([r[0] for r in rounds]):.0f} ms", "≤ 50 ms", cpu <= 50

    click, address = opened(found["click"]), opened(found["address"])
    few, all_of_them = task(found["answer"]), task(found["answerAll"])
    lines = ((f"a conversation of {MESSAGES:,} messages, from the click", click), ("  from its address, the page and all", address),
             ("  longest task while an answer is written, CPU", few), (f"  the same with {found['drawn']:,} messages drawn", all_of_them))
    return [Row("B17" if i == 0 else "", what, ours, "", comes, wanted, met)
            for i, (what, (ours, comes, wanted, met)) in enumerate(lines)], found
