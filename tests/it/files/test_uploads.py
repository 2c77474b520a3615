"""Uploads: kept by content, served to their owner by nginx, sent to models; nothing half-written ever shows."""

import base64
import glob
import http.server
import json
import os
import resource
import signal
import struct
import subprocess
import threading
import time
import uuid
import zlib

import pytest
import weirtest
from weirtest import BEGIN, PARAMS, STDIN, Fcgi, fcgi_pair, fcgi_params, fcgi_record, wait_until

MB = 1 << 20
WEIR_CONF = {"uploads": {"max_bytes": "1m", "user_bytes": "3m", "inline_bytes": "256k", "previews": "no"},
             "server": {"processes": "1", "workers": "2", "cors_origins": "https://app.example"}}


def png(width=1, more=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0" * (width + 1))) + chunk(b"IEND", b"") + os.urandom(more))


FILES = {
    "image/png": png(),
    "image/jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"x" * 50,
    "image/gif": b"GIF89a" + b"\1\0\1\0" + b"\0" * 20,
    "image/webp": b"RIFF\x24\0\0\0WEBPVP8 " + b"\0" * 24,
    "audio/mpeg": b"ID3\x04\0\0\0\0\0\0" + b"\0" * 30,
    "audio/wav": b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 24,
    "audio/ogg": b"OggS\0\2" + b"\0" * 20 + b"\1\x13OpusHead" + b"\0" * 20,
    "audio/webm": b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\x82\x84webm" + b"\0" * 20 + b"A_OPUS",
    "video/webm": b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\x82\x84webm" + b"\0" * 20 + b"V_VP9 A_OPUS",
    "audio/mp4": b"\0\0\0\x20ftypM4A \0\0\0\0" + b"\0" * 20,
    "video/mp4": b"\0\0\0\x20ftypisom\0\0\2\0" + b"\0" * 20,
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
}
REFUSED = {
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "text": b"just words",
    "zip": b"PK\3\4" + b"\0" * 40,
    "heic": b"\0\0\0\x18ftypheic" + b"\0" * 16,
    "quicktime": b"\0\0\0\x14ftypqt  " + b"\0" * 16,
    "matroska": b"\x1aE\xdf\xa3\x9fB\x82\x88matroska",
    "theora": b"OggS\0\2" + b"\0" * 20 + b"\1\x2a\x80theora" + b"\0" * 20,
    "aac": b"\xff\xf1\x50\x80" + b"\0" * 20,
    "short": b"\xff",
    "elf": b"\x7fELF" + b"\0" * 60,
}


def send(weir, user, data, **headers):
    headers.setdefault("Content-Type", "application/octet-stream")
    return weir.post("/api/uploads", data, user, headers={k.replace("_", "-"): v for k, v in headers.items()})


def upload(weir, user, data=None):
    answer = send(weir, user, data or FILES["image/png"])
    assert answer.status == 201, answer
    return answer.json


def path_of(thing):
    return thing["url"][thing["url"].index("/api/"):]


def file_of(weir, thing):
    """Where an upload's bytes are."""
    with weir.pg() as pg:
        name = pg.one("SELECT o.name FROM uploads u JOIN objects o ON o.id = u.object_id WHERE u.id = $1", thing["id"])
    return f"{weir.uploads}/{name}"


def on_disk(weir):
    """Every file below the folder, tmp included."""
    return sorted(p for p in glob.glob(weir.uploads + "/*/*") if os.path.isfile(p))


def in_tmp(weir):
    return [p for p in on_disk(weir) if "/uploads/tmp/" in p]


@pytest.fixture
def fresh(weir):
    """Somebody with nothing uploaded."""
    return weir.make_user()


# ---- success ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_comes_back_as_it_went(weir, user, kind):
    data = FILES[kind] + os.urandom(1000)
    answer = send(weir, user, data, Content_Type="text/html")  # what the sender says does not count
    assert answer.status == 201, answer
    got = answer.json
    assert got["url"] == f"http://127.0.0.1:{weir.port}/api/uploads/{got['id']}"
    assert (got["content_type"], got["size_bytes"]) == (kind, len(data))
    assert got["created_at"].endswith("Z")
    back = weir.get(f"/api/uploads/{got['id']}", user)
    assert (back.status, back.body) == (200, data)
    assert back.headers["Content-Type"] == kind
    assert back.headers["Cache-Control"] == "private, no-cache"
    assert back.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in back.headers["Content-Security-Policy"]
    assert back.headers["X-Request-Id"]
    assert "X-Accel-Redirect" not in back.headers
    how = "attachment" if kind == "application/pdf" else "inline"
    assert back.headers["Content-Disposition"].startswith(f'{how}; filename="{got["id"]}.')
    assert weir.delete(f"/api/uploads/{got['id']}", user).status == 204


def test_browsers_get_304_and_ranges(weir, user):
    got = upload(weir, user, FILES["audio/mpeg"] + bytes(range(256)))
    first = weir.get(path_of(got), user)
    again = weir.get(path_of(got), user, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    part = weir.get(path_of(got), user, headers={"Range": "bytes=0-2"})
    assert (part.status, part.body) == (206, b"ID3")
    head = weir.request("HEAD", path_of(got), user)
    assert (head.status, head.body, int(head.headers["Content-Length"])) == (200, b"", got["size_bytes"])
    cors = weir.get(path_of(got), user, headers={"Origin": "https://app.example"})
    assert cors.headers["Access-Control-Allow-Origin"] == "https://app.example"


def test_as_large_as_allowed(weir, fresh):
    got = upload(weir, fresh, png(more=MB - len(png())))
    assert got["size_bytes"] == MB
    assert len(weir.get(path_of(got), fresh).body) == MB


def test_list_is_the_callers_own(weir, fresh):
    assert weir.get("/api/uploads", fresh).json == {"items": [], "has_more": False}
    ids = [upload(weir, fresh)["id"] for _ in range(3)]
    page = weir.get("/api/uploads?limit=2", fresh).json
    assert ([u["id"] for u in page["items"]], page["has_more"]) == ([ids[2], ids[1]], True)
    page = weir.get(f"/api/uploads?limit=2&before_id={ids[1]}", fresh).json
    assert ([u["id"] for u in page["items"]], page["has_more"]) == ([ids[0]], False)
    page = weir.get(f"/api/uploads?after_id={ids[0]}", fresh).json
    assert [u["id"] for u in page["items"]] == [ids[2], ids[1]]
    stale = weir.get(f"/api/uploads?before_id={uuid.uuid4()}", fresh)
    assert (stale.status, stale.code) == (400, "invalid_request")
    assert weir.get("/api/uploads?limit=0", fresh).status == 400


def test_delete_takes_the_file_too(weir, fresh):
    got = upload(weir, fresh, png(more=100))
    path = file_of(weir, got)
    assert os.path.exists(path)
    answer = weir.delete(f"/api/uploads/{got['id']}", fresh)
    assert (answer.status, answer.body) == (204, b"")
    assert not os.path.exists(path)
    assert weir.get(f"/api/uploads/{got['id']}", fresh).code == "not_found"
    assert weir.delete(f"/api/uploads/{got['id']}", fresh).status == 404


def test_the_same_bytes_are_kept_once(weir, user, fresh):
    data, before = png(more=1000), on_disk(weir)
    mine, again, theirs = upload(weir, fresh, data), upload(weir, fresh, data), upload(weir, user, data)
    assert len({u["id"] for u in (mine, again, theirs)}) == 3
    path = file_of(weir, mine)
    assert [p for p in on_disk(weir) if p not in before] == [path] and file_of(weir, theirs) == path
    for thing in (mine, again):  # each counts for who keeps it
        assert weir.delete(path_of(thing), fresh).status == 204
        assert weir.get(path_of(theirs), user).body == data
    assert weir.delete(path_of(theirs), user).status == 204
    assert on_disk(weir) == before


def test_a_lost_file_comes_back_with_its_bytes(weir, user, fresh):
    data = png(more=1000)
    mine = upload(weir, fresh, data)
    os.unlink(file_of(weir, mine))
    assert weir.get(path_of(mine), fresh).status == 404
    upload(weir, user, data)
    assert weir.get(path_of(mine), fresh).body == data


def test_bringing_and_removing_the_same_at_once(weir, user, fresh):
    """Whoever brings what somebody else just gives up has it, or is told why not."""
    data = png(more=1000)

    def turn(i):
        who = (user, fresh)[i % 2]
        got = upload(weir, who, data)
        assert weir.get(path_of(got), who).body == data
        assert weir.delete(path_of(got), who).status == 204

    before = on_disk(weir)
    weirtest.at_once(24, turn, threads=4)
    assert on_disk(weir) == before
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM objects o WHERE uses <> (SELECT count(*) FROM uploads u WHERE u.object_id = o.id)") == "0"


def test_idempotency_key(weir, fresh):
    data = FILES["image/gif"]
    first = send(weir, fresh, data, Idempotency_Key="up-1")
    again = send(weir, fresh, data, Idempotency_Key="up-1")
    assert (first.status, again.status) == (201, 201)
    assert again.json["id"] == first.json["id"] and again.headers["Idempotent-Replay"] == "true"
    other = send(weir, fresh, FILES["image/png"], Idempotency_Key="up-1")
    assert (other.status, other.code) == (409, "idempotency_mismatch")
    assert len(weir.get("/api/uploads", fresh).json["items"]) == 1
    assert in_tmp(weir) == []
    assert send(weir, fresh, REFUSED["html"], Idempotency_Key="up-2").status == 415
    assert send(weir, fresh, data, Idempotency_Key="up-2").status == 201  # what failed may be tried again


# ---- refusals ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", REFUSED)
def test_other_kinds_are_415(weir, fresh, kind):
    answer = send(weir, fresh, REFUSED[kind], Content_Type="image/png")
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert "PNG" in answer.json["message"]
    assert weir.get("/api/uploads", fresh).json["items"] == []


def test_empty_body(weir, user):
    answer = send(weir, user, b"")
    assert (answer.status, answer.code, answer.json["details"]["field"]) == (400, "invalid_request", "body")


def test_too_large_is_413_and_leaves_nothing(weir, fresh):
    before = on_disk(weir)
    answer = send(weir, fresh, png(more=MB))
    assert (answer.status, answer.code) == (413, "too_large")
    assert answer.json["details"]["limit_bytes"] == MB
    assert on_disk(weir) == before


def test_quota(weir, fresh):
    kept = [upload(weir, fresh, png(more=MB - 1000)) for _ in range(3)]
    answer = send(weir, fresh, png(more=9000))
    assert (answer.status, answer.code) == (413, "storage_quota")
    details = answer.json["details"]
    assert details == {"limit_bytes": 3 * MB, "used_bytes": sum(k["size_bytes"] for k in kept)}
    assert all(os.path.exists(file_of(weir, k)) for k in kept)
    assert weir.delete(path_of(kept[0]), fresh).status == 204
    assert send(weir, fresh, png(more=9000)).status == 201


def test_many_at_once_cannot_pass_the_quota(weir, fresh):
    before = len(on_disk(weir))
    got = weirtest.at_once(8, lambda i: send(weir, fresh, png(more=MB - 1000)).status, threads=8)
    assert sorted(got) == [201] * 3 + [413] * 5
    assert len(on_disk(weir)) == before + 3


def test_no_token(weir, user):
    got = upload(weir, user)
    for answer in (weir.post("/api/uploads", FILES["image/png"]), weir.get("/api/uploads"),
                   weir.get(f"/api/uploads/{got['id']}"), weir.delete(f"/api/uploads/{got['id']}")):
        assert (answer.status, answer.code) == (401, "unauthenticated")
    assert weir.get(path_of(got), user).status == 200


def test_other_peoples_are_404(weir, user, fresh, admin):
    got = upload(weir, user)
    for who in (fresh, admin):
        assert weir.get(f"/api/uploads/{got['id']}", who).code == "not_found"
        assert weir.delete(f"/api/uploads/{got['id']}", who).code == "not_found"
        assert weir.get(f"/api/uploads?before_id={got['id']}", who).status == 400
    for path in (f"/api/uploads/{uuid.uuid4()}", "/api/uploads/nonsense", "/api/uploads/%2e%2e%5cetc"):
        assert weir.get(path, user).status == 404
    assert weir.get(path_of(got), user).status == 200


def test_nginx_gives_no_file_by_itself(weir, user):
    got = upload(weir, user)
    for path in (file_of(weir, got).replace(weir.uploads, "/weir-uploads"), "/weir-uploads/", "/weir-uploads"):
        assert weir.get(path, user).body != FILES["image/png"]
        assert path == "/weir-uploads" or weir.get(path, user).status == 404, path
    assert b"database" not in weir.get("/weir-uploads/%2e%2e/weir.conf", user).body
    assert b"database" not in weir.get("/weir-uploads../weir.conf", user).body


def test_a_lost_file_is_404(weir, fresh):
    got = upload(weir, fresh, png(more=100))
    os.unlink(file_of(weir, got))
    assert weir.get(path_of(got), fresh).code == "not_found"
    assert weir.delete(path_of(got), fresh).status == 204


# ---- trouble -------------------------------------------------------------------------


def test_disk_full_is_507_and_leaves_nothing(weir, fresh):
    """A file size limit makes write() fail in the middle, as a full disk does."""
    before = on_disk(weir)
    pids = weir.responders()
    old = [resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids]
    try:
        for pid, (_, hard) in zip(pids, old):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (300 * 1024, hard))
        answer = send(weir, fresh, png(more=MB // 2))
    finally:
        for pid, limits in zip(pids, old):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    assert (answer.status, answer.code) == (507, "storage_full")
    assert on_disk(weir) == before
    assert weir.get("/api/uploads", fresh).json["items"] == []
    assert weir.responders() == pids, "the responder died of it"
    assert send(weir, fresh, png(more=MB // 2)).status == 201


def test_a_really_full_disk(weir, fresh):
    """The same on a file system of 512 KB, where mounting is allowed."""
    incoming = weir.uploads + "/tmp"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", incoming],
                      stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        answer = send(weir, fresh, png(more=MB * 3 // 4))
        assert (answer.status, answer.code) == (507, "storage_full")
        assert os.listdir(incoming) == []
    finally:
        subprocess.run(["umount", incoming], check=True)


def test_a_folder_that_cannot_be_written_is_503(weir, fresh):
    incoming = weir.uploads + "/tmp"
    os.rename(incoming, incoming + ".away")
    with open(incoming, "w"):
        pass
    try:
        answer = send(weir, fresh, FILES["image/png"])
    finally:
        os.unlink(incoming)
        os.rename(incoming + ".away", incoming)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert send(weir, fresh, FILES["image/png"]).status == 201


def half_an_upload(weir, user):
    """A FastCGI connection that has sent half of its body."""
    conn = Fcgi(weir.fcgi_path)
    env = fcgi_params("POST", "/api/uploads", b"", {"Authorization": "Bearer " + user.token})
    env["CONTENT_LENGTH"], env["CONTENT_TYPE"] = str(MB // 2), "image/png"
    conn.send(fcgi_record(BEGIN, struct.pack(">HB5x", 1, 0)))
    conn.send(fcgi_record(PARAMS, b"".join(fcgi_pair(k.encode(), v.encode()) for k, v in env.items())))
    conn.send(fcgi_record(PARAMS))
    data = png(more=MB // 4)
    for at in range(0, len(data), 32768):
        conn.send(fcgi_record(STDIN, data[at:at + 32768]))
    wait_until(lambda: in_tmp(weir) and os.path.getsize(in_tmp(weir)[0]) > 0, "the first bytes on disk", 5)
    return conn


def test_a_client_that_leaves_leaves_nothing(weir, fresh):
    before = on_disk(weir)
    conn = half_an_upload(weir, fresh)
    conn.sock.close()
    wait_until(lambda: on_disk(weir) == before, "tmp to be cleared", 5)
    assert weir.get("/api/uploads", fresh).json["items"] == []


def test_kill_9_in_the_middle_shows_nothing(weir, fresh):
    before = on_disk(weir)
    conn = half_an_upload(weir, fresh)
    for pid in weir.responders():
        os.kill(pid, signal.SIGKILL)
    with pytest.raises((EOFError, ConnectionError)):
        conn.answer()
    wait_until(lambda: weir.get("/healthz").status == 200, "a new responder", 10)
    assert weir.get("/api/uploads", fresh).json["items"] == []
    left = [p for p in on_disk(weir) if p not in before]
    assert len(left) == 1 and "/uploads/tmp/" in left[0], left
    sweep(weir)
    assert os.path.exists(left[0]), "a young file may still be coming in"
    age(left[0])
    sweep(weir)
    assert on_disk(weir) == before


# ---- the worker -------------------------------------------------------------------------


def age(path):
    old = time.time() - 2 * 86400
    os.utime(path, (old, old))


def sweep(weir):
    subprocess.run([weir.program("weir-worker"), "-c", weir.conf_path, "--once"], check=True,
                   stderr=subprocess.DEVNULL)


def test_the_worker_removes_what_is_nobodys(weir, user, fresh):
    kept, gone = upload(weir, user, png(more=100)), [upload(weir, fresh, png(more=100)) for _ in range(3)]
    paths = {u["id"]: file_of(weir, u) for u in [kept, *gone]}
    # of before there were objects, and of programs of that time
    legacy = str(uuid.uuid4())
    paths[legacy] = f"{weir.uploads}/{legacy[-2:]}/{legacy}"
    os.makedirs(os.path.dirname(paths[legacy]), exist_ok=True)
    with open(paths[legacy], "wb") as f:
        f.write(png())
    with weir.pg() as pg:
        pg.query("INSERT INTO uploads (id, user_id, content_type, size_bytes) VALUES ($1, $2, 'image/png', $3)", legacy,
                 user.id, len(png()))
    os.makedirs(weir.uploads + "/00", exist_ok=True)
    stray = weir.uploads + "/00/01890f5e-0000-7000-8000-000000000000"
    foreign = weir.uploads + "/00/notes.txt"
    for path in (stray, foreign):
        with open(path, "w") as f:
            f.write("x")
    for path in (*paths.values(), stray, foreign):
        age(path)
    young = weir.uploads + "/00/01890f5e-0000-7000-8000-000000000100"
    with open(young, "w") as f:
        f.write("x")
    with weir.pg() as pg:
        pg.query("DELETE FROM users WHERE id = $1", fresh.id)
    sweep(weir)
    assert os.path.exists(paths[kept["id"]]) and weir.get(path_of(kept), user).status == 200
    assert weir.get(f"/api/uploads/{legacy}", user).body == png()
    assert not any(os.path.exists(paths[u["id"]]) for u in gone)
    assert not os.path.exists(stray)
    assert os.path.exists(young), "its row may be about to be made"
    assert os.path.exists(foreign), "what is not ours is left alone"
    os.unlink(young)
    os.unlink(foreign)


# ---- to models -----------------------------------------------------------------------------


class Recorder(http.server.BaseHTTPRequestHandler):
    """A provider that keeps what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        piece = {"choices": [{"index": 0, "delta": {"content": "seen "}}]}
        if self.server.early:
            self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
            self.wfile.flush()
            time.sleep(0.3)
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        for event in (json.dumps(piece), json.dumps(last), "[DONE]"):
            self.wfile.write(f"data: {event}\n\n".encode())
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def recorder(weir):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.asked, server.early = [], False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    weir.weirctl("model", "add", "seer", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "4000",
                 "--abilities", "vision,audio,video")
    weir.weirctl("channel", "add", "seer", "--provider", "openai", "--url",
                 f"http://127.0.0.1:{server.server_port}/v1", "--key-stdin", "--allow-private", "--model", "seer",
                 input="k\n")
    yield server
    server.shutdown()
    server.server_close()


def parts(message):
    """The attachments of a recorded message: kind -> url."""
    content = message["content"]
    if isinstance(content, str):
        return {}
    return {p["type"]: p[p["type"]].get("url") or f"{p[p['type']]['format']}:{p[p['type']]['data']}" for p in content if p["type"] != "text"}


def as_data(kind, data):
    return f"data:{kind};base64," + base64.b64encode(data).decode()


def test_an_upload_goes_to_the_model_as_its_bytes(weir, fresh, recorder):
    image, sound = FILES["image/png"] + b"\0" * 7, FILES["audio/wav"]
    one, two = upload(weir, fresh, image), upload(weir, fresh, sound)
    turn = weir.chat(fresh, "what is this", model="seer", image_url=one["url"], audio_url=two["url"],
                     video_url="https://example.org/clip.mp4")
    assert turn.final["type"] == "done", turn.final
    sent = recorder.asked[-1]["messages"][-1]
    assert parts(sent) == {"image_url": as_data("image/png", image), "input_audio": as_data("audio/wav", sound).replace("data:audio/wav;base64,", "wav:"),
                           "video_url": "https://example.org/clip.mp4"}
    # the message keeps the address
    user_message = turn.of("start")[0]["user_message"]
    assert {"type": "image", "url": one["url"], "thumbnail_url": one["url"] + "/thumbnail"} in user_message["attachments"]
    # and the next turn shows it again
    turn = weir.chat(fresh, "and now?", turn.conversation, model="seer")
    assert turn.final["type"] == "done"
    assert parts(recorder.asked[-1]["messages"][0])["image_url"] == as_data("image/png", image)
    # until it is removed
    assert weir.delete(path_of(one), fresh).status == 204
    turn = weir.chat(fresh, "still there?", turn.conversation, model="seer")
    assert turn.final["type"] == "done"
    first = recorder.asked[-1]["messages"][0]
    assert "image_url" not in parts(first) and "input_audio" in parts(first)
    weir.audit()


def test_several_pictures_go_with_a_message(weir, fresh, recorder):
    images = [FILES["image/png"] + bytes([n]) for n in range(3)]
    one, two, three = (upload(weir, fresh, image) for image in images)
    turn = weir.chat(fresh, "compare them", model="seer", image_url=one["url"], image_urls=[two["url"], three["url"]])
    assert turn.final["type"] == "done", turn.final
    sent = recorder.asked[-1]["messages"][-1]["content"]
    assert [p["image_url"]["url"] for p in sent if p["type"] == "image_url"] == [as_data("image/png", i) for i in images]
    kept = turn.of("start")[0]["user_message"]["attachments"]
    assert kept == [{"type": "image", "url": u["url"], "thumbnail_url": u["url"] + "/thumbnail"} for u in (one, two, three)]
    shown = weir.get(f"/api/conversations/{turn.conversation}/messages", fresh).json["items"][0]["attachments"]
    assert shown == kept
    # and all again with the next
    weir.chat(fresh, "and now?", turn.conversation, model="seer")
    assert len([p for p in recorder.asked[-1]["messages"][0]["content"] if p["type"] == "image_url"]) == 3
    # what is none of theirs, no address, or too many: nothing is asked
    asked, before = len(recorder.asked), weir.balance(fresh)
    theirs = upload(weir, weir.make_user())
    for more in ({"image_urls": [one["url"], theirs["url"]]}, {"image_urls": [7]}, {"image_urls": ["ftp://example.org/a.png"]},
                 {"image_urls": [one["url"]] * 11}, {"image_url": one["url"], "image_urls": [one["url"]] * 10}, {"image_urls": "x"}):
        answer = weir.chat(fresh, "look", model="seer", **more).answer
        assert answer.status == 400 and answer.json["details"]["field"] == "image_urls", answer
    assert len(recorder.asked) == asked and weir.balance(fresh) == before


def test_regenerating_sends_it_again(weir, fresh, recorder):
    image = FILES["image/webp"]
    got = upload(weir, fresh, image)
    turn = weir.chat(fresh, "look", model="seer", image_url=got["url"])
    answer = turn.of("start")[0]["assistant_message_id"]
    path = f"/api/conversations/{turn.conversation}/messages/{answer}/regenerate"
    with weir.stream(path, {}, fresh) as s:
        assert s.status == 200
        list(s.events())
    assert parts(recorder.asked[-1]["messages"][-1]) == {"image_url": as_data("image/webp", image)}


def test_what_may_not_be_sent_is_400(weir, user, fresh, recorder):
    asked, before = len(recorder.asked), weir.balance(fresh)
    theirs, pdf = upload(weir, user), upload(weir, fresh, FILES["application/pdf"])
    sound, large = upload(weir, fresh, FILES["audio/mpeg"]), upload(weir, fresh, png(more=300 * 1024))
    site = f"http://127.0.0.1:{weir.port}"
    for field, url in (("image_url", theirs["url"]), ("image_url", pdf["url"]), ("image_url", sound["url"]),
                       ("audio_url", large["url"]), ("image_url", large["url"]),
                       ("image_url", f"{site}/api/uploads/{uuid.uuid4()}")):
        turn = weir.chat(fresh, "look", model="seer", **{field: url})
        assert (turn.status, turn.answer.code) == (400, "invalid_request"), (field, url)
        assert turn.answer.json["details"]["field"] == field
    assert len(recorder.asked) == asked and weir.balance(fresh) == before
    assert "262144 bytes" in weir.chat(fresh, "look", model="seer", image_url=large["url"]).answer.json["details"]["problem"]


def test_history_takes_what_fits(weir, fresh, recorder):
    old, new = (upload(weir, fresh, png(more=150 * 1024)) for _ in range(2))
    turn = weir.chat(fresh, "first", model="seer", image_url=old["url"])
    weir.chat(fresh, "second", turn.conversation, model="seer", image_url=new["url"])
    messages = recorder.asked[-1]["messages"]
    assert parts(messages[0]) == {} and messages[0]["content"] == "first"
    assert parts(messages[-1])["image_url"].startswith("data:image/png;base64,")


def test_a_provider_that_answers_too_early(weir, fresh, recorder):
    """It answers before it has read the request, which must stay whole meanwhile."""
    data = png(more=200 * 1024)
    got = upload(weir, fresh, data)
    recorder.early = True
    try:
        turn = weir.chat(fresh, "quick", model="seer", image_url=got["url"])
    finally:
        recorder.early = False
    assert turn.final["type"] == "done", turn.final
    assert parts(recorder.asked[-1]["messages"][-1]) == {"image_url": as_data("image/png", data)}
