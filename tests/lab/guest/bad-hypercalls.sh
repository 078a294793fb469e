# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Each bad MAP_GPA_RANGE gets an error and changes nothing; the VM lives on.
. /lab/guest/lib.sh

load_module
edu=$(find_pci 1234:11e8)
nvme=$(find_pci 1b36:0010)
enable_pci "$edu"
edu-check "$edu" || fail "edu-check failed"
bar=$(sed -n '1s/ .*//p' "/sys/bus/pci/devices/$edu/resource")
nvme_bar=$(sed -n '1s/ .*//p' "/sys/bus/pci/devices/$nvme/resource")
ram_end=0x8000000

# refused WHAT GPA PAGES ATTRIBUTES
refused()
{
	result=$(convert raw "$2" "$3" "$4")
	[ "$result" -lt 0 ] || fail "$1: the hypervisor returns $result"
	say "$1: $result"
}

refused "unaligned address" $((bar + 8)) 1 0x10
refused "no pages" "$bar" 0 0x10
refused "address overflow" 0xfffffffffffff000 2 0x10
refused "page count overflow" "$bar" 0xffffffffffffffff 0x10
refused "beyond memory, private" 0x4000000000 1 0x10
refused "past the end of RAM, private" $((ram_end - 0x1000)) 2 0x10
refused "past the end of the BAR, private" "$bar" 0x1001 0x10
refused "from before the BAR, private" $((bar - 0x1000)) 2 0x10
refused "the local APIC, private" 0xfee00000 1 0x10
refused "emulated MSI-X table, private" $((nvme_bar + 0x2000)) 1 0x10
refused "BAR with its MSI-X table, private" "$nvme_bar" 4 0x10

edu-check "$edu" || fail "edu-check failed after the refusals"
convert edu "$edu" 3 >/dev/null || fail "a good conversion fails afterwards"
disk_test
