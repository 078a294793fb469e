# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Memory that the host asks back. A kernel that keeps its RAM private does not have
# the device: what it would give away is private, and is told by addresses that are
# not translated. Another kernel gives memory and gets it back, while some of its RAM
# is private.
. /lab/guest/lib.sh

mib=$((1 << 20))

total_mib()
{
	echo $(($(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo) / 1024))
}

# memory: most of what is free holds what is written to it.
memory()
{
	memory_mib=$(($(sed -n 's/^MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo) * 3 / 4 / 1024))
	views fill $memory_mib
	ask written
	views_end
}

# walk STEPS: conversions at random of RAM that the kernel leaves alone, with DMA
walk()
{
	if [ -n "$device" ]; then
		ram-walk "$device" "$gpa" "$walk_mib" walk "$1" "$(kernel_arg lab.seed)" ||
			fail "ram-walk failed"
		# It is to be empty for the next one.
		for view in private shared; do
			ram-walk "$device" "$gpa" "$walk_mib" $view ||
				fail "not all of it turns $view"
		done
	else
		convert ram none "$gpa" $((walk_mib * 256)) || fail "convert failed"
	fi
}

device=$(find_pci 1234:7d15) || device=
[ -z "$device" ] || enable_pci "$device"
gpa=$(kernel_arg lab.gpa)
walk_mib=$(kernel_arg lab.mib)
balloon=$(find_pci 1af4:1045) || fail "there is no balloon"
driver=0
for link in "/sys/bus/pci/devices/$balloon"/virtio*/driver; do
	[ ! -e "$link" ] || driver=1
done
before=$(total_mib)
load_module
memory
if private_ram; then
	[ "$driver" = 0 ] || fail "a kernel that keeps its RAM private has the balloon"
	dmesg | grep -q 'virtio_balloon.*must provide VIRTIO_F_ACCESS_PLATFORM' ||
		fail "it does not say why: $(dmesg | grep -i virtio | tail -n 1)"
	ask nothing
	[ "$(total_mib)" = "$before" ] || fail "of $before MiB are left $(total_mib)"
	memory
	exit 0
fi
[ "$driver" = 1 ] || fail "$balloon has no driver"
walk 40
convert raw "$gpa" $((walk_mib * 128)) 0x10 >/dev/null
ask inflate
[ "$(total_mib)" -lt $((before - 32)) ] ||
	fail "of $before MiB are left $(total_mib): nothing was given"
memory
convert raw "$gpa" $((walk_mib * 256)) 0 >/dev/null
walk 40
memory
ask deflate
[ "$(total_mib)" = "$before" ] || fail "of $before MiB came back $(total_mib)"
memory
walk 40
say "gave memory and got it back, $walk_mib MiB converted at random meanwhile"
