# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The guest's part of a host that takes a TDI back: the host says step by step what
# the guest has to do. In the end the disk's own driver meets an ERROR.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# registers VALUE: what a register reads that has no other value than its own
registers()
{
	registers_now=$(mmio-peek "$nvme" 0 8)
	[ "$registers_now" = "$1" ] || fail "NVMe version is $registers_now, not $1"
}

find_tsm
take_nvme
while query next; do
	case $answer in
	config-locked)
		lock "$nvme" || fail "lock failed"
		tdi_is "$nvme" locked ;;
	run)
		run "$nvme"
		registers 0x00010400 ;;
	gone)
		registers 0xffffffff
		tdi_is "$nvme" error
		refused "accept of what has ended" accept "$nvme" ;;
	unlock)
		end "$nvme"
		enable_pci "$nvme"
		registers 0x00010400 ;;
	driver)
		run "$nvme"
		with_driver "$nvme"
		head -c 4096 /dev/nvme0n1 >/dev/null || fail "the disk cannot be read"
		echo 1000 >/sys/block/nvme0n1/queue/io_timeout ;;
	failed)
		registers 0xffffffff
		# Its driver gives up, and disables what it finds enabled.
		! head -c 4096 /dev/nvme0n1 >/dev/null 2>&1 ||
			fail "a disk in ERROR can be read"
		without_driver "$nvme"
		end "$nvme"
		enable_pci "$nvme" ;;
	disk)
		run "$nvme"
		with_driver "$nvme"
		disk_test
		break ;;
	*) fail "the host says '$answer'" ;;
	esac
done
