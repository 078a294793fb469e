# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What host scripts share whose devices are TEE device interfaces (TDIs); to be
# sourced after lib.sh.

# connect_tsm BDF: what the host's administrator does before a guest may lock it.
connect_tsm()
{
	connect_name=$(for connect_link in /sys/class/tsm/*; do
		readlink "$connect_link"
	done | sed -n 's|.*/soft_tsm/.*/||p' | grep .) || fail "no soft_tsm here"
	echo "$connect_name" >"/sys/bus/pci/devices/$1/tsm/connect" ||
		fail "$1 does not connect to $connect_name"
}

# bound BDF: does the host's kernel have it bound as a TDI?
bound()
{
	[ -n "$(cat "/sys/bus/pci/devices/$1/tsm/bound")" ]
}

# tdi NAME PROPERTY [VALUE]: a property of the device that the case calls NAME, as
# its hardware in L0 has it, in $l0_answer; or sets it. NAME/vf0 is its first VF.
tdi()
{
	case $1 in
	*/*) tdi_path=/machine/peripheral/${1%/*}/tdi/${1#*/} ;;
	*) tdi_path=/machine/peripheral/$1/tdi ;;
	esac
	if [ $# -eq 3 ]; then
		l0 qom-set "$tdi_path" "$2" "$3"
		[ -z "$l0_answer" ] || fail "L0 says '$l0_answer' to $2=$3 of $1"
	else
		l0 qom-get "$tdi_path" "$2"
	fi
}

# tables NAME PAGE: what the tables of the IOMMU have for this device and a page on
# its bus, in $l0_answer.
tables()
{
	tdi "$1" dma-map-range "$2+0x1000"
	tdi "$1" dma-map
}

# reaches NAME PAGE: they have the page; where it is, is in $frame.
reaches()
{
	tables "$1" "$2"
	case $l0_answer in
	\"$2+0x1000=0x*" rw\"") ;;
	*) fail "$1 has '$l0_answer' for a page at $2" ;;
	esac
	frame=${l0_answer#*=}
	frame=${frame% rw*}
}

# reaches_not NAME PAGE: they have not.
reaches_not()
{
	tables "$1" "$2"
	[ "$l0_answer" = '""' ] || fail "$1 has '$l0_answer' for a page at $2"
}

# holds FRAME: the memory of this machine that ram-views wrote to is there.
holds()
{
	l0 xp /1gx "$1"
	case $l0_answer in
	*0x6c61622d72616d21) ;;
	*) fail "at $1 is not what the guest wrote: $l0_answer" ;;
	esac
}

# tdi_is NAME STATE: fails unless the hardware is in this state.
tdi_is()
{
	tdi "$1" state
	[ "$l0_answer" = "\"$2\"" ] || fail "$1 is in $l0_answer, not in $2"
}

# gone BDF NAME: nothing is left of a TDI, neither here nor in the hardware.
gone()
{
	! bound "$1" || fail "$1 is still bound"
	tdi_is "$2" CONFIG_UNLOCKED
}

# host_sees BDF NAME WHAT: what the guest wants to have looked at, "bound" or "unbound"
host_sees()
{
	case $3 in
	bound) bound "$1" || fail "the host does not see the TDI bound" ;;
	unbound) gone "$1" "$2" ;;
	*) fail "L2 asks for '$3'" ;;
	esac
}

# tdi_trace: QEMU's trace of what happens to TDIs, with times, as the next L2's
# arguments in $TDI_TRACE; it ends up in the case's folder.
TDI_TRACE="-msg timestamp=on -trace vfio_private_tdi* -trace vfio_private_request*
	-trace tsm_iommufd* -trace vfio_private_frozen
	-trace kvm_private_mmio_convert -D /out/trace-l2.log"

# pid_ends PID WHAT: fails if it does not
pid_ends()
{
	pid_wait=0
	while kill -0 "$1" 2>/dev/null; do
		pid_wait=$((pid_wait + 1))
		[ $pid_wait -lt 300 ] || fail "$2 does not end"
		sleep 0.1
	done
	wait "$1" || fail "$2 failed"
}

# make_vf BDF: turns the VFs of a device on, with a driver that does nothing else;
# the address of the first one is in $vf.
make_vf()
{
	bind_driver "$1" pci-pf-stub
	cat "/sys/bus/pci/devices/$1/sriov_totalvfs" \
		>"/sys/bus/pci/devices/$1/sriov_numvfs"
	vf=$(basename "$(readlink "/sys/bus/pci/devices/$1/virtfn0")")
}

# pf_open BDF TOKEN ARGUMENT...: a QEMU with these arguments has the device by this
# token, and its VFs are on; the address of the first one is in $vf, the process is
# $pf_pid, and its monitor listens on 9.
pf_open()
{
	pf_bdf=$1
	pf_token=$2
	shift 2
	echo Y >/sys/module/vfio_pci/parameters/enable_sriov
	bind_vfio "$pf_bdf"
	mkfifo /run/pf.in
	exec 9<>/run/pf.in
	$QEMU -L /lab/firmware -nodefaults -display none -S -monitor stdio "$@" \
		-device "vfio-pci,host=$pf_bdf,iommufd=i0,vf-token=$pf_token" \
		</run/pf.in >/run/pf.txt 2>&1 &
	pf_pid=$!
	pf_wait=0
	until grep -q '(qemu)' /run/pf.txt; do
		pf_wait=$((pf_wait + 1))
		[ $pf_wait -lt 600 ] || fail "the PF's QEMU: $(cat /run/pf.txt)"
		sleep 0.1
	done
	cat "/sys/bus/pci/devices/$pf_bdf/sriov_totalvfs" \
		>"/sys/bus/pci/devices/$pf_bdf/sriov_numvfs"
	vf=$(basename "$(readlink "/sys/bus/pci/devices/$pf_bdf/virtfn0")")
}

# pf_close: that QEMU ends
pf_close()
{
	echo quit >&9
	wait "$pf_pid" || fail "the PF's QEMU leaves with $?"
}

# aside COMMAND...: it goes on in the background. It is no child of this shell: when
# one ends, the shell's read begins anew without what it has read of a line (l2_wait).
aside()
{
	rm -f /run/aside
	( (
		aside_status=0
		"$@" || aside_status=$?
		echo $aside_status >/run/aside.new
		mv /run/aside.new /run/aside
	) & )
}

# aside_ended WHAT: waits until that has come to an end, which has to be a good one.
aside_ended()
{
	aside_wait=0
	until [ -e /run/aside ]; do
		aside_wait=$((aside_wait + 1))
		[ $aside_wait -lt 600 ] || fail "$1 does not end"
		sleep 0.1
	done
	[ "$(cat /run/aside)" = 0 ] || fail "$1 failed"
}
