# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# One boot of several; the host says what this one does with its TDI.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# revoke: the guest takes the MMIO of its running TDI away, first by a secondary
# bus reset, then by the memory decode of the port above. Either stops the TDI, and
# its MMIO stays away until the guest knows.
revoke()
{
	version=$(mmio-peek "$nvme" 0 8)
	[ "$version" = 0x00010400 ] || fail "NVMe version is $version"
	port=$(basename "$(dirname "$(readlink -f "/sys/bus/pci/devices/$nvme")")")
	pci-config "$port" 0x3e 2 0x40
	pci-config "$port" 0x3e 2 0
	ask unbound
	request "$nvme" 6 "0 1 0 1 03"
	request "$nvme" 2 "0 2 15 0"
	request "$nvme" 7 "0 1 0 0"
	echo 1 >"/sys/bus/pci/devices/$nvme/remove"
	echo 1 >/sys/bus/pci/rescan
	take_nvme
	[ "$(mmio-peek "$nvme" 0 8)" = "$version" ] ||
		fail "MMIO is not back after the bus reset"

	request_run "$nvme"
	command=$(pci-config "$port" 4 2)
	pci-config "$port" 4 2 0x0004
	ask unbound
	request "$nvme" 6 "0 1 0 1 03"
	pci-config "$port" 4 2 "$command"
	[ "$(mmio-peek "$nvme" 0 8)" = 0xffffffff ] ||
		fail "MMIO of a stopped TDI can be read"
	request "$nvme" 2 "0 2 15 0"
	request "$nvme" 7 "0 1 0 0"
	[ "$(mmio-peek "$nvme" 0 8)" = "$version" ] ||
		fail "MMIO does not come back"
	say "MMIO taken away: stopped, hidden, back after UNBIND"
}

load_module
take_nvme
query boot
case $answer in
locked-reboot)
	request "$nvme" 2 "0 1 0 0"
	ask bound
	reboot -f
	sleep 1000 ;;
run-reboot)
	request_run "$nvme"
	reboot -f
	sleep 1000 ;;
run-reset)
	request_run "$nvme"
	report ask reset
	sleep 1000 ;;
revoke-reboot)
	request_run "$nvme"
	revoke
	request_run "$nvme"
	reboot -f
	sleep 1000 ;;
disk)
	with_driver "$nvme"
	disk_test ;;
*) fail "the host says '$answer'" ;;
esac
