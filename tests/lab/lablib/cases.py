# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads cases.toml: the cases are data, this is their only reader."""

import copy
import dataclasses
import fnmatch
import os
import pathlib
import tomllib

LAB = pathlib.Path(__file__).resolve().parent.parent
FIRST_ROOT_PORT = 4    # slots of the root bus that carry the case's devices
FIRST_INTEGRATED = 0x10


@dataclasses.dataclass
class Device:
    """One device of L0 that the case names; `slot` is on the root bus."""
    name: str
    slot: int
    args: list


@dataclasses.dataclass
class Case:
    """One case; the fields are those of cases.toml."""
    name: str
    about: str
    script: str
    groups: list
    timeout: float
    devices: list
    append: str = ""
    env: dict = dataclasses.field(default_factory=dict)
    tools: list = dataclasses.field(default_factory=list)
    selftests: list = dataclasses.field(default_factory=list)
    expect: list = dataclasses.field(default_factory=list)
    qemu: list = dataclasses.field(default_factory=list)
    walk: list = dataclasses.field(default_factory=list)
    shell: str = ""
    firmware: list = dataclasses.field(default_factory=list)
    efi: str = ""
    distro: str = ""
    libvirt: bool = False
    page: str = ""
    memory: int = 2048
    repeat: int = 1
    busy: int = 0
    alone: bool = False
    debug: bool = False


class Paths:
    """Where the artefacts are; each may be given by the environment."""

    def __init__(self):
        top = LAB.parent.parent
        env = os.environ
        self.build = pathlib.Path(env.get("BUILD", top / "build")).resolve()
        build = self.build

        def place(name, default):
            return pathlib.Path(env.get(name, default)).absolute()

        self.qemu_l0 = place("QEMU_L0", env.get(
            "QEMU", build / "qemu-system-x86_64"))
        self.qemu = place("QEMU", build / "qemu-system-x86_64")
        self.kernel = place("KERNEL", build / "bzImage")
        self.kernel_guest = place("KERNEL_GUEST", env.get(
            "KERNEL", build / "bzImage-guest"))
        self.kernel_build = place("KERNEL_BUILD", build / "linux")
        self.kernel_build_host = self.kernel_build
        self.headers = place("HEADERS", build / "headers" / "include")
        self.selftests = place("SELFTESTS", build / "selftests")
        self.distro = build / "distro"
        self.lab = build / "lab"

    def missing(self):
        """The artefacts that have not been built."""
        wanted = (self.qemu_l0, self.qemu, self.kernel, self.kernel_guest)
        return [str(path) for path in wanted if not path.exists()]

    def of(self, case):
        """What this case runs: those with `debug` look for more mistakes, and
        those with `distro` on the host have a distribution's kernel there."""
        paths = copy.copy(self)
        if case.distro == "host":
            paths.kernel = self.distro / "vmlinuz"
        if not case.debug:
            return paths
        folder = self.build / "debug"
        paths.qemu = pathlib.Path(os.environ.get(
            "QEMU_DEBUG", folder / "qemu-system-x86_64")).absolute()
        paths.kernel = pathlib.Path(os.environ.get(
            "KERNEL_DEBUG", folder / "bzImage")).absolute()
        paths.kernel_build_host = pathlib.Path(os.environ.get(
            "KERNEL_BUILD_DEBUG", self.build / "linux-debug")).absolute()
        return paths


def make_devices(names, table):
    """Gives each named device a place: its own root port, or the root bus."""
    devices = []
    port, integrated = FIRST_ROOT_PORT, FIRST_INTEGRATED
    for name in names:
        spec = table[name]
        args = list(spec.get("with", []))
        if spec.get("port", True):
            slot, port = port, port + 1
            # After a bus reset Linux waits for the link of a faster port, and
            # the emulated one never tells that it is active.
            args += ["-device", f"pcie-root-port,id=rp{slot},chassis={slot},"
                     f"x-speed=5,addr={slot:#x}.0"]
            args += ["-device", f"{spec['device']},id={name},bus=rp{slot}"]
        else:
            slot, integrated = integrated, integrated + 1
            args += ["-device",
                     f"{spec['device']},id={name},addr={slot:#x}.0"]
        devices.append(Device(name, slot, args))
    return devices


def listed_selftests():
    """The programs of selftests.list, as paths below the build."""
    programs = []
    for line in (LAB / "selftests.list").read_text().splitlines():
        folder, *targets = line.split("#")[0].split() or [""]
        programs += [f"{folder}/{target}" for target in targets]
    return programs


def load():
    """All cases in the order of the file, by name."""
    with open(LAB / "cases.toml", "rb") as source:
        data = tomllib.load(source)
    default = data["default"]
    cases = {}
    for name, spec in data["case"].items():
        merged = {**default, "script": name, **spec}
        merged["devices"] = make_devices(merged["devices"], data["device"])
        merged["selftests"] = [
            program for program in listed_selftests()
            if any(fnmatch.fnmatchcase(program, pattern)
                   for pattern in merged.get("selftests", []))]
        cases[name] = Case(name=name, **merged)
    return cases


def choose(cases, names, groups):
    """The cases that a command line asks for; all of group ci by default."""
    unknown = [name for name in names if name not in cases]
    unknown += [group for group in groups
                if not any(group in case.groups for case in cases.values())]
    if unknown:
        raise KeyError(", ".join(unknown))
    if not names and not groups:
        groups = ["ci"]
    return [case for case in cases.values() if case.name in names
            or any(group in case.groups for group in groups)]
