#!/usr/bin/python3
"""The web app's journeys (journeys.mjs) in Chromium, through a Weir of their own.

usage: test_journeys.py [part of a journey's name]
       test_journeys.py --serve      only start it, and print its environment

Prints TAP. Pictures of the screens are kept in tests/web/shots of the build.
"""

import http.server
import os
import signal
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), HERE]

import weblib  # noqa: E402
import weirstack  # noqa: E402
import weirtest  # noqa: E402

CONF = {"push": {"contact": "mailto:ops@example.net"}, "auth": {"registration": "open", "signup_gift": "100", "secure_cookie": "no"}, "limits": {"rate_stream": "30/1m"}}


def note_health(sv):
    """What happened to the channel demo, to be shown."""
    with sv.pg() as pg:
        for kind, cause, status, detail in (("probe_failed", "connect", 0, "Could not connect to server"),
                                            ("down", "server", 503, "HTTP 503 overloaded: come back later"), ("up", "server", 503, None)):
            pg.query("SELECT channel_event_add($1, id, 0, $2, $3, 0, $4, 'here') FROM channels WHERE name = 'demo'", kind, cause, status, detail)
        pg.query("INSERT INTO channel_hours (channel_id, hour, tries, successes, server, rate_limited, client, switches, first_bytes,"
                 " first_byte_ms, histogram, calls, request_tokens, response_tokens, cost)"
                 " SELECT id, date_trunc('hour', now()), 1840, 1809, 21, 7, 3, 28, 1809, 651240, '{0,0,9,300,900,500,100}', 1809, 918273,"
                 " 456789, 12.345678 FROM channels WHERE name = 'demo'")


def hands(sv):
    """What a journey cannot do from a browser: POST /kill kills weir-worker, /start starts another."""
    class Hands(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            if self.path == "/kill":
                sv.daemons.send("worker", signal.SIGKILL)
                sv.daemons.stop("worker")
            elif self.path == "/start":
                sv.start_worker()
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hands)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def main():
    why = weblib.missing()
    if why:
        print(f"1..0 # SKIP {why}")
        return 0
    shots = os.path.join(weirstack.build_dir(), "tests", "web", "shots")
    with weirtest.Services() as sv:
        sv.up(CONF)
        admin = sv.make_user(admin=True)
        note_health(sv)
        env = {"WEIR_URL": f"http://127.0.0.1:{sv.port}", "WEIR_ADMIN_LOGIN": admin.login,
               "WEIR_ADMIN_PASSWORD": admin.password, "WEIR_SHOTS": shots, "WEIR_CHROMIUM": weblib.CHROMIUM,
               "WEIR_MAIL": sv.folder + "/mail", "WEIR_DEMO": f"http://127.0.0.1:{sv.demo_port}", "WEIR_HANDS": hands(sv)}
        if "--serve" in sys.argv:
            print("\n".join(f"export {k}='{v}'" for k, v in env.items()), flush=True)
            signal.sigwait([signal.SIGTERM, signal.SIGINT])
            return 0
        done = subprocess.run(["node", os.path.join(HERE, "journeys.mjs"), *sys.argv[1:]], env={**os.environ, **env})
        # Failed journeys are reported line by line; another status is a fault of the harness.
        return 0 if done.returncode in (0, 1) else done.returncode


sys.exit(main())
