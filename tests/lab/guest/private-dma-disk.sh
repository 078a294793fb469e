# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The disk under its stock driver, with private RAM: through bounce buffers before
# accept and after unlock, and in RUN as the host lets it (lab.dma=1: without).
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# disk WHAT DMA: the disk works, and its data goes like this
disk()
{
	[ "$(cat "/sys/bus/pci/devices/$nvme/tsm/dma")" = "$2" ] ||
		fail "$1: tsm/dma is not $2"
	bounce_slots
	disk_test 64
	bounce_slots
	case $2:$bounce_slots in
	1:0 | 0:[1-9]*) ;;
	*) fail "$1: DMA is private: $2, and $bounce_slots bounce slots were used" ;;
	esac
	say "nvme, $1: 64 MiB written and read back, $bounce_slots bounce slots used"
}

private_ram || fail "this kernel does not keep its RAM private"
find_nvme
find_tsm
disk unlocked 0
without_driver "$nvme"
lock "$nvme" || fail "lock failed"
ask bound
accept "$nvme" || fail "accept failed"
bounce_slots
with_driver "$nvme"
disk "in RUN" "$(kernel_arg lab.dma)"
tdi_is "$nvme" run
without_driver "$nvme"
end "$nvme"
ask unbound
with_driver "$nvme"
disk "after unlock" 0
