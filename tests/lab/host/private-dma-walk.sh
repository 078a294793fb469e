# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A guest converts RAM at random while its device goes through the states of a TDI;
# contents and reach are as a model says. LAB_STEPS steps, on a host
# whose first VMM was killed after some.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

on_ask()
{
	[ "$1" = kill ] || fail "L2 asks for '$1'"
	answer=
	kill -KILL "$(l2_pid)"
}

seed=${LAB_SEED:-$(awk 'BEGIN { srand(); print int(rand() * 1000000) }')}
row "seed $seed (LAB_SEED repeats it)"
device=$(dev tdi-dev)
connect_tsm "$device"
bind_vfio "$device"
sw_protected
L2_MEM=192
words="memmap=16M\$88M lab.gpa=0x5800000 lab.mib=16 lab.seed=$seed"
# shellcheck disable=SC2086 # CGS holds words
for steps in 40 "${LAB_STEPS:-300}"; do
	L2_APPEND="$words lab.steps=$steps lab.kill=$((steps == 40))"
	l2_start private-dma-walk $CGS \
		-device "vfio-pci,host=$device,iommufd=i0,private=on"
	l2_wait
	gone "$device" tdi-dev
	[ "$l2_exit" = 137 ] || break
	say "killed after $steps steps, and nothing is left"
	sed -i '/^Killed$/d' /run/qemu-l2.log
done
l2_good
quiet_qemu
