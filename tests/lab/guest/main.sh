# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh

say "Linux is up in the guest; its devices are shared, as at any boot"
edu=$(find_pci 1234:11e8)
enable_pci "$edu"
edu-check "$edu" || fail "edu-check failed"
say "edu: registers and a DMA round trip are right"
disk_test 64
say "nvme: stock driver wrote 64 MiB and read them back unchanged"
ask maps
load_module
times=$(convert edu "$edu" 100) || fail "edu conversion failed"
value conversions 100
value to_private_us "${times% *}"
value to_shared_us "${times#* }"
say "edu: BAR private and shared again 100 times, registers right each time"
edu-check "$edu" || fail "edu-check after the conversions failed"
say "edu: DMA still right; powering off"
