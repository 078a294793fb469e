# SPDX-License-Identifier: GPL-2.0-or-later
"""What a page of the documentation has for the script of a case.

A block with a comment ".. run by: CASE NAME" before it becomes the file
/lab/page/NAME in L1, so that the case uses what the page says, and nothing else.
Of a block of language "console" that file is a script with the commands, and
NAME.expect has the lines of output, as regular expressions for grep -Ex: "..."
stands for anything.
"""

import pathlib
import re

from lablib import images

TOP = pathlib.Path(__file__).resolve().parents[3]
MARK = re.compile(r"\.\. run by: (\S+) (\S+)$")
CODE = re.compile(r"\.\. code-block:: (\w+)$")
PROMPT = "# "


def named(text, case):
    """Yields (name, language, lines) of the blocks that are for this case."""
    name, block = None, None
    for line in text.splitlines() + ["."]:
        if block and line.startswith("    "):
            block[2].append(line[4:])
            continue
        if block and line:
            yield block
            block = None
        mark, code = MARK.match(line), CODE.match(line)
        if mark and mark[1] == case:
            name = mark[2]
        elif code and name:
            block = (name, code[1], [])
            name = None


def expected(line):
    """The regular expression for a line of output."""
    return ".*".join(re.sub(r"([][\\.*^$+?(){}|])", r"\\\1", part)
                     for part in line.split("..."))


def console(lines):
    """(commands, patterns of what they say) of a dialogue."""
    typed, output, more = [], [], False
    for line in lines:
        if more or line.startswith(PROMPT):
            typed.append(line if more else line[len(PROMPT):])
            more = line.endswith("\\")
        elif line and line != "...":
            output.append(expected(line))
    return typed, output


def files(case, folder):
    """All of them, as (name in L1, path here)."""
    if not case.page:
        return []
    parts = {}
    for name, language, lines in named((TOP / case.page).read_text(), case.name):
        if language == "console":
            parts[name], parts[f"{name}.expect"] = console(lines)
        else:
            parts[name] = lines
    if not parts:
        raise images.LabError(f"{case.page} has no block for {case.name}")
    out = folder / "page"
    out.mkdir()
    for name, lines in parts.items():
        (out / name).write_text("".join(f"{line}\n" for line in lines))
    return [(f"lab/page/{name}", out / name) for name in parts]
