# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh

edu=$(find_pci 1234:11e8)
enable_pci "$edu"
load_module
while :; do
	mmio-bench 2000 "$edu"
done >/dev/null &
reader=$!
convert edu "$edu" 300 >/dev/null || fail "edu conversion failed"
kill $reader
