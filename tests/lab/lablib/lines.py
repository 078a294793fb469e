# SPDX-License-Identifier: GPL-2.0-or-later
"""The two lines to a running lab: L0's monitor, and what goes back to L1."""

import re
import socket
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
