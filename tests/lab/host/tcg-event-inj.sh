# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# L0's virtual SVM must not report a delivered event with the next exit. The
# edu device here is emulated by L2's QEMU, so each access exits.
. /lab/host/lib.sh

l2_run tcg-event-inj -device edu
quiet_qemu
