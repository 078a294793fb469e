# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A PF that one QEMU has, and a VF of it that another one wants: the token of the
# first opens the VF, whatever its BARs are; another token, or none, does not.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

TOKEN=00112233-4455-6677-8899-aabbccddeeff
OTHER=ffeeddcc-bbaa-9988-7766-554433221100
VM="-machine q35,accel=kvm,smm=off,confidential-guest-support=cgs0 $CGS"

# with VF-PROPERTIES: sets $vf_status and leaves what QEMU says in /run/vf.txt.
with()
{
	vf_status=0
	# shellcheck disable=SC2086 # VM holds words
	echo quit | timeout 60 $QEMU -L /lab/firmware -nodefaults -display none -S \
		$VM -monitor stdio -device "vfio-pci,host=$vf,iommufd=i0,$1" >/run/vf.txt 2>&1 ||
		vf_status=$?
	{ echo "## $1"; cat /run/vf.txt; } >>/out/vf-token.txt
}

pf=$(dev tdi-vfs)
# shellcheck disable=SC2086 # VM holds words
pf_open "$pf" "$TOKEN" $VM
bind_vfio "$vf"
for property in private=on fd-bars=on rombar=0; do
	with "$property,vf-token=$TOKEN"
	[ $vf_status = 0 ] || fail "$property with the token: $(cat /run/vf.txt)"
	for wrong in "" ",vf-token=$OTHER"; do
		with "$property$wrong"
		[ $vf_status = 1 ] || fail "$property$wrong: status $vf_status"
		grep -q "Permission denied" /run/vf.txt ||
			fail "$property$wrong: $(cat /run/vf.txt)"
	done
done
echo 0 >"/sys/bus/pci/devices/$pf/sriov_numvfs"
pf_close
say "the VF opens with the token of its PF, and with no other"
