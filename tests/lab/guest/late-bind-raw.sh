# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The life of a TDI by bare TDCM requests, with what the host has to refuse in each
# state.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

load_module
find_nvme
gpa=$(bar0 "$nvme")
disk_test
say "nvme: written and read back, shared"

# Can be bound, and its DMA can go to private memory
request "$nvme" 1 "0 1 0 1 03"
request "$nvme" 128 "0 2 15 0"
request "$nvme" 129 "0 1 0 0"
request "$nvme" 6 "0 1 0 1 00"
request "$nvme" 5 "0 2 15 0"
request "$nvme" 4 "0 2 15 0"
convert_pages "$gpa" 2 16 -22
round=0
while [ $round -lt "$(kernel_arg lab.rounds)" ]; do
	round=$((round + 1))
	without_driver "$nvme"
	enable_pci "$nvme"
	request "$nvme" 2 "0 1 0 0"
	ask bound
	request "$nvme" 2 "0 2 15 0"
	request "$nvme" 6 "0 1 0 1 01"
	request "$nvme" 5 "0 2 15 0"
	request "$nvme" 4 "0 1 0 "
	convert_pages "$gpa" 4 16 -22
	convert_pages "$gpa" 2 16 0
	request "$nvme" 5 "0 1 0 0"
	request "$nvme" 6 "0 1 0 1 02"
	convert_pages "$gpa" 2 0 -22
	# What TDISP forbids: neither has an effect.
	pci_command "$nvme" 0
	pci-config "$nvme" 16 4 0xffffffff
	request "$nvme" 6 "0 1 0 1 02"
	with_driver "$nvme"
	disk_test
	[ $round != 1 ] || say "nvme: written and read back, in RUN"
	request "$nvme" 6 "0 1 0 1 02"
	without_driver "$nvme"
	request "$nvme" 7 "0 1 0 0"
	ask unbound
	request "$nvme" 6 "0 1 0 1 00"
	convert_pages "$gpa" 2 0 0
	with_driver "$nvme"
	disk_test
done
say "nvme: $round rounds of lock, accept, unlock by bare requests"
