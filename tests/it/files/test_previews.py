"""Previews: what pictures and films look like, made by weir-worker within bounds, shown to their owner alone."""

import json
import os
import re
import struct
import subprocess
import uuid
import zlib

import pytest
from weirtest import wait_until

WEBP = re.compile(rb"RIFF....WEBP", re.S)
PAGE = b"<html><script>alert(1)</script></html>"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, says=None):
    """A picture of many colours; `says`: the size its head tells, which need not be true."""
    rows = b"".join(b"\0" + bytes((x ^ y ^ c * 85) & 255 for x in range(width) for c in range(3)) for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *(says or (width, height)), 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"") + os.urandom(8))


def film(folder, kind, *how):
    path = f"{folder}/film.{kind}"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=960x540:rate=12:duration=2", *how, path], check=True)
    with open(path, "rb") as f:
        return f.read()


def upload(weir, user, data):
    answer = weir.post("/api/uploads", data, user, headers={"Content-Type": "application/octet-stream"})
    assert answer.status == 201, answer
    return answer.json


def seen(weir, user, ident):
    """Once weir-worker has looked at it."""
    def row():
        with weir.pg() as pg:
            return pg.query("SELECT p.object_id FROM previews p JOIN uploads u ON u.object_id = p.of_id WHERE u.id = $1", ident)

    wait_until(row, lambda: f"no preview of {ident}", timeout_s=30)
    (found,) = [u for u in weir.get("/api/uploads", user).json["items"] if u["id"] == ident]
    return found


def size_of(webp):
    """Of a WebP, by its first chunk (RFC 9649)."""
    assert WEBP.match(webp), webp[:20]
    if webp[12:16] == b"VP8X":
        return int.from_bytes(webp[24:27], "little") + 1, int.from_bytes(webp[27:30], "little") + 1
    assert webp[12:16] == b"VP8 " and webp[23:26] == b"\x9d\x01\x2a"
    return struct.unpack("<HH", webp[26:30])


def test_a_picture_has_a_size_and_a_small_one(weir, user):
    data = png(1000, 600)
    new = upload(weir, user, data)
    assert new["thumbnail_url"] == new["url"] + "/thumbnail" and new["is_ai_made"] is False and new["poster_url"] is None
    got = seen(weir, user, new["id"])
    assert (got["width"], got["height"], got["duration_ms"]) == (1000, 600, None)
    small = weir.get(f"/api/uploads/{new['id']}/thumbnail", user)
    assert small.status == 200 and small.headers["Content-Type"] == "image/webp" and len(small.body) < len(data)
    assert size_of(small.body) == (512, 307)
    assert small.headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in small.headers["Content-Security-Policy"]
    assert weir.get(f"/api/uploads/{new['id']}", user).body == data


def test_a_small_picture_is_not_made_larger(weir, user):
    new = upload(weir, user, png(40, 30))
    seen(weir, user, new["id"])
    assert size_of(weir.get(f"/api/uploads/{new['id']}/thumbnail", user).body) == (40, 30)


def test_a_picture_that_lies_on_its_side_stands_up(weir, user, tmp_path):
    """EXIF says how a phone was held."""
    (tmp_path / "a.png").write_bytes(png(400, 300))
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", tmp_path / "a.png", tmp_path / "a.jpg"], check=True)
    data = (tmp_path / "a.jpg").read_bytes()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x112, 3, 1, 6, 0) + b"\0\0\0\0"
    new = upload(weir, user, data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    got = seen(weir, user, new["id"])
    assert (got["width"], got["height"]) == (300, 400)
    assert size_of(weir.get(f"/api/uploads/{new['id']}/thumbnail", user).body) == (300, 400)


def test_it_is_shown_to_its_owner_alone(weir, user):
    new = upload(weir, user, png(64, 64))
    seen(weir, user, new["id"])
    other = weir.make_user()
    assert weir.get(f"/api/uploads/{new['id']}/thumbnail", other).status == 404
    assert weir.get(f"/api/uploads/{new['id']}/thumbnail").status == 401
    assert weir.get(f"/api/uploads/{uuid.uuid4()}/thumbnail", user).status == 404
    assert weir.get("/api/uploads/none/thumbnail", user).status == 404


def test_before_it_is_made_the_picture_is_shown(weir, user):
    weir.daemons.stop("worker")
    try:
        data = png(80, 60)
        new = upload(weir, user, data)
        got = weir.get(f"/api/uploads/{new['id']}/thumbnail", user)
        assert got.status == 200 and got.body == data and got.headers["Content-Type"] == "image/png"
        assert new["width"] is None
    finally:
        weir.start_worker()
    assert seen(weir, user, new["id"])["width"] == 80


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_film_has_a_poster(weir, user, tmp_path, kind):
    how = ("-pix_fmt", "yuv420p") if kind == "mp4" else ("-deadline", "realtime")
    new = upload(weir, user, film(tmp_path, kind, *how))
    assert new["thumbnail_url"] is None and new["poster_url"] is None
    assert weir.get(f"/api/uploads/{new['id']}/thumbnail", user).status in (200, 404)  # by whether it has been made
    got = seen(weir, user, new["id"])
    assert (got["width"], got["height"]) == (960, 540) and 1900 <= got["duration_ms"] <= 2100
    assert got["poster_url"] == got["thumbnail_url"] == new["url"] + "/thumbnail"
    poster = weir.get(f"/api/uploads/{new['id']}/thumbnail", user)
    assert poster.status == 200 and poster.headers["Content-Type"] == "image/webp" and size_of(poster.body) == (640, 360)


HOSTILE = {
    "cut": png(300, 300)[:20],
    "no size": png(4, 4, says=(0, 0)),
    "a bomb": png(4, 4, says=(60000, 60000)),
    "a page behind it": b"\x89PNG\r\n\x1a\n" + PAGE * 20,
    "a film of nothing": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2" + b"\0" * 400,
    # HLS, which would have others read, behind what a film begins with
    "a playlist": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2\n#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_cannot_be_read_is_looked_at_once_and_harms_nothing(weir, user, what):
    data = HOSTILE[what] + os.urandom(8)
    new = upload(weir, user, data)
    seen(weir, user, new["id"])
    with weir.pg() as pg:
        (row,) = pg.dicts("SELECT p.object_id, j.status, j.attempts FROM uploads u JOIN previews p ON p.of_id = u.object_id"
                          " JOIN jobs j ON j.kind = 'preview' AND j.payload->>'object_id' = u.object_id::text WHERE u.id = $1", new["id"])
    assert row["object_id"] is None and int(row["attempts"]) == 1
    answer = weir.get(f"/api/uploads/{new['id']}/thumbnail", user)
    if new["content_type"].startswith("image/"):
        assert answer.status == 200 and answer.body == data
    else:
        assert answer.status == 404


def test_the_same_bytes_are_looked_at_once(weir, user):
    data = png(70, 70)
    first = upload(weir, user, data)
    seen(weir, user, first["id"])
    again = upload(weir, user, data)
    assert again["width"] == 70
    with weir.pg() as pg:
        n = pg.one("SELECT count(*) FROM jobs j JOIN uploads u ON j.payload->>'object_id' = u.object_id::text WHERE u.id = $1", first["id"])
    assert int(n) == 1


def test_it_goes_with_what_it_shows(weir, user):
    new = upload(weir, user, png(90, 50))
    seen(weir, user, new["id"])
    with weir.pg() as pg:
        name = pg.one("SELECT o.name FROM uploads u JOIN previews p ON p.of_id = u.object_id JOIN objects o ON o.id = p.object_id WHERE u.id = $1",
                      new["id"])
    assert os.path.exists(f"{weir.uploads}/{name}")
    assert weir.delete(f"/api/uploads/{new['id']}", user).status == 204
    wait_until(lambda: not os.path.exists(f"{weir.uploads}/{name}"), lambda: f"{name} is still there", timeout_s=30)
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM objects WHERE name = $1", name) == "0"


def test_what_came_without_a_program_is_made_up_for(weir, user):
    new = upload(weir, user, png(33, 44))
    seen(weir, user, new["id"])
    with weir.pg() as pg:  # as if nobody had been able to look
        pg.query("DELETE FROM previews p USING uploads u WHERE u.object_id = p.of_id AND u.id = $1", new["id"])
        pg.query("DELETE FROM jobs j USING uploads u WHERE j.payload->>'object_id' = u.object_id::text AND u.id = $1", new["id"])
    weir.weirctl("job", "schedule", "preview_rest", "--now")
    assert seen(weir, user, new["id"])["width"] == 33


def test_a_list_says_it_too(weir, user):
    new = upload(weir, user, png(21, 22))
    seen(weir, user, new["id"])
    (got,) = [u for u in weir.get("/api/uploads", user).json["items"] if u["id"] == new["id"]]
    assert json.dumps(got) and got["height"] == 22 and set(got) == set(new)


# ---- the program itself --------------------------------------------------------------


def lens(weir, *args, data=b""):
    folder = os.environ["WEIR_BUILD_DIR"]
    return subprocess.run([f"{folder}/weir-lens", *args], input=data, capture_output=True, timeout=60)


def test_the_program_says_what_it_takes(weir):
    assert lens(weir).returncode == 2 and b"usage" in lens(weir).stderr
    assert lens(weir, "can", "image/png").returncode == 0 and lens(weir, "can", "video/mp4").returncode == 0


MARK = json.dumps({"Label": "1", "ContentProducer": "测试 <&>", "ProduceID": "a-1"}, ensure_ascii=False)
ESCAPED = MARK.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").encode()
TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "mp4": "video/mp4"}


def marked(weir, tmp_path, path, status=0):
    """What weir-lens makes of it."""
    out = tmp_path / "marked"
    with open(path, "rb") as given, open(out, "w+b") as to:
        done = subprocess.run([f"{os.environ['WEIR_BUILD_DIR']}/weir-lens", "label", TYPES[path.suffix[1:]], MARK], stdin=given,
                              preexec_fn=lambda: os.dup2(to.fileno(), 3), pass_fds=(3,), capture_output=True, timeout=60)
    assert done.returncode == status, done
    return out.read_bytes()


def pixels(path):
    return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:v", "-f", "framemd5", "-"], check=True,
                          capture_output=True).stdout


@pytest.mark.parametrize("how", ["a", "a -lossless 1", "alpha -lossless 1", "exif"])
@pytest.mark.parametrize("kind", TYPES)
def test_a_mark_is_written_and_the_picture_stays(weir, tmp_path, kind, how):
    what, *options = how.split()
    path, again = tmp_path / f"made.{kind}", tmp_path / f"again.{kind}"
    (tmp_path / "a.png").write_bytes(png(65, 48))
    if kind == "mp4":
        path.write_bytes(film(tmp_path, kind, "-pix_fmt", "yuv420p", *(["-movflags", "+faststart"] if what == "exif" else [])))
    else:
        options = options if kind == "webp" else []
        filters = ["-vf", "format=rgba,colorchannelmixer=aa=0.5"] if what == "alpha" and kind != "jpg" else []
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", tmp_path / "a.png", *filters, *options, path], check=True)
    if what == "exif" and kind != "mp4":  # by libvips, with what Exif and a profile add to it
        subprocess.run(["vipsthumbnail", tmp_path / "a.png", "--size", "60", "--export-profile", "srgb", "-o", path], check=True)
    data = marked(weir, tmp_path, path)
    again.write_bytes(data)
    assert pixels(again) == pixels(path)
    assert b"http://www.tc260.org.cn/ns/AIGC/1.0/" in data and ESCAPED in data and b"trainedAlgorithmicMedia" in data
    if kind != "mp4":
        loaded = subprocess.run(["vipsheader", "-a", again], check=True, capture_output=True).stdout
        assert b"xmp-data" in loaded
    # once more: what is there stays, and the mark stands beside it
    assert marked(weir, tmp_path, again).count(ESCAPED) == 2


def test_other_words_of_a_picture_stay(weir, tmp_path):
    packet = (b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
              b"<rdf:Description rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/' dc:format='kept'/></rdf:RDF></x:xmpmeta>")
    plain = png(9, 9)
    with_words = plain[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet) + plain[33:]
    (tmp_path / "a.png").write_bytes(with_words)
    data = marked(weir, tmp_path, tmp_path / "a.png")
    assert data.count(b"XML:com.adobe.xmp") == 1 and b"dc:format='kept'" in data and ESCAPED in data
    assert data.endswith(plain[33:])


@pytest.mark.parametrize("name,data", [
    ("cut.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), ("cut.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0"), ("cut.webp", b"RIFF\x24\0\0\0WEBPVP8 "),
    ("cut.mp4", b"\0\0\0\x20ftypisom\0\0"), ("open.mp4", b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\0mdat" + b"x" * 90), ("none.png", b"")])
def test_what_is_damaged_is_not_marked(weir, tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    marked(weir, tmp_path, tmp_path / name, status=1)
