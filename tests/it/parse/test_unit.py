"""weir-parse under the system call filter of the shipped unit of weir-worker: it can shut itself in, and reads."""

import ctypes
import os
import re
import shutil
import subprocess

import pytest

SRC = os.environ.get("srcdir", ".")
PROGRAM = os.path.join(os.environ.get("WEIR_BUILD_DIR", "build"), "weir-parse")
ALLOW, EPERM = 0x7FFF0000, 0x00050001  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM)


def group(name, seen):
    """The system calls of a group of systemd.exec(5)."""
    calls = set()
    if name in seen:
        return calls
    seen.add(name)
    shown = subprocess.run(["systemd-analyze", "syscall-filter", name], stdout=subprocess.PIPE, text=True, check=True)
    for line in shown.stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            calls |= group(word, seen)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


def allowed():
    """What SystemCallFilter= of the unit leaves, as systemd adds it up."""
    calls = group("@default", set())
    with open(f"{SRC}/conf/systemd/weir-worker.service.in") as f:
        lines = re.findall(r"^SystemCallFilter=(~?)(.*)$", f.read(), re.M)
    assert len(lines) > 1
    for away, names in lines:
        for name in names.split():
            these = group(name, set()) if name.startswith("@") else {name}
            calls = calls - these if away else calls | these
    return calls


def enter(calls):
    """Installs that filter in this process."""
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    lib.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    lib.seccomp_load.argtypes = [ctypes.c_void_p]
    found = lib.seccomp_init(EPERM)
    for name in calls | {"execve"}:
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            assert lib.seccomp_rule_add(found, ALLOW, number, 0) == 0, name
    assert ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert lib.seccomp_load(found) == 0


def has_landlock():
    return ctypes.CDLL(None).syscall(444, None, 0, 1) > 0  # landlock_create_ruleset: which version


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.skipif(os.environ.get("WEIR_SANITIZERS", "no") != "no", reason="sanitizers call more")
def test_under_the_unit():
    calls = allowed()
    assert "read" in calls and "mount" not in calls and "setrlimit" not in calls

    def child():
        os.dup2(document, 3)
        os.set_inheritable(3, True)
        enter(calls)

    for name, text in (("made-zh-unembedded-font.pdf", "中文字体未嵌入"), ("txt-text.pptx", "Foo Bar")):
        document = os.open(f"{SRC}/tests/data/kbfiles/{name}", os.O_RDONLY)
        done = subprocess.run([PROGRAM, "--cpu=10", "--wall=60", "--memory=1073741824", "--text=1000000", "--pages=10"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              preexec_fn=child, close_fds=False)
        os.close(document)
        assert done.returncode == 0, done.stderr
        assert text in done.stdout.decode()
        assert f"sandbox {'full' if has_landlock() else 'partial'}\n" in done.stdout.decode()
