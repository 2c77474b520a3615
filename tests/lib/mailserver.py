"""A small SMTP server on loopback."""

import socket
import threading
import time


class MailServer:
    """Keeps what it gets; refuse: takes no recipient; hang: never greets; slow_s: thinks before it keeps one."""

    def __init__(self, refuse=False, hang=False, slow_s=0):
        self.refuse, self.hang, self.slow_s, self.got = refuse, hang, slow_s, []
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(conn,), daemon=True).start()

    def talk(self, conn):
        with conn, conn.makefile("rb") as lines:
            if self.hang:
                lines.read()
                return
            say, envelope = (lambda text: conn.sendall(text + b"\r\n")), []
            say(b"220 test")
            for line in lines:
                verb = line[:4].upper()
                if verb == b"DATA":
                    say(b"354 go on")
                    data = b""
                    for part in lines:
                        if part == b".\r\n":
                            break
                        data += part
                    time.sleep(self.slow_s)
                    self.got.append((envelope, data))
                    say(b"250 kept")
                elif verb == b"QUIT":
                    say(b"221 bye")
                    return
                elif verb == b"RCPT" and self.refuse:
                    say(b"550 nobody here")
                else:
                    if verb in (b"MAIL", b"RCPT"):
                        envelope.append(line.strip())
                    say(b"250 ok")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()
