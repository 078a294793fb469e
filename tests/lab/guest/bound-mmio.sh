# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# L1 has a TDI depend on an edu device's BAR, and not any more.
. /lab/guest/lib.sh

PAGES=256
SHARED=0x00
TRY_AGAIN=-11

edu=$(find_pci 1234:11e8)
load_module
enable_pci "$edu"
gpa=$(sed -n '1s/ .*//p' "/sys/bus/pci/devices/$edu/resource")
convert bar "$edu" 0 private || fail "conversion failed"

# A page in the middle is enough.
ask bound $((gpa + 0x3000))
result=$(convert raw "$gpa" $PAGES $SHARED)
[ "$result" = $TRY_AGAIN ] || fail "a bound BAR turns shared: $result"
edu-check "$edu" || fail "edu-check failed after a refused conversion"
ask free
convert bar "$edu" 0 shared || fail "conversion back failed"
edu-check "$edu" || fail "edu-check failed after the conversion"
say "a bound BAR did not turn shared, and did when it was free"

# Its slot stays where it is, with the attribute, until it can be deleted. It is
# that of the same device, so that it is still what the guest finds there.
convert bar "$edu" 0 private || fail "conversion failed"
ask bound "$gpa"
pci_command "$edu" 0
pci_command "$edu" 6
edu-check "$edu" || fail "the slot of a bound BAR does not lead to it"
ask free
pci_command "$edu" 0
pci_command "$edu" 6
edu-check "$edu" || fail "edu-check failed once the slot could be deleted"
convert edu "$edu" 3 >/dev/null || fail "conversion failed after that"
say "the slot of a bound BAR stayed, and went when it was free"
