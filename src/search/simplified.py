#!/usr/bin/env python3
"""Makes simplified.def anew, to stdout: what ICU's transliterator Traditional-Simplified (uconv, of
icu-devtools) makes of each Han character alone.  Run it when Unicode has new ones; the result is kept,
since building Weir needs no ICU."""

import subprocess

chars = [chr(c) for first, last in ((0x3400, 0x9FFF), (0xF900, 0xFAFF)) for c in range(first, last + 1)]
made = subprocess.run(
    ["uconv", "-f", "utf-8", "-t", "utf-8", "-x", "Traditional-Simplified"],
    input="\n".join(chars).encode(),
    stdout=subprocess.PIPE,
    check=True,
).stdout.decode()
pairs = [(a, b) for a, b in zip(chars, made.split("\n")) if a != b and len(b) == 1 and ord(b) < 0x10000]
print("/* Traditional and simplified characters, by ICU; made by simplified.py.  Sorted.  { from, to } */")
print("/* clang-format off */")
line = ""
for a, b in pairs:
    piece = "{ 0x%04x, 0x%04x }, " % (ord(a), ord(b))
    if len(line) + len(piece) > 112:
        print(line.rstrip())
        line = ""
    line += piece
print(line.rstrip())
print("/* clang-format on */")
