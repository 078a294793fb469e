# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh

# rounds CPU: conversions of this CPU's own pages
rounds()
{
	rounds_left=3
	while [ $rounds_left -gt 0 ]; do
		taskset -c "$1" convert ram none $((0x8000000 + $1 * 0x10000)) 16 ||
			return 1
		rounds_left=$((rounds_left - 1))
	done
}

load_module
edu=$(find_pci 1234:11e8)
enable_pci "$edu"
[ "$(nproc)" = 8 ] || fail "there are $(nproc) CPUs, not 8"
convert ram "$edu" 0x8000000 1 || fail "one page of a huge one"
say "one page of a huge one: right in both views"
# The device needs a tenth of a second for each page.
convert ram none 0x8000000 512 || fail "a whole huge page"
say "a whole huge page: right in both views"
jobs=
for cpu in 0 1 2 3 4 5 6 7; do
	rounds $cpu &
	jobs="$jobs $!"
done
for job in $jobs; do
	wait "$job" || fail "a CPU's conversions failed"
done
convert ram "$edu" 0x81f0000 16 || fail "the end of the huge page"
edu-check "$edu" || fail "edu-check failed"
say "8 CPUs converted pages of one huge page"
