"""GET /api/search: one's own messages by their words, in Chinese and English, as soon as weir-worker has noted them."""

import uuid
from urllib.parse import quote

import pytest

from weirtest import wait_until

TALK = [("user", "What is a weir?"), ("assistant", "A **low dam** across a river.\nIt raises the water; see max_connections."),
        ("user", "用中文再说一遍，数据库也要"), ("assistant", "堰是横跨河流的低坝，用来抬高水位。資料庫連線")]


class Finder:
    def __init__(self, weir):
        self.weir, self.user = weir, weir.make_user()

    def held(self, *talk, title="Talk"):
        messages = [{"role": role, "content": content} for role, content in talk]
        answer = self.weir.post("/api/import/conversation", {"title": title, "messages": messages}, self.user)
        assert answer.status == 201, answer
        return answer.json["id"]

    def ask(self, q, **query):
        return self.weir.get("/api/search?q=" + quote(q) + "".join(f"&{k}={v}" for k, v in query.items()), self.user)

    def hits(self, q, **query):
        answer = self.ask(q, **query)
        assert answer.status == 200, answer
        return answer.json["items"]

    def noted(self, q, count=1):
        """The hits, once there are so many."""
        wait_until(lambda: len(self.hits(q)) == count, f"{count} hits of {q}", timeout_s=60, every_s=0.2)
        return self.hits(q)


def marked(hit):
    return [hit["snippet"][m["from"]:m["to"]] for m in hit["marks"]]


@pytest.fixture(scope="module")
def finder(weir):
    finder = Finder(weir)
    finder.talk = finder.held(*TALK, title="Weirs 堰")
    finder.noted("堰")
    return finder


def test_english(finder):
    hit, = finder.hits("river DAMS")
    assert (hit["conversation_id"], hit["title"], hit["role"], hit["active"]) == (finder.talk, "Weirs 堰", "assistant", True)
    assert hit["snippet"] == "A **low dam** across a river. It raises the water; see max_connections."
    assert marked(hit) == ["dam", "river"]
    assert set(hit) == {"id", "conversation_id", "title", "role", "model", "created_at", "active", "snippet", "marks"}
    assert marked(finder.hits("riv")[0]) == ["river"], "the last word is not finished"
    assert finder.hits("riv water") == [], "that of another is"
    assert marked(finder.hits("max_conn")[0]) == ["max_connections"]
    assert finder.hits("river ocean") == [], "all words must be there"


def test_chinese(finder):
    hit, = finder.hits("抬高水位")
    assert marked(hit) == ["抬高水位"]
    assert marked(finder.hits("资料库")[0]) == ["資料庫"], "traditional as simplified"
    assert [marked(h) for h in finder.hits("坝")] == [["坝"]], "one character, the last of its run"
    assert [h["role"] for h in finder.hits("数据库")] == ["user"]
    assert marked(finder.hits("数据库 中文")[0]) == ["中文", "数据库"]


def test_nothing_to_look_for(finder):
    assert finder.hits("?!。") == []
    for q in ("", "x" * 201):
        answer = finder.ask(q)
        assert (answer.status, answer.json["code"], answer.json["details"]["field"]) == (400, "invalid_request", "q")
    assert finder.weir.get("/api/search", finder.user).status == 400
    assert finder.weir.get("/api/search?q=%ff", finder.user).status == 400
    # what could be syntax is text
    for q in ("' | 'a", "a:* & !b", "\\", "river')--", "'':*"):
        assert finder.ask(q).status == 200, q
    assert finder.ask("river", limit=0).status == finder.ask("river", limit=51).status == 400


def test_ones_own_alone(weir, finder):
    stranger = Finder(weir)
    assert stranger.hits("river") == []
    theirs = stranger.held(("user", "another river"), ("assistant", "yes, a river"))
    assert {h["conversation_id"] for h in stranger.noted("river", 2)} == {theirs}
    assert {h["conversation_id"] for h in finder.hits("river")} == {finder.talk}
    answer = stranger.ask("river", before_id=finder.hits("river")[0]["id"])
    assert (answer.status, answer.json["details"]["field"]) == (400, "before_id"), "no cursor of another's"
    # the word that stands for a user is in no text, and in no query
    assert stranger.hits("=" + str(uuid.uuid4())) == []


def test_pages(weir):
    finder = Finder(weir)
    finder.held(*[("user" if n % 2 == 0 else "assistant", f"brook number{n}") for n in range(30)])
    finder.noted("number29")
    finder.noted("number0 ")
    found, answer = [], finder.ask("brook", limit=12)
    while True:
        found += answer.json["items"]
        if not answer.json["has_more"]:
            break
        answer = finder.ask("brook", limit=12, before_id=found[-1]["id"])
    assert len(found) == len({h["id"] for h in found}) == 30
    order = [(h["created_at"], h["id"]) for h in found]
    assert order == sorted(order, reverse=True), "newest first"
    newer = finder.ask("brook", limit=5, after_id=found[10]["id"]).json
    assert [h["id"] for h in newer["items"]] == [h["id"] for h in found[5:10]] and newer["has_more"]
    assert finder.ask("brook", before_id=str(uuid.uuid4())).status == 400


def test_what_is_asked_and_answered(weir):
    """A turn, an edit of its question, and what is deleted."""
    finder = Finder(weir)
    turn = weir.chat(finder.user, "a question about otters")
    path = f"/api/conversations/{turn.conversation}/messages"
    first = finder.noted("otters question")[0]
    assert (first["role"], first["active"]) == ("user", True)
    answer = weir.get(path, finder.user).json["items"][-1]
    word = max(answer["content"].split(), key=len)
    wait_until(lambda: answer["id"] in [h["id"] for h in finder.hits(word)], "the answer", timeout_s=60, every_s=0.2)
    edited = weir.post(path, {"content": "a question about beavers", "edit_of": first["id"]}, finder.user)
    assert edited.status == 200, edited
    other = finder.noted("beavers question")[0]
    assert other["active"] and not finder.hits("otters question")[0]["active"], "the other version is found, too"
    assert weir.delete(f"{path}/{other['id']}", finder.user).status == 204
    assert finder.hits("beavers question") == []
    assert weir.delete(f"/api/conversations/{turn.conversation}", finder.user).status == 204
    assert finder.hits("otters") == []
    assert weir.pg().one("SELECT count(*) FROM message_words WHERE user_id = $1", finder.user.id) == "0"


def test_what_was_there_before(weir):
    """As after an upgrade: nothing of what is there was noted."""
    finder = Finder(weir)
    finder.held(("user", "ancient words"), ("assistant", "古老的文字"))
    finder.noted("ancient")
    finder.noted("古老")
    pg = weir.pg()
    pg.query("DELETE FROM message_words")
    pg.query("UPDATE message_words_past SET before_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff'")
    finder.noted("ancient")
    finder.noted("古老")


def test_long(weir):
    """Of a very long text the first 65,536 characters are found; other texts of the same step are not lost."""
    finder = Finder(weir)
    finder.held(("user", "".join(chr(0x4e00 + n % 20000) + chr(0x4e00 + n * 7919 % 20000) for n in range(15000)) + " end30000"),
                ("assistant", "the answer to it"))
    assert marked(finder.noted("end30000")[0]) == ["end30000"]
    finder.noted("answer")
