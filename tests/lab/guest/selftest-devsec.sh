# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The selftest of our kernel series for tsm/lock and its neighbours, on the disk.
# A test that skips has not run, so it fails the case.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

find_nvme
status=0
sh /lab/selftests/pci_tsm/devsec.sh "$nvme" >/tmp/ktap 2>&1 || status=$?
cat /tmp/ktap
bad=$(grep -m 1 -E '^not ok|# SKIP' /tmp/ktap || true)
[ -z "$bad" ] || fail "devsec.sh: $bad"
[ $status = 0 ] || fail "devsec.sh ends with $status: $(tail -n 1 /tmp/ktap)"
row "devsec.sh: $(grep -c '^ok ' /tmp/ktap) tests passed"
disk_test
