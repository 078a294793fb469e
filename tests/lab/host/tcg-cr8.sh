# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A guest that writes CR8 while KVM waits for a moment to interrupt it. OVMF does so
# all the time.
. /lab/host/lib.sh

l2_run tcg-cr8
quiet_qemu
