# SPDX-License-Identifier: GPL-2.0-or-later
"""libvirt for L1: of the packages that ./configure has put into build/libvirt.

What they lack of libraries, this machine has; the daemons come with the driver
for QEMU and nothing else.
"""

import os
import pathlib
import re
import subprocess

from lablib import images

PROGRAMS = ("usr/sbin/libvirtd", "usr/sbin/virtlogd", "usr/bin/virsh")
DRIVER = "usr/lib/*/libvirt/connection-driver/libvirt_driver_qemu.so"
DATA = ("usr/share/libvirt/cpu_map/index.xml",
        "usr/share/libvirt/cpu_map/x86_*.xml",
        "usr/share/libvirt/schemas/*.rng")


def present(tree, pattern):
    """Files of that name, of the packages or else of this machine."""
    for root in (tree, pathlib.Path("/")):
        found = sorted(root.glob(pattern))
        if found:
            return [(str(path.relative_to(root)), path) for path in found]
    raise images.Missing(f"no {pattern} in build/libvirt: ./configure gets it "
                         "from Debian")


def libraries(tree, program):
    """What a program loads, as (name in L1, path here)."""
    folders = sorted(tree.glob("usr/lib/*-linux-*")) + sorted(
        tree.glob("lib/*-linux-*"))
    done = subprocess.run(
        ["ldd", program], capture_output=True, text=True, check=False,
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, folders))})
    lost = re.search(r"(\S+) => not found", done.stdout)
    if lost or done.returncode:
        raise images.Missing(f"{program} needs {lost[1] if lost else 'more'}: "
                             "remove build/libvirt and run ./configure")
    for path in re.findall(r"(/\S+) \(0x", done.stdout):
        yield path.removeprefix(str(tree)).lstrip("/"), path


def files(paths):
    """All of it, as (name in L1, path here)."""
    tree = paths.build / "libvirt"
    if not tree.exists():
        raise images.Missing("no build/libvirt: ./configure gets it from Debian")
    programs = [part for pattern in (*PROGRAMS, DRIVER)
                for part in present(tree, pattern)]
    parts = dict(programs)
    for _, program in programs:
        parts.update(libraries(tree, program))
    for pattern in DATA:
        parts.update(present(tree, pattern))
    return list(parts.items())
