# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Where DMA of a tdi-testdev goes, by state: through bounce buffers before accept
# and after unlock, and in RUN to private memory.
# A device that leaves RUN loses the guest's trust.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

mib=$((1 << 20))

# attribute NAME VALUE: of tsm/
attribute()
{
	attribute_value=$(cat "/sys/bus/pci/devices/$tdi/tsm/$1")
	[ "$attribute_value" = "$2" ] || fail "tsm/$1 is $attribute_value, not $2"
}

# bind: the driver; false if it does not
bind()
{
	echo "$tdi" >/sys/bus/pci/drivers/tdi-dma/bind
}

unbind()
{
	echo "$tdi" >/sys/bus/pci/drivers/tdi-dma/unbind
}

# copy BYTES [coherent]: it arrives. What it took is in $mappings, $elsewhere (those
# that were bounced), $rate, $gpa and $bus.
copy()
{
	copy_line=$(tdi-dma "$tdi" copy "$@") || fail "copy of $* failed"
	# shellcheck disable=SC2086 # words
	set -- $copy_line
	[ "$1" = 2 ] || fail "copy ended with status $1, at $5, on the bus $6"
	mappings=$2
	elsewhere=$3
	rate=$4
	gpa=$5
	bus=$6
}

# closed WHAT STATUS: DMA to a private page ends with this status, and leaves the
# page as it is; what the IOMMU refuses is recorded.
closed()
{
	views pages
	page=${views% *}
	poke_line=$(tdi-dma "$tdi" poke "$page") || fail "$1: poke failed"
	ask closed "$page"
	views_end
	case $2:$poke_line in
	-1:"-1 0 "* | 3:"3 "[1-9]*" $page") ;;
	*) fail "$1: DMA to private memory at $page gives '$poke_line'" ;;
	esac
}

# bounced WHAT, direct WHAT: copies, of mapped and of coherent memory. That of the
# first kind is shared, as the device would not reach it otherwise.
bounced()
{
	attribute dma 0
	bounce_slots
	copy $mib
	[ "$elsewhere" = "$mappings" ] ||
		fail "$1: of $mappings mappings $elsewhere are bounced"
	bounce_slots
	[ "$bounce_slots" -gt 0 ] || fail "$1: no bounce buffer was used"
	copy $((64 * 1024)) coherent
	say "$1: 1 MiB in $mappings mappings, all bounced, $((rate / mib)) MiB/s"
}

direct()
{
	attribute dma 1
	bounce_slots
	copy $mib
	[ "$elsewhere" = 0 ] ||
		fail "$1: of $mappings mappings $elsewhere are bounced"
	[ "$gpa" = "$bus" ] || fail "$1: $gpa is $bus on the bus"
	say "$1: 1 MiB in $mappings mappings, none bounced, $((rate / mib)) MiB/s"
	copy $((64 * 1024)) coherent
	bounce_slots
	[ "$bounce_slots" = 0 ] || fail "$1: $bounce_slots slots of bounce buffers were used"
}

private_ram || fail "this kernel does not keep its RAM private"
find_tsm
tdi=$(find_pci "$(kernel_arg lab.tdi)")
insmod /lab/tdi_dma.ko

bounced unlocked
closed unlocked 3
refused "lock with a driver" lock "$tdi"
unbind
lock "$tdi" || fail "lock failed"
attribute dma 0
closed locked -1
accept "$tdi" || fail "accept failed"
attribute dma 0
closed "in RUN, no driver" 3
round=0
while [ $round -lt 2 ]; do
	bind || fail "no driver in RUN"
	direct "in RUN, driver $round"
	views pages
	ask open "${views% *}"
	views_end
	refused "unlock with a driver" unlock "$tdi"
	attribute dma 1
	tdi_is "$tdi" run
	unbind
	attribute dma 0
	attribute accept 1
	round=$((round + 1))
done
end "$tdi"
bind || fail "no driver after unlock"
bounced "after unlock"
closed "after unlock" 3
unbind

# The driver is there when the device fails, and the guest does not know yet.
run "$tdi"
bind || fail "no driver in RUN"
ask error
attribute accept 1
tdi_is "$tdi" error
attribute accept 0
closed "in ERROR" -1
attribute dma 1
unbind
attribute dma 0
refused "a driver for a device that has failed" bind
refused "accept of a device that has failed" accept "$tdi"
end "$tdi"

# It fails without a driver, and nobody looks before the next one comes.
run "$tdi"
ask error
attribute accept 1
refused "a driver for a device that has failed" bind
attribute accept 0
attribute dma 0
end "$tdi"
bind || fail "no driver after all that"
bounced "in the end"

# A program that has the file open gets no further than that.
left=$(tdi-dma "$tdi" orphan) || fail "orphan failed"
[ "$left" = "No such device" ] || fail "a copy without a driver: $left"
