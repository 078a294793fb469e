# SPDX-License-Identifier: GPL-2.0-or-later
"""What L0 checks itself once a case's machine has ended."""

import hashlib
import re

from lablib import timeline


def disk_digest(folder, reports):
    """The raw file behind the NVMe disk holds what L2 says it wrote.

    The guest reports "disk SHA256 MIB": the digest of the first MIB of the
    disk. Nothing between the guest and this file may have changed a byte.
    """
    claim = reports.last("disk")
    if not claim:
        return None
    digest, mib = claim.split()
    found = hashlib.sha256()
    with open(folder / "disk.img", "rb") as disk:
        for _ in range(int(mib)):
            found.update(disk.read(1 << 20))
    if found.hexdigest() != digest:
        return (f"the disk's file in L0 has digest {found.hexdigest()}, "
                f"L2 wrote {digest}")
    return None


def after(case, folder, reports, seen):
    """Returns None, or what is wrong with what the case left behind.

    @seen: the lines of its logs that would fail another case
    """
    for text in case.expect:
        if not any(re.search(text, line) for line in seen):
            return f"no log says '{text}'"
    if case.env.get("LAB_DISK") and not reports.last("disk"):
        return "L2 did not report the digest of the disk it wrote"
    problem = disk_digest(folder, reports)
    if not problem and case.env.get("LAB_TIMELINE"):
        problem = timeline.after(case, folder, reports)
    return problem
