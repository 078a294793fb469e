# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Stock driver; then lock, report, accept, and the stock driver in RUN; unlock, and
# the stock driver again.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

find_nvme
find_tsm
disk_test
say "nvme: written and read back, shared"
round=0
while [ $round -lt "$(kernel_arg lab.rounds)" ]; do
	round=$((round + 1))
	without_driver "$nvme"
	lock "$nvme" || fail "lock failed"
	ask bound
	tdi_is "$nvme" locked
	cat "/sys/bus/pci/devices/$nvme/tsm/report" >/tmp/report
	[ -s /tmp/report ] || fail "the report is empty"
	accept "$nvme" || fail "accept failed"
	tdi_is "$nvme" run
	with_driver "$nvme"
	disk_test
	tdi_is "$nvme" run
	[ $round != 1 ] || say "nvme: written and read back, in RUN"
	without_driver "$nvme"
	end "$nvme"
	ask unbound
	with_driver "$nvme"
	disk_test
done
say "nvme: $round rounds of lock, accept, unlock"
