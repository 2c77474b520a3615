"""cppcheck over the programs: warnings, performance and portability are errors."""

import os
import shutil

from checklib import BUILD, SRC, Tap, run


def main():
    with Tap() as t:
        if not shutil.which("cppcheck"):
            t.skip("cppcheck", "cppcheck is not installed")
            return
        cache = os.path.join(BUILD, "tests/check/cppcheck")
        os.makedirs(cache, exist_ok=True)
        done = run("cppcheck", "--enable=warning,performance,portability", "--inline-suppr", "--quiet", "--std=c11",
                   "--error-exitcode=1", "--library=posix", "-j2",
                   "--include=tests/check/cppcheck_prelude.h", f"--cppcheck-build-dir={cache}",
                   f"--suppressions-list={SRC}/tests/check/cppcheck.suppressions", "--template={file}:{line}: {id}: {message}",
                   "-I", "src", "-I", "handlers", "-I", ".", "src", "handlers", cwd=SRC)
        t.ok(done.returncode == 0, "cppcheck", done.stdout.splitlines())


main()
