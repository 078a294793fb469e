# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Says that it is up, and waits for a device if there is to be one.
. /lab/guest/lib.sh

ask up
if [ -n "$(kernel_arg lab.plug)" ]; then
	ask plug
fi
