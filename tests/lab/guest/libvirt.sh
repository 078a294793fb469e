# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The disk to RUN, where the host may reset or end this machine; else back again.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

find_nvme
find_tsm
tdi_is "$nvme" unlocked
without_driver "$nvme"
run "$nvme"
with_driver "$nvme"
disk_test
ask run
without_driver "$nvme"
end "$nvme"
ask unbound
