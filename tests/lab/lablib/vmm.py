# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP to the QEMU under test, from the machine that runs the lab.

It comes over a serial line of L1, as the socket qmp.sock of the case's folder, so
nobody tells QEMU that a client has come or gone: there is no greeting, and
qmp_capabilities may have been said before.
"""

import json
import socket
import time


class VmmError(Exception):
    """No answer, or an error as the answer."""


class Qmp:
    """One conversation."""

    def __init__(self, folder, seconds=30):
        self.seconds = seconds
        self.rest = b""
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.connect(str(folder / "qmp.sock"))
        except OSError as error:
            raise VmmError(f"{folder / 'qmp.sock'}: {error}") from error
        self.answer("qmp_capabilities", {})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def lines(self):
        """What QEMU says, line by line, until time is up."""
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            line, found, rest = self.rest.partition(b"\n")
            if found:
                self.rest = rest
                yield line
                continue
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                part = self.socket.recv(1 << 16)
            except TimeoutError:
                break
            if not part:
                raise VmmError("the lab has ended")
            self.rest += part
        raise VmmError("QEMU does not answer: is there an L2, and has it QMP?")

    def answer(self, command, arguments):
        """The answer to a command; what it says meanwhile is of no interest."""
        name = f"{command}-{time.monotonic_ns()}"
        self.socket.sendall(json.dumps(
            {"execute": command, "arguments": arguments,
             "id": name}).encode() + b"\n")
        for line in self.lines():
            try:
                message = json.loads(line)
            except ValueError:
                continue    # the rest of a line that somebody else had begun
            if isinstance(message, dict) and message.get("id") == name:
                return message
        return None

    def execute(self, command, arguments):
        """What a command returns."""
        message = self.answer(command, arguments)
        if "error" in message:
            raise VmmError(f"{message['error']['class']}: "
                           f"{message['error']['desc']}")
        return message["return"]

    def human(self, command):
        """What the human monitor says to a command, as lines."""
        text = self.execute("human-monitor-command", {"command-line": command})
        return text.replace("\r", "").splitlines()
