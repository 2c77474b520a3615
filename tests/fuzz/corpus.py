"""Runs the committed corpus through every fuzz target of this build."""

import glob
import os
import subprocess

SRC, BUILD = os.environ["srcdir"], os.environ["builddir"]


def main():
    targets = sorted(t for t in glob.glob(BUILD + "/tests/fuzz/fuzz_*") if os.access(t, os.X_OK) and "." not in
                     os.path.basename(t))
    sources = sorted(glob.glob(SRC + "/tests/fuzz/fuzz_*.c"))
    print(f"1..{len(sources)}")
    for number, source in enumerate(sources, 1):
        name = os.path.basename(source)[len("fuzz_"):-len(".c")]
        target = f"{BUILD}/tests/fuzz/fuzz_{name}"
        inputs = sorted(glob.glob(f"{SRC}/tests/fuzz/corpus/{name}/*"))
        problem = None
        if target not in targets:
            problem = "not built: add it to fuzz_targets"
        elif not inputs:
            problem = f"no corpus in tests/fuzz/corpus/{name}"
        else:
            done = subprocess.run([target, *inputs], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
            if done.returncode != 0:
                problem = f"status {done.returncode}\n" + done.stdout.decode(errors="replace")[-2000:]
        print(f"{'not ok' if problem else 'ok'} {number} - fuzz_{name}: {len(inputs)} inputs")
        for line in (problem or "").splitlines():
            print("# " + line)


main()
