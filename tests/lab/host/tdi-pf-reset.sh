# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The TDI is a VF in LAB_STATE, and the host resets its PF, or another QEMU that has
# it ends (LAB_PF=vfio), which resets it as well: the VF is stopped before, QEMU is
# told, the guest keeps running without the device, and can lock it anew.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

TOKEN=00112233-4455-6677-8899-aabbccddeeff

# pf_open: another QEMU has the PF, and turns its VFs on.
pf_open()
{
	echo Y >/sys/module/vfio_pci/parameters/enable_sriov
	bind_vfio "$pf"
	mkfifo /run/pf.in
	exec 9<>/run/pf.in
	$QEMU -L /lab/firmware -nodefaults -display none -S -m 16 \
		-machine q35,accel=kvm -object iommufd,id=i0 -monitor stdio \
		-device "vfio-pci,host=$pf,iommufd=i0,vf-token=$TOKEN" \
		</run/pf.in >/run/pf.txt 2>&1 &
	pf_pid=$!
	pf_wait=0
	until grep -q '(qemu)' /run/pf.txt; do
		pf_wait=$((pf_wait + 1))
		[ $pf_wait -lt 600 ] || fail "the PF's QEMU: $(cat /run/pf.txt)"
		sleep 0.1
	done
	cat "/sys/bus/pci/devices/$pf/sriov_totalvfs" \
		>"/sys/bus/pci/devices/$pf/sriov_numvfs"
	vf=$(basename "$(readlink "/sys/bus/pci/devices/$pf/virtfn0")")
}

reset_pf()
{
	if [ "${LAB_PF:-}" = vfio ]; then
		echo quit >&9
		wait "$pf_pid" || fail "the PF's QEMU leaves with $?"
	else
		echo 1 >"/sys/bus/pci/devices/$pf/reset" || fail "reset of the PF failed"
	fi
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
	pf_open
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
