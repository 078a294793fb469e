# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Where the processor has SEV, nobody but KVM can tell whether an ordinary VM is one of
# SEV. The software TSM does not serve it then, and still serves one that it can tell.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# binds NAME: a VMM without any protection of its VM, which binds
binds()
{
	VFIO_SELFTESTS_BDF=$nvme /lab/selftests/vfio_pci_tdi_test \
		-t second_bind_is_refused >"/out/$1.txt" 2>&1
}

on_ask()
{
	host_sees "$nvme" nvme-tdi "$1"
}

nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
binds ordinary || fail "without SEV: $(tail -n 3 /out/ordinary.txt)"
insmod /lab/host_acts.ko sev=1
! binds sev || fail "with SEV an ordinary VM has the software TSM"
grep -q "tsm_bind.*(95)" /out/sev.txt ||
	fail "not refused as EOPNOTSUPP: $(cat /out/sev.txt)"
gone "$nvme" nvme-tdi
sw_protected
L2_APPEND="lab.rounds=1"
# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
l2_run late-bind $CGS $TDI_TRACE \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on
quiet_qemu
gone "$nvme" nvme-tdi
