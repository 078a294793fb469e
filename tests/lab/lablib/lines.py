# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines to a running lab: L0's monitor, L2's QMP, and what goes to L1."""

import os
import pathlib
import pty
import re
import select
import socket
import subprocess
import time

PROMPT = b"(qemu) "


class Monitor:
    """L0's monitor."""

    def __init__(self, folder):
        self.path = str(folder / "l0.sock")
        self.socket = None

    def _read(self, seconds):
        """What comes until the next prompt."""
        text = b""
        end = time.monotonic() + seconds
        while not text.endswith(PROMPT):
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            part = self.socket.recv(1 << 16)
            if not part:
                raise OSError("L0's monitor has gone")
            text += part
        return text[:-len(PROMPT)]

    def ask(self, command, seconds=10):
        """Returns the answer without the echo, or "error: REASON"."""
        try:
            if not self.socket:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(self.path)
                self._read(seconds)
            self.socket.sendall(command.encode() + b"\n")
            _, _, answer = self._read(seconds).partition(b"\n")
        except OSError as error:
            return f"error: {error}"
        text = re.sub(r"\x1b\[[0-9]*[A-Z]", "", answer.decode(errors="replace"))
        return "\n".join(line.strip() for line in text.splitlines()
                         if line.strip())

    def close(self):
        if self.socket:
            self.socket.close()


WATCH_SECONDS = 60
LEAVES = b"\x1b[?1049l"    # what a program says that gives the screen back


def on_terminal(command, words, key):
    """Runs a program in a terminal of its own until it shows these words, then
    presses a key. Returns all that it has drawn."""
    terminal, side = pty.openpty()
    with subprocess.Popen(command, stdin=side, stdout=side, stderr=side,
                          env={**os.environ, "TERM": "xterm"}) as process:
        os.close(side)
        drawn = b""
        end = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    drawn += os.read(terminal, 1 << 16)
                except OSError:
                    break
            if key and words in drawn:
                os.write(terminal, key)
                key = b""
        process.kill()
    os.close(terminal)
    return drawn


def watch(folder):
    """What tdi-monitor shows of L2 on a terminal, as one line without colours;
    the terminal's whole session is in watch.txt."""
    program = pathlib.Path(__file__).resolve().parents[3] / \
        "contrib/tdi-monitor/tdi-monitor.py"
    drawn = on_terminal([program, folder / "qmp.sock"], b"  BAR ", b"q")
    with open(folder / "watch.txt", "ab") as log:
        log.write(drawn)
    last = drawn.rpartition(LEAVES)[2].decode(errors="replace")
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last).replace("\r", "").replace(
        "\n", "; ")


class Answers:
    """The way back over L1's report line; open from the first word on."""

    def __init__(self, folder):
        self.path = str(folder / "report.sock")
        self.socket = None

    def send(self, words):
        if not self.socket:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(self.path)
        self.socket.sendall(words.encode() + b"\n")

    def drain(self):
        """L1's reports come here as well; the log has them, so away."""
        if not self.socket:
            return
        self.socket.setblocking(False)
        try:
            while self.socket.recv(1 << 16):
                pass
        except OSError:
            pass
        self.socket.setblocking(True)

    def close(self):
        if self.socket:
            self.socket.close()
