# SPDX-License-Identifier: GPL-2.0-or-later
"""What L2 boots from when it is not the lab's kernel that QEMU loads itself.

A disk with an EFI system partition: a FAT file system without a partition table,
which UEFI boots from as well, and in it one program that is a boot stub, L2's
kernel, its initramfs and its command line joined (a "unified kernel image").

A distribution's kernel, which ./configure has put into build/distro: the drivers
that it has as modules go to an archive that follows L2's usual initramfs, or, where
L1 boots it, to L1's own.
"""

import os
import subprocess

from lablib import blocks, images, libvirt

EFI_STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"
# Where the parts of the program lie once it is loaded. The stub itself ends below
# the first one; the kernel must fit between its place and the initramfs.
EFI_PARTS = {".cmdline": 0x30000, ".linux": 0x2000000, ".initrd": 0x3000000}


def distro(paths, case, folder):
    """The kernel and the archive of its modules, as (name in L1, path)."""
    source = paths.distro
    if not (source / "modules" / case.distro).exists():
        raise images.Missing("no kernel of a distribution in build/distro: "
                             "./configure gets that of Debian")
    if case.distro == "host":
        return [(f"lab/modules/{module.name}", module)
                for module in sorted((source / "modules").iterdir())]
    archive = folder / "modules.cpio"
    cpio = images.Cpio(archive)
    for module in sorted((source / "modules").iterdir()):
        cpio.file(f"lab/modules/{module.name}", module)
    cpio.close()
    return [("lab/distro/vmlinuz", source / "vmlinuz"),
            ("lab/distro/modules.cpio", archive)]


def files(paths, case, folder):
    """What L1 needs for the case's guest, as (name, path)."""
    parts = [(f"lab/firmware/{name}", images.firmware(name))
             for name in case.firmware]
    if case.distro:
        parts += distro(paths, case, folder)
    if case.libvirt:
        parts += libvirt.files(paths)
    return parts + blocks.files(case, folder)


def run(*command, **options):
    """A program of this machine, or what it has to say."""
    images.tool(command[0])
    done = subprocess.run([str(word) for word in command], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, **options)
    if done.returncode:
        raise images.LabError(f"{command[0]}: {done.stdout.strip()}")
    return done.stdout


def efi_program(paths, case, folder):
    """L2's kernel as a program that firmware starts without any argument."""
    if not os.path.exists(EFI_STUB):
        raise images.Missing(f"{EFI_STUB} is missing: install systemd-boot-efi")
    cmdline = folder / "cmdline-efi"
    cmdline.write_text(case.efi + "\n")
    parts = {".cmdline": cmdline, ".linux": paths.kernel_guest,
             ".initrd": images.guest_image(paths)}
    room = EFI_PARTS[".initrd"] - EFI_PARTS[".linux"]
    if os.path.getsize(paths.kernel_guest) > room:
        raise images.LabError("L2's kernel is too large for its EFI program")
    program = folder / "bootx64.efi"
    words = []
    for section, path in parts.items():
        words += ["--add-section", f"{section}={path}", "--change-section-vma",
                  f"{section}={EFI_PARTS[section]:#x}"]
    run("objcopy", *words, EFI_STUB, program)
    return program


def efi_disk(paths, case, folder):
    """Puts the file system with that program on the case's NVMe disk."""
    disk = folder / "disk.img"
    program = efi_program(paths, case, folder)
    tools = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}
    sectors = os.path.getsize(disk) // 512
    run("mformat", "-i", disk, "-T", sectors, "-h", 16, "-s", 32, "::", env=tools)
    run("mmd", "-i", disk, "::/EFI", "::/EFI/BOOT", env=tools)
    run("mcopy", "-i", disk, program, "::/EFI/BOOT/BOOTX64.EFI", env=tools)
    program.unlink()
