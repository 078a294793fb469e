# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh

while read -r module; do
	insmod "/lab/modules/$module" || fail "$module does not load"
done </lab/modules/guest
say "Linux $(uname -r), up $(cut -d' ' -f1 /proc/uptime) s"
disk_test
