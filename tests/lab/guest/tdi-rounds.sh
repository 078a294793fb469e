# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Rounds of lock, report, accept, work, unlock, work: an NVMe disk with its stock
# driver, a tdi-testdev and a VF. Then some of them bound at once.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# work BDF: the device does what it is for.
work()
{
	if [ "$1" = "$nvme" ]; then
		with_driver "$nvme"
		disk_test
		without_driver "$nvme"
	else
		use "$1" || fail "$1 does not work in $tdi_state"
	fi
}

# whole_round BDF
whole_round()
{
	lock "$1" || fail "$1: lock failed"
	tdi_is "$1" locked
	cat "/sys/bus/pci/devices/$1/tsm/report" >/tmp/report
	[ -s /tmp/report ] || fail "$1: the report is empty"
	if [ "$1" != "$nvme" ]; then
		tdi-check "$1" closed || fail "$1 is not closed in LOCKED"
	fi
	accept "$1" || fail "$1: accept failed"
	tdi_is "$1" run
	work "$1"
	tdi_is "$1" run
	end "$1"
	work "$1"
}

# Each has a state of its own: what happens to one is nothing to the other.
both_at_once()
{
	refused "accept before lock" accept "$tdi"
	lock "$tdi" || fail "lock failed"
	ask tdi-bound
	run "$vf"
	ask both-bound
	tdi_is "$tdi" locked
	refused "a second lock" lock "$tdi"
	use "$vf" || fail "the VF does not work beside a locked TDI"
	tdi-check "$tdi" closed || fail "the TDI is not closed beside a running VF"
	accept "$tdi" || fail "accept failed"
	run "$nvme"
	ask all-bound
	work "$nvme"
	work "$tdi"
	work "$vf"
	tdi_is "$nvme" run
	end "$nvme"
	end "$tdi"
	ask vf-bound
	tdi_is "$vf" run
	work "$vf"
	work "$tdi"
	end "$vf"
	ask none-bound
}

find_nvme
find_tsm
tdi=$(find_pci 1234:7d15)
vf=$(find_pci 1234:7d16)
tdi_state=unlocked
without_driver "$nvme"
for bdf in "$nvme" "$tdi" "$vf"; do
	work "$bdf"
done
round=0
while [ $round -lt "$(kernel_arg lab.rounds)" ]; do
	round=$((round + 1))
	for bdf in "$nvme" "$tdi" "$vf"; do
		whole_round "$bdf"
	done
done
say "$round rounds of lock, accept, unlock: nvme, tdi-testdev, VF"
ask none-bound
both_at_once
say "three TDIs of one iommufd bound at once, each with its own state"
