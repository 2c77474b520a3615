#!/usr/bin/python3
"""Agents, command lines and frameworks of others, as they are published, through a Weir of their own with weir-demo.

usage: run.py [part of a client's name] …     (./dev clients)

Each is fetched once, by npm or pip, into tests/clients of the build (--new: again, whatever is newest), set up as
docs/CLIENTS.md says, and asked for something that needs a tool: it must call it, send back what it found, and show the
answer made of that. Prints a table: client, version, wire, result, what was seen. No part of ./dev check: what is
newest today may fail tomorrow.
"""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import weirstack  # noqa: E402
import weirtest  # noqa: E402

PLACE = os.path.join(weirstack.build_dir(), "tests", "clients")
CONF = {"limits": {"user_tasks": "32"}}
MODEL = "demo-fast"
# Names that clients ask of their own accord, for titles and the like.
ASIDE = ["gemini-3.5-flash-lite", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gpt-5-nano", "claude-haiku-4-5-20251001"]
FETCH_S, RUN_S = 900, 150
WORD = "HERON"
NOTE = f"The word is {WORD}.\n"


class Missing(Exception):
    """Why a client cannot be tried here."""


# ---- fetching ----------------------------------------------------------------------


def call(what, *command, **more):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=FETCH_S, **more)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Missing(f"{what}: {e}") from None
    if done.returncode:
        said = [line.strip() for line in done.stdout.splitlines() if re.search("error", line, re.I)]
        raise Missing(f"{what} could not be fetched: {said[0][:100] if said else done.returncode}")
    return done.stdout


def made(name, is_new):
    """(the client's folder, whether it is filled already)"""
    folder = os.path.join(PLACE, name)
    if is_new:
        shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, exist_ok=True)
    return folder, os.path.exists(os.path.join(folder, ".made"))


def from_npm(name, packages, is_new):
    if not shutil.which("npm"):
        raise Missing("no npm")
    folder, is_filled = made(name, is_new)
    if not is_filled:
        with open(os.path.join(folder, "package.json"), "w") as f:
            json.dump({"private": True}, f)
        call(name, "npm", "install", "--no-audit", "--no-fund", *packages, cwd=folder)
        open(os.path.join(folder, ".made"), "w").close()
    with open(os.path.join(folder, "node_modules", packages[0], "package.json")) as f:
        return folder, json.load(f)["version"]


def from_pip(name, packages, is_new):
    folder, is_filled = made(name, is_new)
    python = os.path.join(folder, "bin", "python")
    if not is_filled:
        call(name, sys.executable, "-m", "venv", folder)
        call(name, python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages)
        open(os.path.join(folder, ".made"), "w").close()
    asked = f"import importlib.metadata as m; print(m.version('{packages[0]}'))"
    return folder, call(name, python, "-c", asked).strip()


# ---- running -----------------------------------------------------------------------


@dataclasses.dataclass
class Place:
    """Where a client runs: its own home with a note in it, and what it needs of Weir."""

    folder: str  # of the client's program
    home: str
    url: str
    key: str

    def write(self, path, text):
        path = os.path.join(self.home, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))

    @property
    def note(self):
        return os.path.join(self.home, "note.txt")

    def run(self, *command, **env):
        program = os.path.join(self.folder, command[0])
        kept = {k: v for k, v in os.environ.items() if not re.match("OPENAI_|ANTHROPIC_|CLAUDE|GEMINI_|GOOGLE_|PYTHON|.*_proxy$", k, re.I)}
        ours = {"HOME": self.home, "PWD": self.home, "XDG_CONFIG_HOME": self.home + "/.config", "XDG_DATA_HOME": self.home + "/.data",
                "XDG_CACHE_HOME": self.home + "/.cache", "XDG_STATE_HOME": self.home + "/.state", "WEIR_URL": self.url, "WEIR_KEY": self.key,
                "WEIR_MODEL": MODEL, "WEIR_WORD": WORD, "CI": "1", "NO_COLOR": "1", "TERM": "dumb"}
        with open(os.path.join(self.home, "out.txt"), "w+", encoding="utf-8", errors="replace") as out:
            process = subprocess.Popen([program, *command[1:]], cwd=self.home, env={**kept, **ours, **env}, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            try:
                status = process.wait(RUN_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()
                status = f"killed after {RUN_S} s"
            out.seek(0)
            return status, out.read()


def looked(status, said):
    """A client that answers with what the tool found."""
    return [("", WORD in said, "" if WORD in said else f"status {status}: {' '.join(said.split())[-160:]}")]


def claude_code(p):
    return looked(*p.run("node_modules/.bin/claude", "-p", f"[[demo call=Read:file_path={p.note}]] Read it.", "--model", MODEL,
                         "--allowedTools", "Read", ANTHROPIC_BASE_URL=p.url, ANTHROPIC_AUTH_TOKEN=p.key, ANTHROPIC_DEFAULT_HAIKU_MODEL=MODEL,
                         CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1"))


def codex(p):
    p.write(".codex/config.toml", f'model = "{MODEL}"\nmodel_provider = "weir"\nweb_search = "disabled"\n[model_providers.weir]\nname = "Weir"\n'
            f'base_url = "{p.url}/v1"\nenv_key = "WEIR_KEY"\nwire_api = "responses"\n')
    call_ = 'call=exec_command:!{"cmd":"cat%20note.txt"}'
    return looked(*p.run("node_modules/.bin/codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox",
                         f"[[demo {call_}]] Look."))


def gemini_cli(p):
    p.write(".gemini/settings.json", {"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": False}})
    return looked(*p.run("node_modules/.bin/gemini", "-m", MODEL, "--approval-mode", "yolo", "--skip-trust", "-p",
                         f"[[demo call=read_file:file_path={p.note}]] Read it.", GEMINI_API_KEY=p.key, GOOGLE_GEMINI_BASE_URL=p.url))


def qwen_code(p):
    p.write(".qwen/settings.json", {"security": {"auth": {"selectedType": "openai"}}, "privacy": {"usageStatisticsEnabled": False}})
    return looked(*p.run("node_modules/.bin/qwen", "--approval-mode", "yolo", "-p", f"[[demo call=read_file:file_path={p.note}]] Read it.",
                         OPENAI_BASE_URL=f"{p.url}/v1", OPENAI_API_KEY=p.key, OPENAI_MODEL=MODEL))


def opencode(p, provider):
    p.write("opencode.json", {"autoupdate": False, "share": "disabled", "provider": provider})
    name = next(iter(provider))
    return looked(*p.run("node_modules/.bin/opencode", "run", "-m", f"{name}/{MODEL}", f"[[demo call=read:filePath={p.note}]] Read it.",
                         OPENCODE_DISABLE_AUTOUPDATE="1", OPENCODE_DISABLE_MODELS_FETCH="1"))


def opencode_chat(p):
    return opencode(p, {"weir": {"npm": "@ai-sdk/openai-compatible", "name": "Weir", "options": {"baseURL": f"{p.url}/v1", "apiKey": p.key},
                                 "models": {MODEL: {"name": MODEL}}}})


def opencode_responses(p):
    return opencode(p, {"openai": {"options": {"baseURL": f"{p.url}/v1", "apiKey": p.key}, "models": {MODEL: {"name": MODEL}}}})


def llm(p):
    p.write("llm/extra-openai-models.yaml", f"- model_id: weir\n  model_name: {MODEL}\n  api_base: {p.url}/v1\n  api_key_name: weir\n  supports_tools: true\n")
    return looked(*p.run("bin/llm", "-m", "weir", "--key", p.key, "--functions", f'def look(where: str) -> str:\n    "Looks."\n    return "{NOTE.strip()}"',
                         "[[demo call=look:where=here]] Look.", LLM_USER_PATH=p.home + "/llm"))


def aider(p):
    """It knows no tools: what it says of the note, which it was given, is enough."""
    status, said = p.run("bin/aider", "--model", f"openai/{MODEL}", "--no-git", "--yes-always", "--no-show-model-warnings", "--no-check-update",
                         "--analytics-disable", "--no-pretty", "--read", "note.txt", "--message", "[[demo deltas=40]] Hello heron",
                         OPENAI_API_BASE=f"{p.url}/v1", OPENAI_API_KEY=p.key)
    ok = "You wrote" in said and "Tokens:" in said
    return [("", ok, "no tools; counts shown" if ok else f"status {status}: {' '.join(said.split())[-160:]}")]


def script(*command):
    """A script of ours, which prints "WIRE: ok" or "WIRE: FAILED …" a line."""
    def run(p):
        status, said = p.run(*command)
        rows = re.findall(r"^([a-z -]+): (ok|FAILED)(.*)$", said, re.M)
        return [(wire, word == "ok", more.strip()) for wire, word, more in rows] or looked(status, said)
    return run


def vercel(p):
    shutil.copy(os.path.join(HERE, "vercel.mjs"), p.folder)  # its packages are found from where it is
    return script(shutil.which("node"), os.path.join(p.folder, "vercel.mjs"))(p)


@dataclasses.dataclass
class Client:
    name: str
    fetch: object
    packages: list
    wire: str
    run: object


CLIENTS = [
    Client("claude-code", from_npm, ["@anthropic-ai/claude-code"], "anthropic", claude_code),
    Client("codex", from_npm, ["@openai/codex"], "openai responses", codex),
    Client("gemini-cli", from_npm, ["@google/gemini-cli"], "google", gemini_cli),
    Client("opencode", from_npm, ["opencode-ai"], "openai chat", opencode_chat),
    Client("opencode", from_npm, ["opencode-ai"], "openai responses", opencode_responses),
    Client("qwen-code", from_npm, ["@qwen-code/qwen-code"], "openai chat", qwen_code),
    Client("llm", from_pip, ["llm"], "openai chat", llm),
    Client("aider", from_pip, ["aider-chat"], "openai chat", aider),
    Client("vercel-ai", from_npm, ["ai", "@ai-sdk/openai", "@ai-sdk/openai-compatible", "@ai-sdk/anthropic", "@ai-sdk/google", "zod"], "", vercel),
    Client("langchain", from_pip, ["langchain-core", "langchain-openai", "langchain-anthropic", "langchain-google-genai"], "",
           script("bin/python", os.path.join(HERE, "langchain_client.py"))),
    Client("llamaindex", from_pip, ["llama-index-core", "llama-index-llms-openai-like"], "",
           script("bin/python", os.path.join(HERE, "llamaindex_client.py"))),
]


class Weir(weirtest.Services):
    """One whose nginx notes its requests."""

    def start_nginx(self, port, **more):
        self.access_log = self.folder + "/log/access.log"
        super().start_nginx(port, more=f"\t\taccess_log {self.access_log};\n", **more)

    def seen(self, since):
        """What the server saw of a client since then, in a few words; and the place behind it."""
        time.sleep(0.2)  # nginx notes a request when its answer is gone
        with open(self.access_log) as f:
            f.seek(since)
            text = f.read()
        counts = {}
        for method, path, status in re.findall(r'"([A-Z]+) ([^ ?"]+)[^"]*" (\d+)', text):
            name = f"{method} {path.split(':')[-1] if ':' in path else path} {status}"
            counts[name] = counts.get(name, 0) + 1
        return ", ".join(f"{n}x {name}" if n > 1 else name for name, n in counts.items()), since + len(text.encode())


def try_client(weir, client, is_new, since):
    """(version, rows of (wire, ok or None, notes), place of the log)"""
    try:
        folder, version = client.fetch(client.name, client.packages, is_new)
    except Missing as e:
        return "-", [(client.wire, None, str(e))], since
    user = weir.make_user()
    home = os.path.join(weir.folder, f"home-{client.name}-{client.wire}".replace(" ", "-"))
    place = Place(folder, home, f"http://127.0.0.1:{weir.port}", weir.post("/api/keys", {"name": "client"}, user).json["key"])
    place.write("note.txt", NOTE)
    _, since = weir.seen(since)  # that was us
    rows = [(wire or client.wire, ok, notes) for wire, ok, notes in client.run(place)]
    weir.audit()
    seen, since = weir.seen(since)
    return version, [(wire, ok, "; ".join(filter(None, (notes, seen if len(rows) == 1 else "")))) for wire, ok, notes in rows], since


def main():
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    failed = since = 0
    print(f"{'CLIENT':<12} {'VERSION':<10} {'WIRE':<18} {'RESULT':<7} SEEN", flush=True)
    with Weir() as weir:
        weir.up(CONF)
        for name in ASIDE:
            weir.weirctl("model", "add", name, "--input", "1", "--output", "2", "--context", "200000", "--max-output", "4000")
            weir.weirctl("channel", "add", name, "--provider", "openai", "--url", weir.demo_url, "--key-stdin", "--allow-private", "--model",
                         f"{name}=demo-fast", input="demo\n")
        for client in CLIENTS:
            if wanted and not any(w in client.name for w in wanted):
                continue
            version, rows, since = try_client(weir, client, "--new" in sys.argv, since)
            for wire, ok, notes in rows:
                failed += ok is False
                print(f"{client.name:<12} {version:<10} {wire:<18} {'skipped' if ok is None else 'ok' if ok else 'FAILED':<7} {notes}", flush=True)
    return failed > 0


sys.exit(main())
