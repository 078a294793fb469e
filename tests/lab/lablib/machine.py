# SPDX-License-Identifier: GPL-2.0-or-later
"""L0: one QEMU process that is the lab's hardware, and what it tells us.

The process is followed through its report line (see init/l1) and judged
when it has ended. Only this process is ever killed, by its own handle.
"""

import io
import re
import shlex
import signal
import subprocess
import tarfile
import threading
import time

from lablib import images, lines

DISK_MIB = 256          # sparse; a case says how many of them it writes
OUT_MIB = 64
NORMAL_BOOT = 4.0      # seconds from start to L1's "up", machine otherwise idle
BOOT_TIMEOUT = 90.0
GRACE = 20.0
# What a QEMU with sanitizers needs more: room for its image, for the sanitizer's
# shadow and for freed memory that it keeps; and time.
SANITIZED_MIB = 2048
SANITIZED_SLOWER = 2

# L1's time stamp counter never changes its rate (invtsc), though Linux, which has
# to measure it, comes to a slightly different result each time. KVM can give a
# guest a rate of its own (tsc-scale), such as the one measured before; without
# that, the timers of such a guest never fire. Registers of its APICs are MSRs
# (x2apic, and eim of the IOMMU): in memory each access is one to a device, and an
# interrupt for another CPU waits for a bit there.
L1_CPU = "EPYC-v4,-xsavec,+x2apic,+invtsc,+tsc-scale"

# Linux is not to judge the timer by a count of its ticks in a few early
# milliseconds: on a busy machine it panics ("timer doesn't work"). Nor is it to
# compare the counters of its CPUs from the timer (tsc=nowatchdog): on a slow boot
# that meets the change from jiffies to a better clock. The CPU that counts jiffies
# then waits for the other, with jiffies as its timeout, and the other waits for it
# in stop_machine(). Nor is KVM to spin for 0.2 ms for each vCPU that halts: here
# that costs L0 what all others could use (up to a fifth of a case's time). A
# distribution's kernel gets none of these, as people boot it.
L1_APPEND = "no_timer_check kvm.halt_poll_ns=0 tsc=nowatchdog"

# What no console of a healthy run shows, at any level.
BAD_LINE = re.compile(
    r"WARNING: (?!ASan doesn't fully support|See https:)|BUG: |\bOops\b"
    r"|Kernel panic|KASAN|UBSAN|general protection|suspicious RCU"
    r"|possible (circular|recursive|irq lock inversion)"
    r"|INFO: task .* blocked|rcu: INFO|detected stall|soft lockup"
    r"|inconsistent lock state|held lock freed|sleeping function called"
    r"|KVM internal error|user requested TSC rate|Triple fault"
    r"|list_(add|del) corruption|Call Trace:"
    r"|(?<!Kernel)(Address|Leak|UndefinedBehavior)Sanitizer|: runtime error: ")


# Set from outside to end every machine that runs.
INTERRUPT = threading.Event()


class Interrupted(Exception):
    """Whoever called the runner has ended it."""


def l0_command(paths, case, folder, initrd, shell=None):
    """The command line of L0, as a list of words."""
    append = f"console=ttyS0 loglevel=5 intel_iommu=on panic=-1 oops=panic " \
             f"panic_on_warn=1 {case.append}".strip()
    if case.distro != "host":
        append += f" {L1_APPEND}"
    memory = case.memory
    if images.sanitized(paths.qemu):
        memory += SANITIZED_MIB
    command = [
        paths.qemu_l0, "-L", "/usr/share/seabios", "-L", "/usr/share/qemu",
        "-machine", "q35,i8042=off", "-cpu", L1_CPU, "-smp", "2",
        "-accel", "tcg,thread=multi", "-m", str(memory),
        "-nodefaults", "-display", "none", "-no-reboot",
        # The registers of a CPU that is reset or takes a triple fault, be it in
        # guest mode: KVM itself keeps nothing of a guest that dies so.
        "-d", "cpu_reset", "-D", folder / "l0.log",
        "-device", "intel-iommu,intremap=on,eim=on,aw-bits=48",
        "-kernel", paths.kernel, "-initrd", initrd, "-append", append,
    ]
    for level, name in (("l1", "console-l1.log"), (None, "report.log"),
                        ("l2", "console-l2.log")):
        chardev = f"file,id={name},path={folder / name}"
        if name == "report.log":
            chardev = (f"socket,id={name},path={folder / 'report.sock'},"
                       f"server=on,wait=off,logfile={folder / name}")
        if shell and shell == level:
            chardev = f"stdio,id={name},signal=off,logfile={folder / name}"
        elif level and case.walk and not shell:
            chardev = (f"socket,id={name},path={folder / level}.sock,"
                       f"server=on,wait=off,logfile={folder / name}")
        command += ["-chardev", chardev, "-serial", f"chardev:{name}"]
    command += ["-chardev", f"socket,id=qmp,path={folder / 'qmp.sock'},"
                "server=on,wait=off", "-serial", "chardev:qmp"]
    command += ["-monitor", f"unix:{folder / 'l0.sock'},server=on,wait=off"]
    command += ["-drive", f"if=none,id=out,format=raw,file={folder / 'out.img'}",
                "-device", "nvme,serial=lab-out,drive=out,addr=0x1e.0"]
    for device in case.devices:
        command += device.args
    command += case.qemu
    return [str(word).replace("{dir}", str(folder)) for word in command]


def quote(command):
    return " ".join(shlex.quote(word) for word in command)


class Reports:
    """L1's report line, read while L0 writes it."""

    def __init__(self, path, narrate):
        self.path = path
        self.narrate = narrate
        self.monitor = lines.Monitor(path.parent)
        self.answers = lines.Answers(path.parent)
        self.rest = ""
        self.offset = 0
        self.start = time.monotonic()
        self.up = None
        self.lines = []

    def poll(self):
        """Takes in the whole lines that have come since the last call."""
        self.answers.drain()
        with open(self.path, encoding="utf-8", errors="replace") as source:
            source.seek(self.offset)
            text = source.read()
            self.offset = source.tell()
        *whole, self.rest = (self.rest + text).split("\n")
        for line in whole:
            verb, _, words = line.strip().partition(" ")
            self.lines.append((verb, words))
            if verb == "up":
                self.up = time.monotonic() - self.start
            if verb == "l0":
                answer = self.monitor.ask(words).replace("\n", "; ")
                self.answers.send(f"answer {answer}")
            if verb == "watch":
                self.answers.send(f"answer {lines.watch(self.path.parent)}")
            if self.narrate and verb == "say":
                level, _, words = words.partition(" ")
                print(f"{time.monotonic() - self.start:6.1f}s  {level}  {words}",
                      flush=True)
            elif self.narrate and verb == "row":
                print(f"         {words}", flush=True)

    def close(self):
        self.monitor.close()
        self.answers.close()

    def all(self, verb):
        return [words for name, words in self.lines if name == verb]

    def last(self, verb):
        found = self.all(verb)
        return found[-1] if found else None


def end_case(reports, process, scale):
    """Tells L1 that time is up, and lets it say what L2 was doing."""
    try:
        reports.answers.send("timeout")
        process.wait(GRACE * scale)
    except (OSError, subprocess.TimeoutExpired):
        pass


def stop(process):
    """Ends L0; it has nothing to lose."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def follow(process, reports, case, scale, walk=None):
    """Waits for L0's end. Returns None, or why it was ended here.

    @walk: who types what a page says, if the case has one

    A case's timeout is what it may take on an idle machine; how long L1's boot
    took tells by how much this one is slower right now.
    """
    while True:
        if INTERRUPT.is_set():
            raise Interrupted
        ended = process.poll() is not None
        reports.poll()
        if walk and walk.problem:
            return walk.problem
        if ended:
            return None
        spent = time.monotonic() - reports.start
        if scale and reports.up is None and spent > BOOT_TIMEOUT * scale:
            return f"L1 did not come up in {spent:.0f} s"
        if scale and reports.up is not None:
            slower = max(1.0, reports.up / NORMAL_BOOT)
            if spent > case.timeout * scale * slower:
                return f"not done after {spent:.0f} s"
        time.sleep(0.05)


def unpack_results(folder):
    """Unpacks what L1 left on its result disk; a killed L1 leaves nothing."""
    image = folder / "out.img"
    try:
        with open(image, "rb") as source, \
                tarfile.open(fileobj=io.BufferedReader(source)) as tar:
            # Debian 12's Python does not know filters yet.
            safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(folder / "out", **safe)
    except (tarfile.TarError, OSError):
        return
    image.unlink()


def bad_lines(folder):
    """Lines of any log that make a run a failure, unless its case expects them."""
    found = []
    names = ("console-l1.log", "console-l2.log", "out/dmesg-l1.txt",
             "out/qemu-l2.log", "qemu.log", "l0.log")
    for name in names:
        path = folder / name
        if not path.exists():
            continue
        for line in path.read_text(errors="replace").splitlines():
            if BAD_LINE.search(line):
                found.append(f"{name}: {line.strip()}")
    return found


def endings(folder):
    """How the logs of a run end, as (name, lines): CI may keep no folder."""
    for name in ("report.log", "console-l1.log", "console-l2.log",
                 "out/qemu-l2.log", "qemu.log"):
        path = folder / name
        if path.exists():
            lines = path.read_text(errors="replace").splitlines()
            yield name, ["".join(filter(str.isprintable, line))
                         for line in lines if line.strip()][-8:]


def unexpected(bad, case):
    """Of these lines, those that the case is not there to get."""
    return [line for line in bad
            if not any(re.search(text, line) for text in case.expect)]


def judge(reports, why_ended, bad):
    """(result, reason) of a run; the default is "killed"."""
    verdict = reports.last("verdict")
    why = next(iter(reports.all("why")), None)
    if why_ended:
        seen = f"; {bad[0]}" if bad else ""
        return "fail", f"killed: {why_ended}{seen}"
    if verdict is None:
        return "fail", why or "killed: L1 ended without a verdict"
    if bad:
        return "fail", bad[0]
    if verdict == "4":
        return "skip", reports.last("skip") or "no reason given"
    if verdict != "0":
        return "fail", why or f"the case's script ended with status {verdict}, see console-l1.log"
    return "pass", ""
