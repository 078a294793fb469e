# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/host/lib.sh
l2_run steady
