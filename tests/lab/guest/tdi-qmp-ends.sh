# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Waits, with a disk that is ready for a lock, until the host ends this life.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

take_nvme
query ends
