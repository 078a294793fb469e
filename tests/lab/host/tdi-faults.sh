# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The device misbehaves in each way that it can be told to, by knobs in L0 that the
# guest asks for. The guest gets an error, nobody dies, and the device works
# afterwards.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# on_ask "knob NAME VALUE", "bound" or "unbound"
on_ask()
{
	# shellcheck disable=SC2086 # words
	set -- $1
	case $1 in
	knob) tdi tdi-dev "x-fault-$2" "$3" ;;
	*) host_sees "$tdi" tdi-dev "$1" ;;
	esac
}

tdi=$(dev tdi-dev)
connect_tsm "$tdi"
bind_vfio "$tdi"
sw_protected
# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
l2_run tdi-faults $CGS $TDI_TRACE \
	-device vfio-pci,host="$tdi",iommufd=i0,private=on
# A report that is of no use is told once; there is nothing else to say.
sed -i '/the interface report is of no use/d' /run/qemu-l2.log
quiet_qemu
gone "$tdi" tdi-dev
