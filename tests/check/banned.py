"""Calls that are not used here, each with what to use instead."""

import re

from checklib import Tap, files, read, without_comments

BANNED = {
    "strcpy|strcat|stpcpy|sprintf|vsprintf|gets": "buf_*, arena_printf or snprintf",
    "strncpy|strncat": "snprintf, memcpy with a checked length, or arena_strndup",
    "strtok": "strtok_r or strsep",
    "atoi|atol|atoll|atof|scanf|fscanf": "strtol and friends with their errors checked",
    "alloca": "the arena",
    "system|popen": "posix_spawn or fork and exec, without a shell",
    "rand|srand|drand48": "crypto_random",
    "tmpnam|tempnam|mktemp": "mkstemp",
    "gmtime|localtime|asctime|ctime|asctime_r|ctime_r": "gmtime_r",
    "setenv|putenv|unsetenv": "configuration",
    "setjmp|longjmp|sigsetjmp|siglongjmp": "a returned status",
    "vfork": "fork",
}


def main():
    with Tap() as t:
        texts = [(p, without_comments(read(p)).splitlines()) for p in files("src", "handlers")]
        for names, instead in BANNED.items():
            call = re.compile(rf"(?<![\w.>])({names})\s*\(")
            found = [f"{path}:{n}: {m.group(1)}(): use {instead}"
                     for path, lines in texts for n, line in enumerate(lines, 1) for m in call.finditer(line)]
            t.none("no " + ", ".join(names.split("|")), found)


main()
