# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Twice: at the rate that L1 has measured for the TSC, and at one that is far from
# it, so that KVM has to scale. A smaller difference comes by itself on a busy
# machine: Linux measures twice, and KVM may have taken the first result.
. /lab/host/lib.sh

hz=$(dmesg | sed -n 's/.*tsc: Detected \([0-9]*\)\.\([0-9]*\) MHz.*/\1\2000/p' | tail -n 1)
[ -n "$hz" ] || fail "L1 does not say what rate its TSC has"
l2_run steady
say "now with a TSC of $((hz * 5 / 4)) Hz, while L1's has $hz"
l2_run steady -cpu host,tsc-frequency=$((hz * 5 / 4))
quiet_qemu
