# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The memory stays offline: nobody but `convert` uses it.
. /lab/guest/lib.sh

count_blocks()
{
	set -- "$blocks"/memory[0-9]*
	echo $#
}

# until_blocks COUNT: waits until the kernel knows of so many blocks of memory.
until_blocks()
{
	ram_wait=0
	until [ "$(count_blocks)" -eq "$1" ]; do
		ram_wait=$((ram_wait + 1))
		[ $ram_wait -lt 300 ] || fail "$(count_blocks) blocks of memory, not $1"
		sleep 0.1
	done
}

ram()
{
	convert "$2" "$edu" "$3" "$4" 2>/tmp/why ||
		fail "$1: $(cat /tmp/why)"
}

load_module
edu=$(find_pci 1234:11e8)
enable_pci "$edu"
blocks=/sys/devices/system/memory
echo offline >$blocks/auto_online_blocks
before=$(count_blocks)
round=0
while [ $round -lt 2 ]; do
	ask add0
	until_blocks $((before + 1))
	ram "hot-plugged RAM" ram 0x100000000 16
	ask add1
	until_blocks $((before + 2))
	ram "two pages of two modules" ram 0x107fff000 2
	ram "the end of hot-plugged RAM" beyond 0x10fff8000 8
	convert raw 0x100000000 1 0x10 >/dev/null
	convert raw 0x108000000 512 0x10 >/dev/null
	for dimm in 1 0; do
		ask del$dimm
		until_blocks $((before + dimm))
		# Its place has no RAM now, not even in the private view.
		sleep 1
		ask free$dimm
	done
	say "round $round: two modules added, converted, removed with private pages"
	round=$((round + 1))
done
edu-check "$edu" || fail "edu-check failed"
