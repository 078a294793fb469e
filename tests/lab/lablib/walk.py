# SPDX-License-Identifier: GPL-2.0-or-later
"""Follows a page of the documentation: types what it says, where it says so.

A page in Markdown has fenced blocks that begin with ```console PLACE, a page in
reStructuredText ".. code-block:: console" with a comment ".. lab: NAME PLACE"
before it.  Places are

    machine   a shell on the machine that runs the lab, in the repository
    L1, L2    the shell of that level
    monitor   the human monitor of L2's QEMU

In a block, lines that begin with the prompt of the place are typed; lines of a
command that end in a backslash go on.  What follows is the output that must
come: "..." stands for anything in a line, and alone for any lines.  Without
output in the page, there must be none.
"""

import dataclasses
import os
import pathlib
import re
import socket
import subprocess
import threading
import time

from lablib import vmm

TOP = pathlib.Path(__file__).resolve().parents[3]
PROMPTS = {"machine": "$ ", "L1": "# ", "L2": "# ", "monitor": "(qemu) "}
SHELL_PROMPT = re.compile(r"(?:^|\n)[^\n]* # $")
MORE_PROMPT = re.compile(r"\n> $")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
# The kernel's log, which comes in the middle of a line as well, and what ASan says of
# QEMU's coroutines
NOT_THE_PAGE = re.compile(r"(\[ *[0-9]+\.[0-9]{6}\] |==[0-9]+==WARNING: ASan doesn't "
                          r"fully support makecontext)[^\n]*\n")
PATIENCE = 10.0


class WalkError(Exception):
    """The page and the lab do not agree."""


@dataclasses.dataclass
class Step:
    """One command of a page."""
    where: str
    place: str
    typed: list
    output: list


def markdown_blocks(text):
    """Yields (line, language, place, lines of the block)."""
    block = None
    for number, line in enumerate(text.splitlines(), 1):
        if block and line.startswith("```"):
            yield block
            block = None
        elif block:
            block[3].append(line)
        elif line.startswith("```"):
            language, _, place = line[3:].partition(" ")
            block = (number, language, place, [])


def rst_blocks(text):
    """The same of reStructuredText; only blocks with a comment for the lab."""
    block, place, language = None, None, None
    for number, line in enumerate(text.splitlines() + ["."], 1):
        mark = re.match(r"\.\. lab: \S+ (\w+)", line)
        code = re.match(r"\.\. code-block:: (\w+)", line)
        if block and line.startswith("    "):
            block[3].append(line[4:])
        elif block and line:
            yield block
            block = None
        if mark:
            place = mark[1]
        elif code and place:
            language = code[1]
            block = (number, language, place, [])
            place = None


def read_steps(page):
    """All steps of a page, in their order."""
    text = (TOP / page).read_text()
    blocks = markdown_blocks if page.endswith(".md") else rst_blocks
    steps = []
    for number, language, place, body in blocks(text):
        if language != "console" or place not in PROMPTS:
            raise WalkError(f"{page}:{number}: a block of '{language}' that is "
                            f"typed in '{place}'?")
        more = False
        while body and not body[-1]:
            body.pop()
        for offset, line in enumerate(body, 1):
            if more:
                steps[-1].typed.append(line)
            elif line.startswith(PROMPTS[place]):
                steps.append(Step(f"{page}:{number + offset}", place,
                                  [line[len(PROMPTS[place]):]], []))
            else:
                steps[-1].output.append(line)
                continue
            more = line.endswith("\\")
    return steps


def same(expected, found):
    """Whether these lines are what the page says."""
    if not expected:
        return not found
    if expected[0] == "...":
        return any(same(expected[1:], found[skip:])
                   for skip in range(len(found) + 1))
    pattern = ".*".join(map(re.escape, expected[0].split("...")))
    return bool(found) and bool(re.fullmatch(pattern, found[0])) and same(
        expected[1:], found[1:])


class Console(threading.Thread):
    """The shell on one of the lab's consoles.

    It is read at all times: a line that nobody reads stalls after a few hundred
    characters, and the kernel with it.
    """

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = str(path)
        self.socket = None
        self.data = b""
        self.ended = False
        self.news = threading.Condition()

    def connect(self):
        """Takes the line as soon as it is there, so that nothing is lost."""
        while not self.socket:
            line = socket.socket(socket.AF_UNIX)
            try:
                line.connect(self.path)
                self.socket = line
            except OSError:
                line.close()
                time.sleep(0.02)
        self.start()

    def run(self):
        part = b" "
        while part:
            try:
                part = self.socket.recv(1 << 16)
            except OSError:
                part = b""
            with self.news:
                self.data += part
                self.ended = not part
                self.news.notify()

    def wait(self, prompt=SHELL_PROMPT):
        """What has come until the prompt."""
        with self.news:
            while True:
                text = ESCAPE.sub("", self.data.decode(errors="replace"))
                text = NOT_THE_PAGE.sub("", text.replace("\r", ""))
                if prompt.search(text):
                    self.data = b""
                    return text
                if self.ended:
                    raise WalkError(f"the console has gone after {text[-200:]!r}")
                self.news.wait()

    def greet(self):
        """Waits for the shell; a wide line keeps it from wrapping the echo."""
        self.wait()
        self.type(["stty cols 400"])

    def type(self, typed):
        """Types the lines; returns those of the output."""
        with self.news:
            self.data = b""
        # While the shell does not read, the terminal echoes, and the shell does
        # so again when it reads: nothing is typed before its prompt.
        for line in typed[:-1]:
            self.socket.sendall(f"{line}\n".encode())
            self.wait(MORE_PROMPT)
        self.socket.sendall(f"{typed[-1]}\n".encode())
        # The line typed comes back first.
        answer = self.wait().split("\n")[1:-1]
        return [line.rstrip() for line in answer]


class Walk(threading.Thread):
    """Goes through the pages of a case while its machine runs."""

    def __init__(self, case, folder):
        super().__init__(daemon=True)
        self.case, self.folder = case, folder
        self.problem = None
        self.done = False
        # The runner ends a case whose time is up; nothing is timed here.
        self.consoles = {level: Console(folder / f"{level.lower()}.sock")
                         for level in ("L1", "L2")}
        self.started = set()
        self.log = open(folder / "walk.log", "w", encoding="utf-8")

    def run(self):
        try:
            for console in self.consoles.values():
                console.connect()
            for page in self.case.walk:
                for step in read_steps(page):
                    self.take(step)
            self.done = True
            self.leave()
        except (WalkError, vmm.VmmError, OSError) as error:
            self.problem = str(error)
        self.log.close()

    def result(self):
        """None, or why the pages were not followed to their end."""
        if not self.done and not self.problem:
            self.problem = f"the lab ended before the page did: {self.case.walk}"
        return self.problem

    def take(self, step):
        """Does one step of a page, and compares what comes with the page."""
        self.log.write(f"{step.where} {step.place}: {step.typed}\n")
        self.log.flush()
        found = self.do(step)
        end = time.monotonic() + PATIENCE
        while (step.place == "monitor" and step.typed[0].startswith("info ") and
               not same(step.output, found) and time.monotonic() < end):
            # What the monitor begins takes a moment.
            time.sleep(0.2)
            found = self.do(step)
        self.log.write("".join(f"    {line}\n" for line in found))
        self.log.flush()
        if not same(step.output, found):
            raise WalkError(f"{step.where}: {step.typed[0]}: expected "
                            f"{step.output}, got {found}")

    def do(self, step):
        """The lines that come."""
        if step.place == "monitor":
            with vmm.Qmp(self.folder) as qmp:
                return qmp.human(step.typed[0])
        if step.place == "machine":
            return self.on_machine("\n".join(step.typed))
        self.shell(step.place)
        return self.consoles[step.place].type(step.typed)

    def shell(self, level):
        """Waits for a level's shell when it is first used."""
        if level not in self.started:
            self.started.add(level)
            self.consoles[level].greet()

    def on_machine(self, command):
        """The first command of a tutorial starts what already runs."""
        if command == f"tests/lab/run -s {self.case.shell} {self.case.name}":
            self.shell(self.case.shell.upper())
            return []
        done = subprocess.run(
            command, shell=True, cwd=TOP, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "BUILD": str(self.folder.parent.parent)},
            check=False)
        return done.stdout.splitlines()

    def leave(self):
        """Ends the shell, and with it the machine, unless the page has."""
        level = self.case.shell.upper()
        self.shell(level)
        self.consoles[level].socket.sendall(b"exit\n")
