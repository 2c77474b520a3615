"""A small push service on loopback, and browsers that subscribe there: they check who sends (RFC 8292) and read what
comes (RFC 8291), with a P-256 and an AES-128-GCM written out here, so that nothing of Weir's own proves itself."""

import base64
import hashlib
import hmac
import http.server
import json
import secrets
import threading
import time

# ---- P-256 ------------------------------------------------------------------

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(n, point):
    made = None
    while n:
        if n & 1:
            made = add(made, point)
        point, n = add(point, point), n >> 1
    return made


def point_of(raw):
    assert len(raw) == 65 and raw[0] == 4
    x, y = int.from_bytes(raw[1:33], "big"), int.from_bytes(raw[33:], "big")
    assert (y * y - (x * x * x - 3 * x + B)) % P == 0, "no point of the curve"
    return x, y


def raw_of(point):
    return b"\4" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def signature_holds(public, data, signature):
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or not 0 < r < N or not 0 < s < N:
        return False
    e, w = int.from_bytes(hashlib.sha256(data).digest(), "big"), pow(s, -1, N)
    at = add(times(e * w % N, G), times(r * w % N, public))
    return at is not None and at[0] % N == r


# ---- AES-128-GCM ---------------------------------------------------------------


def _double(a):
    return (a << 1 ^ 0x11B) & 0xFF if a & 0x80 else a << 1


def _sbox():
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p = p ^ _double(p)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q = (q ^ 0x09 if q & 0x80 else q) & 0xFF
        x = q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4)
        box[p] = (x & 0xFF) ^ 0x63
        if p == 1:
            return box


SBOX = _sbox()


def aes128(key, block):
    words, round_constant = [list(key[i:i + 4]) for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        word = list(words[i - 1])
        if i % 4 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= round_constant
            round_constant = _double(round_constant)
        words.append([a ^ b for a, b in zip(words[i - 4], word)])
    keys = [sum(words[i:i + 4], []) for i in range(0, 44, 4)]
    state = [a ^ b for a, b in zip(block, keys[0])]
    for turn in range(1, 11):
        state = [SBOX[b] for b in state]
        state = [state[(i + 4 * (i % 4)) % 16] for i in range(16)]
        if turn < 10:
            mixed = []
            for c in range(0, 16, 4):
                a = state[c:c + 4]
                mixed += [_double(a[i]) ^ _double(a[(i + 1) % 4]) ^ a[(i + 1) % 4] ^ a[(i + 2) % 4] ^ a[(i + 3) % 4] for i in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, keys[turn])]
    return bytes(state)


def gcm_open(key, nonce, sealed):
    """AES-128-GCM without further data; ValueError: it was sealed otherwise."""
    data, tag = sealed[:-16], sealed[-16:]
    h, y = int.from_bytes(aes128(key, bytes(16)), "big"), 0
    blocks = [data[i:i + 16].ljust(16, b"\0") for i in range(0, len(data), 16)] + [(8 * len(data)).to_bytes(16, "big")]
    for block in blocks:
        x, z, v = y ^ int.from_bytes(block, "big"), 0, h
        for bit in range(127, -1, -1):
            z ^= v if x >> bit & 1 else 0
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    mask = aes128(key, nonce + (1).to_bytes(4, "big"))
    if not hmac.compare_digest(bytes(a ^ b for a, b in zip(y.to_bytes(16, "big"), mask)), tag):
        raise ValueError("the tag does not fit")
    stream = b"".join(aes128(key, nonce + (2 + i).to_bytes(4, "big")) for i in range(len(blocks)))
    return bytes(a ^ b for a, b in zip(data, stream))


# ---- a browser, and the service ----------------------------------------------------


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


class Browser:
    """One that has subscribed; `server_key` as the site said."""

    def __init__(self, service, server_key):
        self.service, self.server_key = service, server_key
        self.path = "/p/" + secrets.token_urlsafe(16)
        self.secret = secrets.randbelow(N - 1) + 1
        self.public, self.auth = raw_of(times(self.secret, G)), secrets.token_bytes(16)
        self.answers = []  # statuses to come; then 201
        self.requests = []  # (status, headers, body), oldest first

    def subscription(self):
        return {"endpoint": self.service.url + self.path, "p256dh": b64(self.public), "auth": b64(self.auth)}

    def read(self, body):
        salt, size, theirs, sealed = body[:16], int.from_bytes(body[16:20], "big"), body[21:86], body[86:]
        assert body[20] == 65 and len(body) <= 4096 and len(sealed) <= size
        shared = times(self.secret, point_of(theirs))[0].to_bytes(32, "big")
        ikm = mac(mac(self.auth, shared), b"WebPush: info\0" + self.public + theirs + b"\1")
        prk = mac(salt, ikm)
        key = mac(prk, b"Content-Encoding: aes128gcm\0\1")[:16]
        nonce = mac(prk, b"Content-Encoding: nonce\0\1")[:12]
        record = gcm_open(key, nonce, sealed)
        assert record[-1:] == b"\2"
        return json.loads(record[:-1])

    def messages(self):
        """What it was told, of what the service took."""
        return [self.read(body) for status, _, body in self.requests if status == 201]

    def sender(self, headers):
        """The claims of who sent it, once they hold."""
        token, key = headers["Authorization"].removeprefix("vapid t=").split(", k=")
        assert key == self.server_key
        signed, signature = token.rsplit(".", 1)
        assert signature_holds(point_of(unb64(key)), signed.encode(), unb64(signature))
        header, claims = (json.loads(unb64(part)) for part in signed.split("."))
        assert header == {"typ": "JWT", "alg": "ES256"}
        assert claims["aud"] == self.service.url and time.time() < claims["exp"] < time.time() + 86400
        return claims


class PushService:
    def __init__(self):
        self.browsers = {}
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                browser = service.browsers.get(self.path)
                status = 404 if browser is None else browser.answers.pop(0) if browser.answers else 201
                if browser is not None:
                    browser.requests.append((status, self.headers, body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def browser(self, server_key):
        made = Browser(self, server_key)
        self.browsers[made.path] = made
        return made
