# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What an assigned device costs a guest of LAB_MIB: the time from start to the
# first line of L2's init, with private=on against fd-bars=on; and device_add of
# the first device into a running guest. Times are printed for a reader. The
# verdict is about what does not depend on the machine: how many mappings there
# are, and what memory the host needs for them.
. /lab/host/lib.sh
. /lab/host/qmp-lib.sh

# At most so many mappings of RAM, and so much of the host's slab for a GiB
MOST_MAPS=64
MOST_SLAB_KB=1024

slab_kb()
{
	sed -n 's/^Slab: *\([0-9]*\) kB/\1/p' /proc/meminfo
}

# maps: how often QEMU has mapped something for DMA
maps()
{
	grep -c 'iommufd_backend_map' /run/maps.log || true
}

# What slab remains of a file that is read for the first time, of a process and of
# a VM does not belong to the device.
plug()
{
	qmp_open
	sync
	echo 3 >/proc/sys/vm/drop_caches
	slab_before=$(slab_kb)
	maps_before=$(maps)
	qmp_ok device_add "{\"driver\": \"vfio-pci\", \"id\": \"d0\", \"bus\": \"rp0\",
		\"host\": \"$edu\", \"iommufd\": \"i0\", \"private\": true}"
	plug_took=$qmp_took
	slab=$(($(slab_kb) - slab_before))
	plug_maps=$(($(maps) - maps_before))
}

on_ask()
{
	case $1 in
	up) up=$(uptime_now) ;;
	plug) plug ;;
	esac
}

# start NAME [ARGUMENT...]: one guest; hundredths of a second in $took
start()
{
	start_name=$1
	shift
	: >/run/maps.log
	start_began=$(uptime_now)
	l2_run guest-start -trace 'iommufd_backend_map*' -D /run/maps.log "$@"
	took=$(echo "$up $start_began" | awk '{ printf "%d", ($1 - $2) * 100 }')
	row "$start_name: first line after $((took / 100)).$(printf %02d $((took % 100))) s," \
		"$(maps) mappings"
}

L2_MEM=${LAB_MIB:-3072}
gib=$((L2_MEM / 1024))
edu=$(dev edu)
bind_vfio "$edu"

start "fd-bars=on" -object iommufd,id=i0 \
	-device "vfio-pci,host=$edu,iommufd=i0,fd-bars=on"
plain=$took
sw_protected
# shellcheck disable=SC2086 # CGS holds words
start "private=on" $CGS -device "vfio-pci,host=$edu,iommufd=i0,private=on"
private=$took
private_maps=$(maps)
row "$(awk -v a="$private" -v b="$plain" -v mib="$L2_MEM" 'BEGIN {
	printf "start of %d MiB, private=on / fd-bars=on: %.2f x", mib, a / b }')"

L2_APPEND="lab.plug=1"
# shellcheck disable=SC2086 # CGS, QMP_ARGS hold words
start "no device, then device_add" $CGS $QMP_ARGS \
	-device pcie-root-port,id=rp0,chassis=1,slot=1
row "device_add: $((plug_took * 10)) ms, $plug_maps mappings, $slab KiB of host slab"

[ "$private_maps" -gt 0 ] || fail "the trace of mappings is empty"
[ "$private_maps" -le $MOST_MAPS ] ||
	fail "$private_maps mappings at start: they depend on the size of RAM"
[ "$plug_maps" -gt 0 ] && [ "$plug_maps" -le $MOST_MAPS ] ||
	fail "$plug_maps mappings by device_add"
[ "$slab" -le $((MOST_SLAB_KB * (gib + 1))) ] ||
	fail "$slab KiB of host slab for mappings of $gib GiB"
