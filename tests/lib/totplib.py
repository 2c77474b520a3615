"""What an authenticator app does."""

import base64
import hmac
import struct
import time


def code_of(secret, step=None):
    """RFC 6238, written anew."""
    step = int(time.time()) // 30 if step is None else step
    mac = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    at = mac[-1] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7FFFFFFF) % 10**6)
