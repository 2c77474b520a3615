"""Options: every row of config.def is documented, in the sample, and used; every program option is in its page."""

import re

from checklib import Tap, def_rows, files, program, read, run


def main():
    with Tap() as t:
        weirctl = program("weirctl")
        page = run(weirctl, "config", "doc", "--man").stdout.replace("\\-", "-").replace("\\_", "_")
        sample = run(weirctl, "config", "doc", "--sample").stdout
        code = "".join(read(p) for p in files("src", "handlers"))
        code += "".join(f" limits_rate_{r[1]} " for r in def_rows("src/core/rates.def", "RATE"))  # named by the table
        rows = def_rows("src/base/config.def", "OPTION")
        t.ok(len(rows) > 20, "config.def has its rows", [f"{len(rows)} rows read"])
        t.none("every option is in weir.conf(5)",
               [f"{r[0]}.{r[1]}" for r in rows if not re.search(rf"\b{r[1]}\b", page)])
        t.none("every option is in the sample",
               [f"{r[0]}.{r[1]}" for r in rows if not re.search(rf"^#?\s*{r[1]}\s*=", sample, re.M)])
        t.none("every option says what it is for", [f"{r[0]}.{r[1]}" for r in rows if len(r[6]) < 12])
        t.none("every option is used",
               [f"{r[0]}.{r[1]}: no {r[0]}_{r[1]} in the sources" for r in rows
                if not re.search(rf"(->|\.|\b){r[0]}_{r[1]}\b", code)])
        for name, section in (("weirctl", 8), ("weir-fcgi", 8), ("weir-worker", 8), ("weir-demo", 1)):
            help_text = run(program(name), "--help").stdout
            text = read(f"man/{name}.{section}").replace("\\-", "-")
            options = sorted(set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+|-[a-zA-Z])(?![\w-])", help_text)))
            t.none(f"every option of {name} is in its page", [o for o in options if o not in text])
        groups = re.findall(r"^  ([a-z]+)  +\S", run(program("weirctl"), "--help").stdout, re.M)
        text = read("man/weirctl.8").replace("\\-", "-")
        t.ok(len(groups) > 1, "weirctl lists its groups", groups)
        wanted = {option for g in groups for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", run(weirctl, g, "--help").stdout)}
        t.none("every option of weirctl's groups is in its page",
               sorted(o for o in wanted - {"--help"} if not re.search(rf"{o}(?![a-z-])", text)))
        t.none("every group of weirctl is in its page",
               [g for g in groups if not re.search(rf"\b{g}\b", text)])


main()
