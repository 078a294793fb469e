# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A CPU of L0 must not lose a write to its local APIC while L0's memory map
# changes, here because L1 switches a device's memory decode. A CPU that loses
# the end of a timer interrupt never sees its timer again.
. /lab/host/lib.sh

edu=$(dev edu)
round=0
while [ $round -lt 400 ]; do
	pci-config "$edu" 4 2 2
	pci-config "$edu" 4 2 0
	usleep 1000
	round=$((round + 1))
done &
switcher=$!
l2_run steady
# Timers of both of L1's CPUs must still wake a sleeper.
for cpu in 0 1; do
	taskset -c $cpu timeout 20 usleep 50000 || fail "CPU $cpu lost its timer"
done
wait $switcher || fail "switching memory decode failed"
quiet_qemu
