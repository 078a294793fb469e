# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh

edu=$(find_pci 1234:11e8)
testdev=$(find_pci 1b36:0005)
enable_pci "$edu"
enable_pci "$testdev"
p2p "$edu" "$testdev" 2 || fail "edu's DMA does not reach the other BAR"
say "edu's DMA engine reads and writes the other device's BAR"
