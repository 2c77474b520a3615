"""Objects in a bucket: signed, moved there and back, lost by nobody; and a bucket that fails."""

import contextlib
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.request
import urllib.error

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from storelib import SECRET, Bucket, Missing, fails  # noqa: E402
from weirstack import SRC  # noqa: E402
from weirtest import Services  # noqa: E402

MB = 1 << 20
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    try:
        with Bucket(str(tmp_path_factory.mktemp("bucket"))) as b:
            yield b
    except Missing as e:
        pytest.skip(str(e))


@pytest.fixture(scope="module")
def weir(bucket):
    with Services() as sv:
        sv.options = {"uploads": {"max_bytes": "64m", "user_bytes": "0"}, "server": {"processes": "1", "workers": "2"},
                      "storage": bucket.conf(orphan_age="1s", keep_local="1h", timeout="2s")}
        sv.up(sv.options, worker=False)
        sv.back = conf_of(sv, "back", driver="local")
        sv.weirctl("model", "add", "seer", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "4000",
                   "--abilities", "vision")
        sv.weirctl("channel", "add", "seer", "--provider", "openai", "--url", f"http://127.0.0.1:{sv.demo_port}/v1",
                   "--key-stdin", "--allow-private", "--model", "seer=demo-fast", input="k\n")
        yield sv


@pytest.fixture
def user(weir):
    return weir.make_user()


def conf_of(weir, name, **storage):
    """The path of a configuration that differs in [storage]."""
    path = f"{weir.folder}/{name}.conf"
    weir.write_conf({**weir.options, "storage": {**weir.options["storage"], **storage}}, path)
    return path


def upload(weir, user, size=2000):
    data = PNG + os.urandom(size)
    answer = weir.post("/api/uploads", data, user, headers={"Content-Type": "image/png"})
    assert answer.status == 201, answer
    return answer.json, data


def path_of(thing):
    return thing["url"][thing["url"].index("/api/"):]


def object_of(weir, thing):
    """name, place and the path of the local copy."""
    with weir.pg() as pg:
        name, place = pg.query("SELECT o.name, o.place FROM uploads u JOIN objects o ON o.id = u.object_id WHERE u.id = $1",
                               thing["id"])[0]
    return name, place, f"{weir.uploads}/{name}"


def work(weir, conf=None):
    """What weir-worker does by the clock, once; its log."""
    return subprocess.run([weir.program("weir-worker"), "-c", conf or weir.conf_path, "--once"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True).stdout


def fetch(url, method="GET"):
    """status, headers, body of an address, asked without any of our credentials."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as r:
            return r.status, r.headers, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


# ---- there -----------------------------------------------------------------------------


def test_an_upload_goes_to_the_bucket_and_is_read_from_it(weir, bucket, user):
    thing, data = upload(weir, user)
    name, place, copy = object_of(weir, thing)
    assert place == "local" and hashlib.sha256(data).hexdigest() in name
    assert weir.get(path_of(thing), user).body == data, "it can be read before it is in the bucket"
    log = work(weir)
    assert object_of(weir, thing)[1] == "s3", log
    with open(bucket.file("site/" + name), "rb") as f:
        assert f.read() == data
    assert weir.get(path_of(thing), user).body == data and os.path.exists(copy), "a copy stays here"
    os.unlink(copy)
    answer = weir.get(path_of(thing), user)
    assert answer.status == 302
    url = answer.headers["Location"]
    status, headers, body = fetch(url)
    assert (status, body) == (200, data)
    assert "response-content-type=image%2Fpng" in url and "response-content-disposition=inline" in url
    assert "no-store" in answer.headers["Cache-Control"] or "private" in answer.headers["Cache-Control"]
    assert SECRET not in url and SECRET not in log
    # the address says who may: nothing of it can be changed
    signature = re.search("X-Amz-Signature=([0-9a-f]{64})", url).group(1)
    for wrong in (url.replace(signature, signature[::-1]), url.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"),
                  url.replace("image%2Fpng", "text%2Fhtml"), url.split("?")[0]):
        assert wrong != url and fetch(wrong)[0] == 403, wrong
    # and nobody else is told
    assert weir.get(path_of(thing), weir.make_user()).status == 404
    assert weir.get(path_of(thing)).status == 401


def test_a_wrong_key_is_refused(weir, user):
    thing, _ = upload(weir, user)
    wrong = conf_of(weir, "wrong", secret_key="not/" + SECRET)
    done = weir.weirctl("storage", "status", conf=wrong, check=False)
    assert done.returncode == 1 and "HTTP 403 SignatureDoesNotMatch" in done.stderr, done
    assert SECRET not in done.stdout + done.stderr
    log = work(weir, wrong)
    assert "SignatureDoesNotMatch" in log and SECRET not in log
    assert object_of(weir, thing)[1] == "local"
    assert weir.weirctl("storage", "status").returncode == 0


@pytest.mark.parametrize("change, said", [({"driver": "floppy"}, "driver"), ({"bucket": ""}, "bucket"),
                                          ({"secret_key": ""}, "secret_key"), ({"endpoint": "s3.example"}, "endpoint")])
def test_what_is_not_configured_does_not_start(weir, change, said):
    conf = conf_of(weir, "unfit", **change)
    done = subprocess.run([weir.program("weir-fcgi"), "-c", conf, "--listen", weir.folder + "/unfit.sock", "--pool", "1"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
    assert done.returncode == 78 and said in done.stdout and SECRET not in done.stdout, done
    assert said in weir.weirctl("doctor", conf=conf, check=False).stdout


def test_the_doctor_asks_the_bucket(weir, bucket):
    assert re.search(r"^ok +storage +the bucket files", weir.weirctl("doctor", check=False).stdout, re.M)
    wrong = conf_of(weir, "wrong", secret_key="not/" + SECRET)
    assert re.search(r"^fail +storage .*SignatureDoesNotMatch", weir.weirctl("doctor", conf=wrong, check=False).stdout, re.M)


def test_the_bucket_in_the_host(weir, bucket, user):
    """As Amazon wants it; this store does not, so that we look at what it is asked."""
    thing, _ = upload(weir, user)
    work(weir, conf_of(weir, "style", path_style="no", endpoint=f"http://localhost:{bucket.port}"))
    path = next(a[1] for a in bucket.asked if a[0] == "PUT" and a[2]["Host"] == f"files.localhost:{bucket.port}")
    assert re.fullmatch("/site/[0-9a-f]{2}/[0-9a-f]{64}[.][0-9a-f]{12}", path)
    assert object_of(weir, thing)[1] == "local"


def test_a_large_one_goes_in_parts(weir, bucket, user):
    thing, data = upload(weir, user, 20 * MB)
    log = work(weir)
    name, place, copy = object_of(weir, thing)
    assert place == "s3", log
    parts = [a[1] for a in bucket.asked if a[0] == "PUT" and name in a[1]]
    assert [re.search("partNumber=([0-9]+)", p).group(1) for p in parts] == ["1", "2"]
    with open(bucket.file("site/" + name), "rb") as f:
        assert hashlib.sha256(f.read()).digest() == hashlib.sha256(data).digest()
    os.unlink(copy)
    status, _, body = fetch(weir.get(path_of(thing), user).headers["Location"])
    assert status == 200 and body == data


def test_what_is_removed_goes_from_the_bucket_too(weir, bucket, user):
    thing, data = upload(weir, user)
    twin = weir.post("/api/uploads", data, weir.make_user(), headers={"Content-Type": "image/png"})
    assert twin.status == 201
    work(weir)
    name, _, copy = object_of(weir, thing)
    assert weir.delete(path_of(thing), user).status == 204
    work(weir)
    assert "site/" + name in bucket.names(), "somebody else keeps the same"
    with weir.pg() as pg:
        pg.query("DELETE FROM uploads WHERE id = $1", twin.json["id"])
    work(weir)
    assert "site/" + name not in bucket.names() and not os.path.exists(copy)


def test_a_model_is_shown_what_is_in_the_bucket(weir, bucket, user):
    thing, data = upload(weir, user)
    work(weir)
    _, place, copy = object_of(weir, thing)
    assert place == "s3"
    os.unlink(copy)
    turn = weir.chat(user, "look", model="seer", image_url=thing["url"])
    assert turn.final["type"] == "done", turn.final
    with open(copy, "rb") as f:
        assert f.read() == data, "fetched, and kept for the next turn"
    assert os.listdir(weir.uploads + "/tmp") == []
    weir.audit()


# ---- a bucket that fails ---------------------------------------------------------------


def test_a_passing_failure_is_tried_again(weir, bucket, user):
    thing, _ = upload(weir, user)
    with bucket.fault(fails(2, 503, "SlowDown")):
        work(weir)
    assert object_of(weir, thing)[1] == "s3"


def test_while_it_is_down_nothing_is_lost(weir, bucket, user):
    old, _ = upload(weir, user)
    work(weir)
    os.unlink(object_of(weir, old)[2])
    bucket.down()
    try:
        thing, data = upload(weir, user)
        log = work(weir)
        assert "objects_not_moved" in log and SECRET not in log
        assert object_of(weir, thing)[1] == "local" and weir.get(path_of(thing), user).body == data
        done = weir.weirctl("storage", "status", check=False)
        assert done.returncode == 1 and "onnect" in done.stderr, done
        before = weir.balance(user)
        turn = weir.chat(user, "look", model="seer", image_url=old["url"])
        assert (turn.status, turn.answer.code) == (503, "unavailable")
        assert weir.balance(user) == before
    finally:
        bucket.up()
    work(weir)
    assert object_of(weir, thing)[1] == "s3"


def test_what_comes_damaged_is_refused(weir, bucket, user):
    thing, data = upload(weir, user)
    work(weir)
    name, _, copy = object_of(weir, thing)
    os.unlink(copy)

    def cut(handler, status, headers, body):
        return status, headers, body, len(body) // 2

    def shorter(handler, status, headers, body):
        return status, headers, body[:-1], len(body) - 1

    def longer(handler, status, headers, body):
        return status, headers, body + b"x", len(body) + 1

    def other(handler, status, headers, body):
        return status, headers, body[:-1] + b"x", len(body)

    for fault in (cut, shorter, longer, other):
        with bucket.fault(lambda h, s, hs, b, f=fault: f(h, s, hs, b) if h.command == "GET" and name in h.path else (s, hs, b, len(b))):
            turn = weir.chat(user, "look", model="seer", image_url=thing["url"])
        assert (turn.status, turn.answer.code) == (503, "unavailable"), fault
        assert not os.path.exists(copy) and os.listdir(weir.uploads + "/tmp") == []
    assert weir.chat(user, "look", model="seer", image_url=thing["url"]).final["type"] == "done"


def test_what_is_damaged_here_is_not_taken_there(weir, bucket, user):
    thing, data = upload(weir, user)
    name, _, copy = object_of(weir, thing)
    with open(copy, "wb") as f:
        f.write(data[:-1] + bytes([data[-1] ^ 1]))
    assert "object_damaged" in work(weir)
    assert object_of(weir, thing)[1] == "local" and "site/" + name not in bucket.names()
    assert weir.delete(path_of(thing), user).status == 204


def test_parts_that_fail_are_given_up_and_sent_again(weir, bucket, user):
    thing, _ = upload(weir, user, 20 * MB)
    name = object_of(weir, thing)[0]

    def second_part(handler, status, headers, body):
        if "partNumber=2" in handler.path:
            return 403, [], b"<Error><Code>AccessDenied</Code></Error>", 40
        return status, headers, body, len(body)

    with bucket.fault(second_part):
        assert "AccessDenied" in work(weir)
    assert object_of(weir, thing)[1] == "local"
    assert [a for a in bucket.asked if a[0] == "DELETE" and name in a[1] and "uploadId=" in a[1]], "the parts cost money"
    work(weir)
    assert object_of(weir, thing)[1] == "s3"


# ---- there and back --------------------------------------------------------------------


@contextlib.contextmanager
def moving(weir, where, conf):
    p = subprocess.Popen([weir.program("weirctl"), "-c", conf, "--migrations", SRC + "/migrations", "storage", "move", where],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    yield p
    p.kill()
    p.wait()
    p.stdout.close()


@pytest.mark.parametrize("where", ["s3", "local", "s3"])
def test_a_move_that_is_killed_goes_on(weir, bucket, user, where):
    conf = weir.conf_path if where == "s3" else weir.back
    things = [upload(weir, user, 50000) for _ in range(12)]
    if where == "local":
        work(weir)
        for thing, _ in things[::2]:
            os.unlink(object_of(weir, thing)[2])
    bucket.proxy.delay_s = 0.02
    kills = 0
    try:
        for _ in range(6):
            with moving(weir, where, conf) as p:
                time.sleep(random.uniform(0.05, 0.4))
                kills += p.poll() is None
                p.send_signal(signal.SIGKILL)
            for thing, data in things[:3]:  # at any moment it can be read
                answer = weir.get(path_of(thing), user)
                body = fetch(answer.headers["Location"])[2] if answer.status == 302 else answer.body
                assert body == data
    finally:
        bucket.proxy.delay_s = 0
    assert kills > 0
    done = weir.weirctl("storage", "move", where, conf=conf)
    assert "moved" in done.stdout or "all is there" in done.stdout
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM objects WHERE place <> $1", where) == "0"
    for thing, data in things:
        name, place, copy = object_of(weir, thing)
        with open(bucket.file("site/" + name) if where == "s3" else copy, "rb") as f:
            assert f.read() == data
    if where == "local":
        time.sleep(1.1)  # [storage] orphan_age
        weir.weirctl("storage", "sweep", conf=conf)
        assert bucket.names() == []


def test_a_move_against_the_driver_is_refused(weir):
    for where, conf in (("local", weir.conf_path), ("s3", weir.back)):
        done = weir.weirctl("storage", "move", where, conf=conf, check=False)
        assert done.returncode == 1 and "driver" in done.stderr, done


def test_the_sweep_removes_what_no_row_knows(weir, bucket, user):
    thing, _ = upload(weir, user)
    work(weir)
    kept = "site/" + object_of(weir, thing)[0]
    mark = os.urandom(32).hex()
    orphan, foreign, elsewhere = f"site/{mark[:2]}/{mark}.0123456789ab", "site/notes.txt", f"{mark[:2]}/{mark}.0123456789ab"
    for name in (orphan, foreign, elsewhere):
        os.makedirs(os.path.dirname(bucket.file(name)), exist_ok=True)
        with open(bucket.file(name), "wb") as f:
            f.write(b"x")
    young = conf_of(weir, "young", orphan_age="1h")
    assert " 0 removed" in weir.weirctl("storage", "sweep", conf=young).stdout
    time.sleep(1.1)
    assert " 1 removed" in weir.weirctl("storage", "sweep").stdout
    names = bucket.names()
    assert orphan not in names and {kept, foreign, elsewhere} <= set(names)
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM audit_log WHERE action = 'storage.sweep'") != "0"


def test_copies_go_in_time(weir, user):
    thing, _ = upload(weir, user)
    work(weir)
    name, place, copy = object_of(weir, thing)
    assert place == "s3" and os.path.exists(copy)
    old = time.time() - 2 * 3600
    os.utime(copy, (old, old))
    work(weir, weir.back)
    assert os.path.exists(copy), "driver = local: it is on its way back"
    work(weir)
    assert not os.path.exists(copy) and weir.get(path_of(thing), user).status == 302


def test_a_full_disk_stops_a_move_and_loses_nothing(weir, bucket, user):
    thing, data = upload(weir, user, 3 * MB)
    work(weir)
    name, _, copy = object_of(weir, thing)
    os.unlink(copy)
    before = os.listdir(weir.uploads + "/tmp")  # what those left who were killed
    done = subprocess.run(["bash", "-c", 'ulimit -f 1024; trap "" XFSZ; exec "$@"', "-", weir.program("weirctl"), "-c",
                           weir.back, "--migrations", SRC + "/migrations", "storage", "move", "local"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 1 and "could not be written" in done.stdout, done.stdout
    assert object_of(weir, thing)[1] == "s3" and "site/" + name in bucket.names()
    assert os.listdir(weir.uploads + "/tmp") == before
    weir.weirctl("storage", "move", "local", conf=weir.back)
    assert object_of(weir, thing)[1] == "local"
    with open(copy, "rb") as f:
        assert f.read() == data


# ---- put there by browsers ---------------------------------------------------------------


def ticket(weir, user, data, kind="image/png"):
    answer = weir.post("/api/uploads/presign", {"content_type": kind, "size_bytes": len(data)}, user)
    assert answer.status == 201, answer
    return answer.json


def put(given, data, **headers):
    """As a browser does: without any of our credentials."""
    asked = urllib.request.Request(given["url"], data=data, method=given["method"], headers={**given["headers"], **headers})
    try:
        with urllib.request.urlopen(asked, timeout=10) as r:
            return r.status
    except urllib.error.HTTPError as e:
        return e.code


def complete(weir, user, given):
    return weir.post(f"/api/uploads/{given['id']}/complete", None, user)


def test_a_browser_puts_a_file_into_the_bucket_itself(weir, bucket, user):
    data = PNG + os.urandom(5000)
    given = ticket(weir, user, data)
    assert set(given) == {"id", "method", "url", "headers", "expires_in"} and set(given["headers"]) == {"Content-Type", "If-None-Match"}
    assert given["method"] == "PUT" and given["expires_in"] == 900 and given["headers"]["Content-Type"] == "image/png"
    assert SECRET not in given["url"]
    before = complete(weir, user, given)
    assert before.status == 409 and before.code == "conflict", before
    assert put(given, data) == 200
    other = weir.make_user()
    assert complete(weir, other, given).status == 404 and complete(weir, None, given).status == 401
    done = complete(weir, user, given)
    assert done.status == 200 and done.json["id"] == given["id"] and done.json["content_type"] == "image/png", done
    assert done.json["size_bytes"] == len(data)
    assert object_of(weir, done.json)[1] == "s3"
    answer = weir.get(path_of(done.json), user)
    assert answer.status == 302 and fetch(answer.headers["Location"])[2] == data
    assert weir.get(path_of(done.json), other).status == 404
    assert complete(weir, user, given).json == done.json, "again it answers the same"
    assert [u["id"] for u in weir.get("/api/uploads", user).json["items"]] == [given["id"]]
    # it is sent to models as others are
    assert weir.chat(user, "what is it?", model="seer", image_url=done.json["url"]).final["type"] == "done"
    assert weir.delete(path_of(done.json), user).status == 204
    work(weir)
    assert not any(given["id"] in name for name in bucket.names())


def test_what_is_signed_cannot_be_changed(weir, user):
    data = PNG + os.urandom(100)
    given = ticket(weir, user, data)
    assert put(given, data, **{"Content-Type": "text/html"}) == 403
    assert put(given, data + b"more") == 403
    assert put({**given, "url": given["url"].replace("Expires=900", "Expires=9000")}, data) == 403
    assert put({**given, "method": "GET"}, None) == 403
    assert complete(weir, user, given).status == 409


@pytest.mark.parametrize("data,problem", [(b"<html>" + b"x" * 194, "type"), (b"GIF89a" + b"x" * 194, "type")])
def test_what_is_not_what_was_said_is_nobodys(weir, bucket, user, data, problem):
    given = ticket(weir, user, b"x" * 200)
    assert put(given, data) == 200
    answer = complete(weir, user, given)
    assert answer.status == 415 and answer.code == "unsupported_media_type" and problem in answer.json["details"]["problem"], answer
    assert complete(weir, user, given).status == 404 and weir.get("/api/uploads", user).json["items"] == []
    time.sleep(1.2)  # orphan_age
    weir.weirctl("storage", "sweep")
    assert not any(given["id"] in name for name in bucket.names())


def test_a_file_of_another_length_is_nobodys(weir, bucket, user):
    """A store that does not look at Content-Length, or a file that was changed there."""
    data = PNG + os.urandom(100)
    given = ticket(weir, user, data)
    assert put(given, data) == 200
    with weir.pg() as pg:
        pg.query("UPDATE upload_tickets SET size_bytes = size_bytes + 1 WHERE id = $1", given["id"])
    answer = complete(weir, user, given)
    assert answer.status == 415 and "long" in answer.json["details"]["problem"]


@pytest.mark.parametrize("body,status,code", [
    ({"content_type": "text/html", "size_bytes": 10}, 415, "unsupported_media_type"),
    ({"content_type": "image/svg+xml", "size_bytes": 10}, 415, "unsupported_media_type"),
    ({"content_type": "image/png", "size_bytes": 65 * MB}, 413, "too_large"),
    ({"content_type": "image/png", "size_bytes": 0}, 400, "invalid_request"),
    ({"content_type": "image/png"}, 400, "invalid_request"), ({"size_bytes": 5}, 400, "invalid_request")])
def test_what_no_ticket_is_given_for(weir, user, body, status, code):
    answer = weir.post("/api/uploads/presign", body, user)
    assert (answer.status, answer.code) == (status, code), answer
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM upload_tickets WHERE user_id = $1", user.id) == "0"


def test_a_bucket_that_is_away_when_a_file_is_completed(weir, bucket, user):
    data = PNG + os.urandom(100)
    given = ticket(weir, user, data)
    assert put(given, data) == 200
    with bucket.fault(fails(100, 503, "SlowDown")):
        answer = complete(weir, user, given)
        assert answer.status == 503 and answer.code == "unavailable", answer
    assert complete(weir, user, given).status == 200


def test_tickets_end(weir, user):
    data = PNG + os.urandom(100)
    given = ticket(weir, user, data)
    assert put(given, data) == 200
    with weir.pg() as pg:
        pg.query("UPDATE upload_tickets SET expires_at = now() - interval '1 second' WHERE id = $1", given["id"])
    assert complete(weir, user, given).status == 404
    ticket(weir, user, data)
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM upload_tickets WHERE user_id = $1", user.id) == "1"
