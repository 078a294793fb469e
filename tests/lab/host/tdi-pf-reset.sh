# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The TDI is a VF in LAB_STATE, and the host resets its PF, or another QEMU that has
# it ends (LAB_PF=vfio), which resets it as well, or the PF's driver resets it by itself
# (LAB_PF=flr): the VF is stopped before, QEMU is told, the guest keeps running without
# the device, and can lock it anew.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

TOKEN=00112233-4455-6677-8899-aabbccddeeff

reset_pf()
{
	case ${LAB_PF:-} in
	vfio) pf_close ;;
	flr) insmod /lab/host_acts.ko "flr=$pf" ;;
	*) echo 1 >"/sys/bus/pci/devices/$pf/reset" ;;
	esac || fail "reset of the PF failed"
}

on_ask()
{
	[ "$1" = "$LAB_STATE" ] || fail "L2 asks for '$1'"
	qmp_find "TDI_STATE_CHANGED.*\"new\": \"$1\"|\"new\": \"$1\".*TDI_STATE_CHANGED"
	qmp_from_here
	bound "$vf" || fail "the host does not see the VF bound"
	began=$(uptime_now)
	reset_pf
	changed "$1" hidden host
	row "$1, reset of the PF: told after" \
		"$(awk -v a="$began" -v b="$(uptime_now)" 'BEGIN { print b - a }') s"
	! bound "$vf" || fail "the VF is still bound"
	qmp_ok query-tdi
	qmp_has '"state": "hidden"' '"kvm": false'
}

pf=$(dev tdi-vfs)
if [ "${LAB_PF:-}" = vfio ]; then
	pf_open "$pf" "$TOKEN" -m 16 -machine q35,accel=kvm -object iommufd,id=i0
	token=,vf-token=$TOKEN
else
	make_vf "$pf"
	token=
fi
connect_tsm "$pf"
bind_vfio "$vf"
sw_protected
L2_APPEND="lab.state=$LAB_STATE"
# shellcheck disable=SC2086 # CGS, QMP_ARGS and TDI_TRACE hold words
l2_start tdi-pf-reset $CGS $QMP_ARGS $TDI_TRACE \
	-device "vfio-pci,id=d0,host=$vf,iommufd=i0,private=on$token"
qmp_open
l2_wait
l2_good
quiet_qemu
! bound "$vf" || fail "the VF is still bound"
