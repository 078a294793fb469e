# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/host/lib.sh
l2_run steady
# By now Linux has refined the rate, if it ever does.
! dmesg | grep 'Refined TSC' >&2 || fail "the TSC's rate has changed under KVM"
