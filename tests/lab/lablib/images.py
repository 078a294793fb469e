# SPDX-License-Identifier: GPL-2.0-or-later
"""The initramfs images of L1 and L2, and the programs inside them.

L1's image is two cpio archives, one after the other, which the kernel unpacks
in order: a base (busybox, the QEMU under test with its libraries, firmware,
L2's kernel) that is rebuilt when one of those files changed, and an overlay
(scripts, our programs, L2's own image, what a case asks for) that is written
anew for each run. Archives are written here in the "newc" form: no root, no
cpio program, no device nodes (the kernel brings /dev/console).
"""

import hashlib
import os
import pathlib
import shutil
import stat
import struct
import subprocess

FIRMWARE = ("bios-256k.bin", "linuxboot_dma.bin", "kvmvapic.bin", "pvh.bin")
FIRMWARE_DIRS = ("/usr/share/seabios", "/usr/share/qemu", "/usr/share/OVMF")
# Scripts among the kernel's selftests that L2 runs, where the kernel has them.
GUEST_SELFTESTS = ("pci_tsm/devsec.sh", "kselftest/ktap_helpers.sh")
LAB = pathlib.Path(__file__).resolve().parent.parent
TDISP = LAB.parent.parent / "hw" / "tdisp"    # registers of tdi-testdev


class LabError(Exception):
    """The lab cannot run; the text says what is missing and what to do."""


class Missing(LabError):
    """Only this case cannot run, for want of an optional program."""


class Cpio:
    """A newc archive being written; parents of a path come by themselves."""

    def __init__(self, path):
        self.out = open(path, "wb")
        self.seen = set()
        self.ino = 0

    def _entry(self, name, mode, data):
        self.ino += 1
        fields = (self.ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0,
                  len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields)
        head += name.encode() + b"\0"
        self.out.write(head + b"\0" * (-len(head) % 4))
        self.out.write(data)
        self.out.write(b"\0" * (-len(data) % 4))

    def _parents(self, name):
        for parent in reversed(pathlib.PurePosixPath(name).parents):
            if str(parent) != "." and str(parent) not in self.seen:
                self.seen.add(str(parent))
                self._entry(str(parent), stat.S_IFDIR | 0o755, b"")

    def data(self, name, data, mode=0o755):
        name = name.lstrip("/")
        self._parents(name)
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self._parents(name)
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def file(self, name, source):
        self.data(name, pathlib.Path(source).read_bytes())

    def close(self):
        self._entry("TRAILER!!!", 0, b"")
        self.out.write(b"\0" * (-self.out.tell() % 512))
        self.out.close()


def libraries(program):
    """Paths of the shared objects that a program loads, loader included."""
    done = subprocess.run(["ldd", str(program)], capture_output=True, text=True)
    if done.returncode:
        return []
    words = [word for line in done.stdout.splitlines() for word in line.split()]
    return sorted({word for word in words if word.startswith("/")})


def sanitized(program):
    """Was it built with the address sanitizer (./configure --enable-asan)?"""
    return any("/libasan.so" in name for name in libraries(program))


def tool(name):
    path = shutil.which(name)
    if not path:
        raise Missing(f"{name} is not installed; the case needs it in L1")
    return path


def built(paths, name):
    """One of our own tools, as it comes with the QEMU under test."""
    path = paths.qemu.resolve().parent / "contrib" / name / name
    return path if path.exists() else None


def firmware(name):
    for folder in FIRMWARE_DIRS:
        path = pathlib.Path(folder, name)
        if path.exists():
            return path
    raise Missing(f"no {name} in {' or '.join(FIRMWARE_DIRS)}: install "
                  "seabios, qemu-system-data and ovmf")


def stamp(paths):
    """A name that changes whenever one of these files does."""
    digest = hashlib.sha256()
    for path in paths:
        info = os.stat(path)
        digest.update(f"{path} {info.st_size} {info.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def base(paths):
    """Returns L1's base archive, building it if an input has changed."""
    libs = libraries(paths.qemu)
    parts = [(f"lab/firmware/{name}", firmware(name)) for name in FIRMWARE]
    parts += [(lib, lib) for lib in libs]
    parts += [("bin/busybox", tool("busybox")),
              ("lab/bzImage-guest", paths.kernel_guest)]
    inputs = [paths.qemu, __file__] + [source for _, source in parts]
    image = paths.lab / f"base-{stamp(inputs)}.cpio"
    if image.exists():
        return image
    for old in paths.lab.glob("base-*.cpio"):
        old.unlink()
    stripped = paths.lab / "qemu.stripped"
    # A sanitizer's report is of no use without the names of functions.
    what = "-g" if sanitized(paths.qemu) else "-s"
    subprocess.run(["strip", what, "-o", stripped, paths.qemu], check=True)
    partial = image.with_suffix(f".{os.getpid()}")
    cpio = Cpio(partial)
    cpio.file("lab/qemu", stripped)
    for name, source in parts:
        cpio.file(name, source)
    cpio.close()
    partial.rename(image)
    return image


def compile_programs(paths):
    """Builds tests/lab/*/*.c as one static program; returns its path and its names.

    As with busybox, the name that it is called by tells what it does. With a C
    library in each of them they would be most of L2's image, which takes L2
    seconds to unpack.
    """
    out = paths.lab / "bin"
    out.mkdir(parents=True, exist_ok=True)
    compiler = [os.environ.get("CC", "gcc"), "-O2", "-Wall", "-Wextra", "-Werror",
                "-isystem", paths.headers, "-I", LAB / "include", "-I", TDISP]
    sources = sorted((source for side in ("guest", "host")
                      for source in (LAB / side).glob("*.c")),
                     key=lambda source: source.stem)
    names = [source.stem for source in sources]
    mains = [f"{name.replace('-', '_')}_main" for name in names]
    rows = "".join(f'PROGRAM("{name}", {main})\n'
                   for name, main in zip(names, mains))
    table = out / "programs.h"
    if not table.exists() or table.read_text() != rows:
        table.write_text(rows)
    newest = max(path.stat().st_mtime
                 for path in (*LAB.glob("*/*.h"), TDISP / "tdi-testdev.h"))
    objects = []
    for source, main in zip(sources, mains):
        target = out / f"{source.stem}.o"
        objects.append(target)
        if not target.exists() or target.stat().st_mtime <= max(
                newest, source.stat().st_mtime):
            subprocess.run([*compiler, f"-Dmain={main}", "-c", "-o", target, source],
                           check=True)
    program = out / "programs"
    inputs = [*objects, table, LAB / "init" / "programs.c"]
    if not program.exists() or program.stat().st_mtime <= max(
            path.stat().st_mtime for path in inputs):
        subprocess.run([*compiler, "-static", "-I", out, "-o", program,
                        LAB / "init" / "programs.c", *objects], check=True)
    return program, names


def add_programs(cpio, paths):
    """Puts our programs into an archive: /lab/bin/NAME for each."""
    program, names = compile_programs(paths)
    cpio.file("lab/bin/programs", program)
    for name in names:
        cpio.link(f"lab/bin/{name}", "programs")


def test_modules(paths, tree, kernel):
    """Builds the kernel modules of tests for a kernel and its build tree."""
    out = paths.lab / f"module-{tree.name}"
    sources = sorted((LAB / "module").glob("*.c"))
    modules = [out / f"{source.stem}.ko" for source in sources]
    newest = max(path.stat().st_mtime for path in
                 (*sources, *(LAB / "include").glob("*.h"),
                  LAB / "module" / "Makefile", TDISP / "tdi-testdev.h", kernel))
    if all(module.exists() and module.stat().st_mtime > newest
           for module in modules):
        return modules
    # make does not see that an option of the kernel has changed a structure of its.
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    log = paths.lab / f"{out.name}.log"
    with open(log, "w", encoding="utf-8") as text:
        done = subprocess.run(
            ["make", "-C", tree, f"M={LAB / 'module'}", f"MO={out}", "modules"],
            stdout=text, stderr=text)
    if done.returncode or not all(module.exists() for module in modules):
        raise LabError(f"the test modules do not build: {log}")
    for module in modules:
        os.utime(module)
    return modules


def guest_image(paths):
    """L2's whole initramfs; small enough to be written anew for each run."""
    image = paths.lab / "l2.cpio"
    partial = image.with_suffix(f".{os.getpid()}")
    cpio = Cpio(partial)
    cpio.file("init", LAB / "init" / "l2")
    cpio.file("bin/busybox", tool("busybox"))
    for module in test_modules(paths, paths.kernel_build,
                               paths.kernel_guest):
        cpio.file(f"lab/{module.name}", module)
    add_programs(cpio, paths)
    for script in sorted((LAB / "guest").glob("*.sh")):
        cpio.file(f"lab/guest/{script.name}", script)
    tests = paths.kernel_build / "source" / "tools/testing/selftests"
    for script in GUEST_SELFTESTS:
        if (tests / script).exists():
            cpio.file(f"lab/selftests/{script}", tests / script)
    cpio.close()
    partial.rename(image)
    return image


def overlay(paths, case, folder, settings, extra):
    """Writes the archive of one run; settings become /lab/case.env.

    @extra: more of its files, as (name, source)
    """
    image = folder / "overlay.cpio"
    cpio = Cpio(image)
    cpio.file("init", LAB / "init" / "l1")
    cpio.file("lab/l2.cpio", guest_image(paths))
    for module in test_modules(paths, paths.kernel_build_host, paths.kernel):
        cpio.file(f"lab/{module.name}", module)
    add_programs(cpio, paths)
    for script in sorted((LAB / "host").glob("*.sh")) + sorted(
            (LAB / "host").glob("*.awk")):
        cpio.file(f"lab/host/{script.name}", script)
    cpio.file("bin/qemu-system-x86_64", LAB / "host" / "vmm.sh")
    for name in case.tools:
        path = built(paths, name) or tool(name)
        for part in libraries(path):
            cpio.file(part, part)
        cpio.file(f"bin/{name}", path)
    for name in case.selftests:
        program = paths.selftests / name
        if not program.exists():
            raise Missing(f"{program} has not been built")
        cpio.file(f"lab/selftests/{pathlib.Path(name).name}", program)
    for name, source in extra:
        cpio.file(name, source)
    env = "".join(f"{key}='{value}'\n" for key, value in settings.items())
    cpio.data("lab/case.env", env.encode())
    slots = "".join(f"{dev.name} {dev.slot:02x}.0\n" for dev in case.devices)
    cpio.data("lab/devices", slots.encode())
    cpio.close()
    return image


def option_rom():
    """An option ROM that Linux takes for valid and no firmware runs."""
    rom = bytearray(2048)
    struct.pack_into("<HB", rom, 0, 0xaa55, len(rom) // 512)
    struct.pack_into("<H", rom, 0x18, 0x1c)    # where the next one is
    struct.pack_into("<4sHHHH", rom, 0x1c, b"PCIR", 0x1234, 0x7d15, 0, 0x18)
    # One image of this length, for Open Firmware, the last one
    struct.pack_into("<HHBB", rom, 0x1c + 0x10, len(rom) // 512, 0, 1, 0x80)
    return bytes(rom)


def initrd(paths, case, folder, settings, extra=()):
    """The file that L0's -initrd takes: base and overlay joined."""
    joined = folder / "l1.cpio"
    with open(joined, "wb") as out:
        for part in (base(paths),
                     overlay(paths, case, folder, settings, extra)):
            with open(part, "rb") as source:
                shutil.copyfileobj(source, out, 1 << 20)
    (folder / "overlay.cpio").unlink()
    return joined
