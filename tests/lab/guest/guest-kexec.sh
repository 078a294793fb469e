# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The first kernel hands over while its TDI runs, the second one after it has unlocked
# the TDI, and the third one is the last. Each finds its RAM private, and a device
# that it can lock.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# next_kernel: the same one, from the files that the host has put beside this script,
# and with these files
next_kernel()
{
	(cd / && find lab/kexec | cpio -o -H newc) >/tmp/kexec 2>/dev/null
	cat /lab/kexec/initrd /tmp/kexec >/tmp/initrd
	say "kernel $boot starts the next one, the TDI is in $1"
	kexec-load /lab/kexec/kernel /tmp/initrd \
		"$(sed 's/ *lab.boot=[0-9]*//' /proc/cmdline) lab.boot=$((boot + 1))"
	fail "kexec-load returns"
}

boot=$(kernel_arg lab.boot)
private_ram || fail "kernel $boot does not keep its RAM private"
find_tsm
tdi=$(find_pci 1234:7d15)
insmod /lab/tdi_dma.ko
tdi_is "$tdi" unlocked
views pages
page=${views% *}
ask booted "$boot"
ask closed "$page"
copy "$tdi" bounced
without_driver "$tdi"
run "$tdi"
with_driver "$tdi"
copy "$tdi" direct
ask open "$page"
views_end
contents_mib=$(($(sed -n 's/^MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo) / 2 / 1024))
views fill $contents_mib
ask full
views_end
say "kernel $boot: $contents_mib MiB of memory written and read back, TDI in RUN"
if [ "$boot" = 1 ]; then
	next_kernel RUN
fi
without_driver "$tdi"
end "$tdi"
if [ "$boot" = 2 ]; then
	next_kernel CONFIG_UNLOCKED
fi
