"""What the tests of API keys share: making one, the sweeps of weir-worker, its mails, the audit log."""

import email
import email.policy
import glob
import subprocess


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    if field:
        assert answer.json["details"]["field"] == field, answer
    return answer


def make(weir, user, **fields):
    """A key of somebody; its JSON, with the secret."""
    answer = weir.post("/api/keys", {"name": "test", **fields}, user)
    assert answer.status == 201, answer
    return answer.json


def sweep(weir):
    """All sweeps, once."""
    subprocess.run([weir.program("weir-worker"), "-c", weir.conf_path, "--once"], check=True, stderr=subprocess.DEVNULL)


def mails_to(weir, address):
    found = []
    for path in glob.glob(weir.folder + "/mail/*.eml"):
        with open(path, "rb") as f:
            message = email.message_from_binary_file(f, policy=email.policy.default)
        if message["To"] == address:
            found.append(message)
    return found


def audited(weir, action, key):
    with weir.pg() as pg:
        return pg.query("SELECT user_id::text, details::text FROM audit_log WHERE action = $1 AND object = $2 ORDER BY id",
                        action, f"key:{key['id']}")
