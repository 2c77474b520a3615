"""What the screens show: people, conversations, documents, pictures and what was used, the same in every run.

All of it is held in the past of the day it is made on, at fixed hours; screens.mjs shows that day as another one.
"""

import random
import time

MARKDOWN = """## What a weir does

A weir raises the water **above** it, so that boats may pass and mills may turn. It is *not* a dam: water flows over it.[^1]

- It slows the current
- It keeps a depth of `1.8 m`
  1. in summer
  2. and in winter
- [x] inspected
- [ ] repaired

> A river is never the same twice, and neither is its weir.

| Kind | Height | Built |
|:--|--:|:-:|
| Needle | 2.10 m | 1834 |
| Drum | 3.45 m | 1911 |
| Fixed | 0.80 m | 1702 |

```python
def flow(width, head):
    # Poleni, in cubic metres a second
    return 2 / 3 * 0.62 * width * (2 * 9.81) ** 0.5 * head ** 1.5
```

The discharge is $Q = \\tfrac23 \\mu b \\sqrt{2g}\\,h^{3/2}$, and

$$\\int_0^h \\sqrt{2 g z}\\,dz = \\tfrac23 \\sqrt{2g}\\, h^{3/2}.$$

堰抬高了上游的水位，使船只得以通行。**“堰”**不是坝。

[^1]: Unless it is dry.
"""
NOTES = """# Weirs

A weir raises the water above it, so that boats may pass.

## Needle dams

A needle dam is closed by hand, needle by needle, against the stream.

## 堰

堰抬高了上游的水位，使船只得以通行。
"""
# days ago, title
HELD = ((1, "Fish ladders and their slopes"), (1, "船闸是怎样工作的"), (2, "A letter to the water board"), (4, "Poleni's formula"),
        (6, "Names for a boat"), (9, "堰与坝的区别"), (13, "Rainfall in the Ardennes"))
MAKERS = {"paint": ("google/nano-banana", "image", "image", 5), "roll": ("sora-2-text-to-video", "video", "second", 3)}


class Seed:
    def __init__(self, sv):
        self.sv = sv
        self.ids = {}

    def api(self, method, path, body=None, user=None):
        answer = self.sv.request(method, path, user, body)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.text}"
        return answer.json

    def person(self, login, nickname, role=None, credits="250"):
        self.sv.weirctl("user", "add", "--login", login, *(["--role", role] if role else []), input="correct horse battery\n")
        if credits:
            self.sv.weirctl("credits", "grant", login, credits, "--reason", "A present")
        user = self.sv.sign_in(login, "correct horse battery")
        self.api("PATCH", "/api/me", {"nickname": nickname}, user)
        return user

    def until(self, what):
        end = time.monotonic() + 120
        while not what():
            assert time.monotonic() < end, "the seed did not come up in 120 s"
            time.sleep(0.1)

    def all(self):
        """Makes everything, and answers what screens.mjs must know."""
        self.admin = self.person("grace@example.org", "Grace", role="admin")
        self.ada = self.person("ada@example.org", "Ada")
        self.others = [self.person(f"{login}@example.org", name, credits=credits)
                       for login, name, credits in (("lin", "Lin", "1200"), ("tomas", "Tomás", "37.5"), ("mei", "Mei", ""))]
        self.catalogue()
        self.knowledge()
        self.making()
        self.assistants()
        self.keys()
        self.talk()
        self.wait()
        self.used()
        self.past()
        return self.ids

    def catalogue(self):
        """Models that make, and one for vectors."""
        rows = []
        for name, (_, kind, meter, price) in MAKERS.items():
            self.api("POST", "/api/admin/models", {"name": name, "type": kind, "context_tokens": 100, "max_output_tokens": 100,
                                                    "price_input_per_mtok": 0, "price_output_per_mtok": 0, "sort": 500}, self.admin)
            rows.append({"model": name, "meter": meter, "unit_price": price, "per": 1})
        self.api("PUT", "/api/admin/prices", {"rows": rows, "models": list(MAKERS)}, self.admin)
        self.api("POST", "/api/admin/models", {"name": "vectors", "type": "embedding", "is_default": True, "context_tokens": 32000,
                                                "max_output_tokens": 1, "price_input_per_mtok": 100, "price_output_per_mtok": 0}, self.admin)
        demo = f"http://127.0.0.1:{self.sv.demo_port}"
        for name, provider, models in (("makers", "kie", [{"model": m, "upstream_name": up[0]} for m, up in MAKERS.items()]),
                                       ("vectors", "openai", [{"model": "vectors", "upstream_name": "demo-fast"}])):
            self.api("POST", "/api/admin/channels", {"name": name, "provider": provider, "base_url": demo, "api_key": "demo",
                                                      "allow_private": True, "models": models}, self.admin)
        # until every responder knows them
        self.until(lambda: all(set(MAKERS) <= {m["name"] for m in self.api("GET", "/api/models", user=self.ada)["items"]} for _ in range(8)))

    def knowledge(self):
        base = self.api("POST", "/api/knowledge", {"name": "Rivers", "description": "What is known of weirs, locks and dams."}, self.ada)["id"]
        self.api("POST", "/api/knowledge", {"name": "会议记录"}, self.ada)
        for title, text in (("Notes on weirs", NOTES), ("Locks", "A lock lifts a boat from one level to the next.\n" * 12),
                            ("鱼道", "鱼道使鱼能够越过堰坝，回到上游产卵。\n" * 8)):
            document = self.api("POST", f"/api/knowledge/{base}/documents", {"title": title, "text": text}, self.ada)["document"]["id"]
            self.ids.setdefault("document", document)
        self.ids["base"] = base

    def making(self):
        conversation = self.api("POST", "/api/conversations", {"title": "Pictures of rivers"}, self.ada)["id"]
        for prompt in ("A weir at dawn", "A lock keeper's house in the snow", "黄昏时分的水坝"):
            self.api("POST", "/api/images/generate", {"prompt": prompt, "model": "paint", "size": "16:9", "conversation_id": conversation,
                                                      "wait": True}, self.ada)

    def assistants(self):
        for name, avatar, description, share in (("Fox", "F", "Knows rivers, and says so.", "house"),
                                                 ("翻译", "译", "把中文译成英文，把英文译成中文。", "private"),
                                                 ("Reviewer", "", "Reads a text twice and tells what is missing.", "link")):
            self.api("POST", "/api/assistants", {"name": name, "avatar": avatar, "description": description, "prompt": "Be brief.",
                                                  "share": share, "openers": ["What is a weir?", "And a dam?"]}, self.ada)
        for title, text in (("Summary", "Sum this up in {{count}} sentences:"), ("Polite", "Say this politely."),
                                     ("翻译", "译成{{language}}：")):
            self.api("POST", "/api/prompts", {"name": title, "text": text}, self.ada)

    def keys(self):
        for name, label, more in (("My editor", "desk", {"budget": {"amount": 5, "period": "day"}, "rpm": 60}),
                                  ("Nightly build", "servers", {"models": ["demo-fast"], "max_concurrent": 4}), ("Old laptop", None, {})):
            key = self.api("POST", "/api/keys", {"name": name, "label": label, **more}, self.ada)
        self.api("POST", f"/api/keys/{key['id']}/revoke", user=self.ada)

    def talk(self):
        self.ids["markdown"] = self.api("POST", "/api/import/conversation", {"title": "All about weirs", "messages": [
            {"role": "user", "content": "What is a weir, and how much water flows over it?"},
            {"role": "assistant", "content": MARKDOWN, "model": "demo"}]}, self.ada)["id"]
        for _, title in HELD:
            self.api("POST", "/api/import/conversation", {"title": title, "messages": [
                {"role": "user", "content": title}, {"role": "assistant", "content": "Gladly."}]}, self.ada)
        turn = self.sv.chat(self.ada, "How does a lock work? [[demo reasoning=12]]", model="demo-fast")
        self.ids["answer"] = turn.conversation
        self.api("PATCH", f"/api/conversations/{turn.conversation}", {"title": "How a lock works"}, self.ada)
        self.sv.chat(self.ada, "[[demo fault=filter]] Something refused", conversation=turn.conversation, model="demo-fast")

    def wait(self):
        """Until the worker has done what was begun."""
        documents = f"/api/knowledge/{self.ids['base']}/documents"
        self.until(lambda: all(d["state"] == "ready" for d in self.api("GET", documents, user=self.ada)["items"]))
        self.until(lambda: not self.api("GET", "/api/tasks?active=true", user=self.ada)["items"])

    def used(self):
        """Three weeks of calls, and how the channel fared."""
        dice = random.Random(1702)
        with self.sv.pg() as pg:
            for user, weight in ((self.ada, 6), (self.others[0], 9), (self.others[1], 3)):
                for days in range(1, 22):
                    for n in range(dice.randrange(weight)):
                        model = dice.choice(("demo", "demo-fast", "demo-slow"))
                        asked, said = dice.randrange(200, 9000), dice.randrange(50, 3000)
                        failed = dice.random() < 0.06
                        pg.query("INSERT INTO usage (created_at, user_id, channel, provider, model, request_tokens, response_tokens, cost,"
                                 " latency_ms, first_token_ms, status, error_code, request_id) VALUES (date_trunc('day', now(), 'UTC')"
                                 " - make_interval(days => $1::int) + make_interval(hours => $2::int, mins => $3::int), $4, 'demo', 'openai', $5,"
                                 " $6, $7, $8, $9, $10, $11, $12, $13)", days, 6 + n, dice.randrange(60), user.id, model, asked, said,
                                 round((asked + 2 * said) / 1000, 4), dice.randrange(900, 9000), dice.randrange(90, 800),
                                 "failed" if failed else "completed", "llm_error" if failed else None, f"req-{days:02}-{n:02}")
            for kind, cause, status, detail in (("probe_failed", "connect", 0, "Could not connect to server"),
                                                ("down", "server", 503, "HTTP 503 overloaded: come back later"), ("up", "server", 503, None)):
                pg.query("SELECT channel_event_add($1, id, 0, $2, $3, 0, $4, 'here') FROM channels WHERE name = 'demo'", kind, cause, status, detail)
            rolled = "SELECT (SELECT max(id) FROM usage) <= (SELECT id FROM usage_rolled)"
            self.until(lambda: pg.query("SELECT usage_roll_up(100000)") and pg.query(rolled)[0][0] in (True, "t"))

    def past(self):
        """What was made just now was made on some day before."""
        with self.sv.pg() as pg:
            for days, title in HELD:
                pg.query("UPDATE conversations SET updated_at = date_trunc('day', now(), 'UTC') - make_interval(days => $1::int) + interval '15 hours',"
                         " created_at = date_trunc('day', now(), 'UTC') - make_interval(days => $1::int) + interval '14 hours' WHERE title = $2", days, title)
