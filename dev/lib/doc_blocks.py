# SPDX-License-Identifier: GPL-2.0-or-later
"""doc_blocks.py TOP: each command on our pages is run by a test, or says why not.

Before each code block of one of our pages there is one of these comments:

    .. lab: NAME PLACE      a case of the lab walks through the page and types it
    .. run by: TEST [NAME]  a case of the lab, or a test program, does the same; a
                            case that has the page gets the block by this name
    .. run by: hand         it is upkeep of this repository
    .. needs hardware: ...  what it takes

In docs/tutorial.md the opening fence names the place itself.  Prints what is
wrong.
"""

import pathlib
import re
import sys
import tomllib

BLOCK = re.compile(r"\.\. code-block:: \w+\s*$")
MARK = re.compile(r"\.\. (lab|run by|needs hardware): (.+)$")
OURS = ("docs/**/*vfio-private*.rst", "docs/**/vfio-private/*.rst",
        "docs/specs/td*.rst", "docs/tools/tdi-*.rst")


def pages(top):
    """Our pages of QEMU's documentation."""
    return sorted({path for pattern in OURS for path in top.glob(pattern)})


def tests(top):
    """Names of the lab's cases and of our test programs."""
    with open(top / "tests/lab/cases.toml", "rb") as source:
        names = set(tomllib.load(source)["case"])
    return names | {path.stem for folder in ("unit", "qtest")
                    for path in (top / "tests" / folder).glob("*test*.c")}


def walked(top):
    """Pages that a case of the lab walks through."""
    with open(top / "tests/lab/cases.toml", "rb") as source:
        cases = tomllib.load(source)["case"].values()
    return {page for case in cases for page in case.get("walk", [])}


def problems(top, page):
    """Yields "LINE: what is wrong"."""
    lines = page.read_text().splitlines()
    known, name = tests(top), str(page.relative_to(top))
    mark = None
    for number, line in enumerate(lines, 1):
        found = MARK.match(line)
        if found:
            mark = found
        elif BLOCK.match(line):
            if not mark:
                yield f"{number}: nothing says who runs this block"
            elif mark[1] == "run by" and mark[2].split()[0] not in known | {"hand"}:
                yield f"{number}: there is no test {mark[2]}"
            elif mark[1] == "lab" and name not in walked(top):
                yield f"{number}: no case of the lab walks through this page"
            mark = None
        elif line and not line.startswith(" ") and mark:
            yield f"{number}: a comment about a block stands before none"
            mark = None


def main():
    """Checks all pages; returns the exit status."""
    top = pathlib.Path(sys.argv[1])
    bad = [f"{page.relative_to(top)}:{problem}" for page in pages(top)
           for problem in problems(top, page)]
    if "docs/tutorial.md" not in walked(top):
        bad.append("docs/tutorial.md: no case of the lab walks through it")
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
