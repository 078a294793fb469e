# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# While L0's memory map changes, here because L1 switches a device's memory
# decode, no access of another CPU may go astray. If that access is the write
# that ends a timer interrupt, the CPU never sees its timer again.
. /lab/host/lib.sh

decode-switch "$(dev edu)" 5000 >/out/decode-switch.txt 2>&1 ||
	fail "$(cat /out/decode-switch.txt)"
row "memory decode switched 10000 times: $(cat /out/decode-switch.txt)"
