"""A small OpenID provider on loopback, with keys of its own: it lets in whoever `person` is, and can be made to lie."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import re
import secrets
import subprocess
import tempfile
import threading
import time
import urllib.parse


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()


class Key:
    """RS256 or ES256, by openssl."""

    def __init__(self, alg, folder):
        self.alg, self.kid = alg, secrets.token_hex(4)
        self.path = f"{folder}/{self.kid}.pem"
        kind = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if alg == "RS256" else ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        subprocess.run(["openssl", "genpkey", "-algorithm", *kind, "-out", self.path], check=True, capture_output=True)

    def jwk(self):
        text = subprocess.run(["openssl", "pkey", "-in", self.path, "-noout", "-text_pub"], check=True, capture_output=True, text=True).stdout
        hexes = bytes.fromhex("".join(re.search(r"(?:Modulus|pub):\n((?:\s+[0-9a-f:]+\n)+)", text).group(1).split()).replace(":", ""))
        own = {"kid": self.kid, "use": "sig", "alg": self.alg}
        if self.alg == "RS256":
            return {**own, "kty": "RSA", "n": b64(hexes.lstrip(b"\0")), "e": "AQAB"}
        return {**own, "kty": "EC", "crv": "P-256", "x": b64(hexes[1:33]), "y": b64(hexes[33:])}

    def sign(self, data):
        der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.path], input=data, check=True, capture_output=True).stdout
        if self.alg == "RS256":
            return der
        raw, at = b"", 2  # SEQUENCE of two INTEGERs
        for _ in range(2):
            n = der[at + 1]
            raw += der[at + 2:at + 2 + n].lstrip(b"\0").rjust(32, b"\0")
            at += 2 + n
        return raw


class OidcProvider:
    client_id, client_secret = "weir here", "s3cret/+:é"

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="oidc-")
        self.secret_file = self.folder + "/secret"
        with open(self.secret_file, "w", encoding="utf-8") as f:
            f.write(self.client_secret + "\n")
        self.keys = [Key("RS256", self.folder)]
        self.person = {}     # claims of who is signed in at it
        self.claims = {}     # what stands in the next tokens instead; None: left out
        self.header = {}     # the same of their header
        self.forge = None    # (header.payload) -> signature, instead of the key's
        self.token_status = 200
        self.codes, self.asked, self.fetched = {}, [], []
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def say(self, status, value, **headers):
                body = json.dumps(value).encode()
                self.send_response(status)
                for name, text in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                provider.fetched.append(url.path)
                if url.path == "/.well-known/openid-configuration":
                    self.say(200, provider.discovery())
                elif url.path == "/keys":
                    self.say(200, {"keys": [k.jwk() for k in provider.keys]})
                elif url.path == "/authorize":
                    self.say(302, {}, Location=provider.authorize(dict(urllib.parse.parse_qsl(url.query))))
                else:
                    self.say(404, {})

            def do_POST(self):
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                status, answer = provider.token(form, self.headers.get("Authorization", ""))
                self.say(status, answer)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def discovery(self):
        return {"issuer": self.issuer, "authorization_endpoint": self.issuer + "/authorize", "token_endpoint": self.issuer + "/token",
                "jwks_uri": self.issuer + "/keys", "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"]}

    def conf(self, **more):
        return {"issuer": self.issuer, "client_id": self.client_id, "secret_file": self.secret_file, "allow_private": "yes", **more}

    def authorize(self, query):
        """The person agrees at once."""
        assert query["response_type"] == "code" and query["client_id"] == self.client_id and "openid" in query["scope"].split()
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = {**query, "person": dict(self.person)}
        return query["redirect_uri"] + "?" + urllib.parse.urlencode({"code": code, "state": query["state"]})

    def token(self, form, authorization):
        self.asked.append(form)
        if self.token_status != 200:
            return self.token_status, {"error": "server_error"}
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":", 1)
        if [urllib.parse.unquote(p) for p in pair] != [self.client_id, self.client_secret]:
            return 401, {"error": "invalid_client"}
        grant = self.codes.pop(form.get("code"), None)  # once
        if grant is None or form["redirect_uri"] != grant["redirect_uri"] or form["grant_type"] != "authorization_code" \
                or b64(hashlib.sha256(form["code_verifier"].encode()).digest()) != grant["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "nobody's business", "token_type": "Bearer", "id_token": self.id_token(grant)}

    def id_token(self, grant):
        key, now = self.keys[-1], int(time.time())
        header = {"alg": key.alg, "kid": key.kid, **self.header}
        claims = {"iss": self.issuer, "aud": self.client_id, "exp": now + 300, "iat": now, "nonce": grant["nonce"], **grant["person"], **self.claims}
        signed = ".".join(b64({k: v for k, v in part.items() if v is not None}) for part in (header, claims))
        return signed + "." + b64((self.forge or key.sign)(signed.encode()))

    def honest(self):
        self.claims, self.header, self.forge, self.token_status = {}, {}, None, 200

    def rotate(self, alg="RS256"):
        self.keys = [Key(alg, self.folder)]

    def hmac_with_secret(self, signed):
        return hmac.digest(self.client_secret.encode(), signed, "sha256")
