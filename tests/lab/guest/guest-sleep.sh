# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A guest with private RAM sleeps (S3) and wakes up: its memory is what it was, and its
# disk can be locked and runs, before and after. It does not sleep while a device is
# locked, and never hibernates.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

LPC=0000:00:1f.0

# power_refused STATE ERROR MESSAGE: the kernel refuses with the error, and says this.
power_refused()
{
	dmesg -c >/dev/null
	! (echo "$1" >/sys/power/state) 2>/tmp/power || fail "$1: this guest sleeps"
	grep -q "$2" /tmp/power || fail "$1: $(cat /tmp/power)"
	dmesg | grep -q "$3" || fail "$1: no message: $(dmesg)"
	say "no '$1': $3"
}

# no_sleep MESSAGE: by no way
no_sleep()
{
	power_refused mem "resource busy" "$1"
	power_refused freeze "resource busy" "$1"
}

no_hibernation()
{
	power_refused disk "not supported" "no hibernation with private RAM"
}

# asleep: until the host wakes this guest up. SeaBIOS does not program where the
# registers for power management are when it wakes up a Q35, so that a second sleep
# would end in nothing; the kernel would do it if there were an ACPI method.
asleep()
{
	asleep_base=$(pci-config $LPC 0x40 4)
	asleep_control=$(pci-config $LPC 0x44 1)
	ask sleep
	echo mem >/sys/power/state || fail "no sleep"
	pci-config $LPC 0x40 4 "$asleep_base"
	pci-config $LPC 0x44 1 "$asleep_control"
	[ "$(nproc)" = "$cpus" ] || fail "$(nproc) of $cpus CPUs have come back"
	ask awake
}

private_ram || fail "this kernel does not keep its RAM private"
grep -q deep /sys/power/mem_sleep || fail "no S3 here: $(cat /sys/power/mem_sleep)"
cpus=$(nproc)
find_tsm
find_nvme
contents_mib=$(($(sed -n 's/^MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo) / 2 / 1024))
views fill $contents_mib

no_hibernation
disk "before any sleep" 0
asleep
disk "after the first sleep" 0

take_nvme
lock "$nvme" || fail "lock failed"
no_sleep "$nvme: PCI/TSM: locked, no sleep before that ends"
ask bound
tdi_is "$nvme" locked
end "$nvme"
lock "$nvme" || fail "no lock after a sleep that was refused"
accept "$nvme" || fail "accept failed"
with_driver "$nvme"
no_sleep "$nvme: PCI/TSM: locked, no sleep before that ends"
no_hibernation
tdi_is "$nvme" run
disk "in RUN" 1
without_driver "$nvme"
end "$nvme"

with_driver "$nvme"
asleep
disk "after the second sleep" 0
without_driver "$nvme"
run "$nvme"
with_driver "$nvme"
disk "in RUN after two sleeps" 1
without_driver "$nvme"
end "$nvme"
views_end
say "$contents_mib MiB of memory are what they were before two sleeps"
