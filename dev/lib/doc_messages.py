# SPDX-License-Identifier: GPL-2.0-or-later
"""doc_messages.py TOP: the troubleshooting pages have every message of our code.

A message is a string of two words or more that stands in one of OUR_FILES and is
not an argument of one of the calls in NOT_MESSAGES; so a new one counts until
somebody says that it is none.  Of DEVICES, which are emulated hardware, it is
what their error_ calls say, and of the kernel series what goes to its log.  A
page has each as the term of a definition list, in double backticks, with
conversions written as "...":

    ``vfio ...: cannot unbind the TDI: ...; it is out of use``
      Cause, and what to do.

Prints what no page has, and what the code no longer has.
"""

import pathlib
import re
import sys

FOLDER = "docs/system/devices/vfio-private"
PAGES = ("troubleshooting.rst", "kernel-messages.rst")
OUR_FILES = ("hw/vfio-private/*.c", "accel/kvm/*.c", "target/i386/kvm/*.c")
DEVICES = ("hw/tdisp/*.c",)
# What these get is no message: help, names, lines of a table, and remedies that
# stand below the message itself.
NOT_MESSAGES = ("object_class_property_set_description", "monitor_printf",
                "g_strdup_printf", "error_append_hint")
LOGGED = re.compile(r"(pci|dev|pr)_(err|warn)\w*$")

TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<directive>^[ \t]*\#(?:[^\n\\]|\\.)*)
  | "(?P<string>(?:[^"\\]|\\.)*)"
  | '(?:[^'\\]|\\.)+'
  | (?P<name>[A-Za-z_]\w*)
  | (?P<other>[(){}]|\S)
""", re.VERBOSE | re.DOTALL | re.MULTILINE)
# A conversion, with whatever macro and suffix makes it a 64-bit one.
CONVERSION = re.compile(r"(?:0x)?%[-#0-9.]*(?:[hlz]*[diuxXscp]|\0)")
FORMAT_MACRO = re.compile(r"(HWADDR_)?PRI[a-zA-Z]*\d*$")
# A macro that is a string, as a message that stands in two places has
STRING_MACRO = re.compile(r'^#define +([A-Z]\w+)(?:\s|\\\n)+((?:"(?:[^"\\]|\\.)*"(?:\s|\\\n)*)+)$',
                          re.MULTILINE)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def plain(text):
    """The string as the page has it."""
    text = CONVERSION.sub("...", text.replace(r"\n", " "))
    return " ".join(text.replace("%%", "%").split())


def string_macros(top):
    """The macros of our own that are strings."""
    found = {}
    for path in top.glob("hw/vfio-private/*.[ch]"):
        for name, value in STRING_MACRO.findall(path.read_text()):
            found[name] = "".join(STRING.findall(value))
    return found


def strings(source, macros):
    """Yields (line, call, text) for each string, neighbours joined."""
    calls, name, text, line = [], None, None, 0
    for match in TOKEN.finditer(source):
        if match["comment"] or match["directive"]:
            continue
        string = match["string"]
        if match["name"]:
            string = macros.get(match["name"])
        if string is not None:
            if text is None:
                line = source.count("\n", 0, match.start()) + 1
            text = (text or "") + string
            continue
        if match["name"] and text is not None and FORMAT_MACRO.match(match["name"]):
            text += "\0"
            continue
        if text is not None:
            yield line, calls[-1] if calls else "", text
            text = None
        if match["other"] in ("(", "{"):
            calls.append(name or (calls[-1] if calls else ""))
        elif match["other"] in (")", "}") and calls:
            calls.pop()
        name = match["name"]


def is_message(call, text, kind):
    """Whether a reader may meet this string and wonder."""
    if (call in NOT_MESSAGES or
            (kind == "device" and not call.startswith("error_")) or
            (kind == "kernel" and not LOGGED.match(call))):
        return False
    words = [word for word in text.split() if re.search("[a-z]{2}", word)]
    return len([word for word in words if word != "vfio"]) >= 2


def added_lines(patch):
    """What a patch adds to C files other than tests and emulated CPUs, as if it
    were a file."""
    lines, is_c = [], False
    for line in patch.read_text().splitlines():
        if line.startswith("+++ "):
            is_c = (line.endswith(".c") and "/tools/" not in line and
                    "/tcg/" not in line and "test" not in line)
        elif is_c and line.startswith("+"):
            lines.append(line[1:])
    return "\n".join(lines)


def sources(top):
    """Yields (where, C text, kind)."""
    for kind, patterns in (("ours", OUR_FILES), ("device", DEVICES)):
        for path in sorted(path for pattern in patterns
                           for path in top.glob(pattern)):
            yield path.relative_to(top), path.read_text(), kind
    for kind, folder in (("ours", "patches"), ("kernel", "patches-kernel")):
        for patch in sorted((top / folder).glob("*.patch")):
            yield patch.relative_to(top), added_lines(patch), kind


def terms(top):
    """The messages of the pages, each with the place where it is."""
    found = {}
    for page in PAGES:
        text = (top / FOLDER / page).read_text()
        for number, line in enumerate(text.splitlines(), 1):
            match = re.fullmatch(r"``(.+)``", line)
            if match:
                found.setdefault(match[1], f"{FOLDER}/{page}:{number}")
    return found


def main():
    """Compares the pages with the code; returns the exit status."""
    top = pathlib.Path(sys.argv[1])
    on_page = terms(top)
    known, missing = set(), {}
    macros = string_macros(top)
    for where, source, kind in sources(top):
        for line, call, text in strings(source, macros):
            text = plain(text)
            known.add(text)
            if is_message(call, text, kind) and text not in on_page:
                missing.setdefault(text, f"{where}:{line}")
    gone = [text for text in on_page if text not in known]
    for text, where in missing.items():
        print(f"{where}: no page in {FOLDER} has: ``{text}``")
    for text in gone:
        print(f"{on_page[text]}: not in the code: ``{text}``")
    if missing or gone:
        return 1
    print(f"{len(on_page)} messages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
