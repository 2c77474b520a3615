"""The committed clang-format layout, shell syntax, Python syntax, manual pages."""

import ast
import glob
import os
import shutil

from checklib import BUILD, SRC, Tap, files, read, run


def main():
    with Tap() as t:
        if shutil.which("clang-format"):
            found = run("clang-format", "--dry-run", "-Werror", "--style=file", *files("src", "handlers", "tests"), cwd=SRC)
            bad = sorted({line.split(":")[0] for line in found.stdout.splitlines() if "error:" in line})
            t.none("C files are laid out by .clang-format (run ./dev fmt)", bad)
        else:
            t.skip("C files are laid out by .clang-format", "clang-format is not installed")
        shell = ["dev"] + files("tests", "debian", "conf", "bench", ends=(".test", ".sh", ".postinst", ".postrm"))
        t.none("shell scripts parse", [run("bash", "-n", p, cwd=SRC).stdout for p in shell
                                       if run("bash", "-n", p, cwd=SRC).returncode])
        problems = []
        for path in files("tests", "bench", "docs", ends=(".py",)) + ["tests/lib/pytap"]:
            try:
                ast.parse(read(path), path)
            except SyntaxError as e:
                problems.append(f"{path}: {e}")
        t.none("Python files parse", problems)
        pages = sorted(glob.glob(SRC + "/man/*.[1-8]") + glob.glob(BUILD + "/man/*.[1-8]"))
        if shutil.which("man"):
            env = {**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"}
            t.none("manual pages have no roff warnings", [
                os.path.basename(p) + ": " + out for p in pages
                if (out := run("sh", "-c", 'man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>&1 >/dev/null', "sh", p,
                               env=env).stdout)])
        else:
            t.skip("manual pages have no roff warnings", "man is not installed")


main()
