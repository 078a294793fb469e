# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/host/lib.sh
say "boots a bare L2"
l2_run boot
