# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Sleeps 50 times for 20 ms: timers must wake an idle guest, all of them.
. /lab/guest/lib.sh

began=$(cut -d' ' -f1 /proc/uptime)
round=0
while [ $round -lt 50 ]; do
	usleep 20000
	round=$((round + 1))
done
took=$(awk -v a="$began" -v b="$(cut -d' ' -f1 /proc/uptime)" \
	'BEGIN { printf "%d", (b - a) * 1000 }')
say "$(dmesg | sed -n 's/.*\(tsc: Detected.*\)/\1/p')"
say "50 sleeps of 20 ms took $took ms; $(sed -n 's/ *Local timer.*//;s/ *LOC: */timer interrupts: /p' /proc/interrupts)"
[ "$took" -lt 10000 ] || fail "50 sleeps of 20 ms took $took ms"
