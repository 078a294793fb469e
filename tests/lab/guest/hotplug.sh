# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A device that comes and goes while the guest runs.
. /lab/guest/lib.sh

# until_edu PRESENT: waits until the device is there (1) or gone (0).
until_edu()
{
	hotplug_wait=0
	until [ "$(find_pci 1234:11e8 >/dev/null && echo 1 || echo 0)" = "$1" ]; do
		hotplug_wait=$((hotplug_wait + 1))
		[ $hotplug_wait -lt 600 ] || fail "edu presence is not $1"
		sleep 0.1
	done
}

load_module
round=0
while [ $round -lt 3 ]; do
	ask add
	until_edu 1
	edu=$(find_pci 1234:11e8)
	enable_pci "$edu"
	edu-check "$edu" || fail "edu-check failed in round $round"
	convert edu "$edu" 3 >/dev/null || fail "conversion failed"
	if [ $round -eq 1 ]; then
		convert bar "$edu" 0 private || fail "conversion failed"
	fi
	ask del
	until_edu 0
	say "round $round: added, checked, converted, removed"
	round=$((round + 1))
done

ask add
until_edu 1
edu=$(find_pci 1234:11e8)
enable_pci "$edu"
edu-check "$edu" || fail "edu-check failed at last"
convert bar "$edu" 0 private || fail "conversion failed"
say "powering off with a private device"
