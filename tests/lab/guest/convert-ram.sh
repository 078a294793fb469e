# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What conversions of a GiB of RAM cost; the host measures its own memory meanwhile.
. /lab/guest/lib.sh

load_module
gpa=$(kernel_arg lab.gpa)
mib=$(kernel_arg lab.mib)

ask shared
ram-walk none "$gpa" "$mib" times "$(kernel_arg lab.count)" >/tmp/times ||
	fail "ram-walk failed"
while read -r name there back; do
	value "$name" "$there $back"
done </tmp/times
for state in private shared checkered shared; do
	ram-walk none "$gpa" "$mib" $state || fail "not $state"
	ask $state
done
