# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Rounds of lock, accept and unlock, as a user of the guest makes them.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

find_tsm
take_nvme
rounds=$(kernel_arg lab.rounds)
round=0
spent=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	began=$(sed 's/ .*//; s/\.//' /proc/uptime)
	run "$nvme"
	now=$(sed 's/ .*//; s/\.//' /proc/uptime)
	[ $round -eq 1 ] || spent=$((spent + now - began))
	end "$nvme"
	enable_pci "$nvme"
done
value run $((spent * 10 / (rounds - 1)))
