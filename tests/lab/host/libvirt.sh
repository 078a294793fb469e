# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# libvirt's daemon in this host, set as the page says, and the page's domain, to which
# nothing is added but what L2 boots from and its serial lines.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

PAGE=/lab/page
USER_ID=64055
GROUP_ID=104
# Seconds for what takes a few, so that it fails rather than hangs.
PATIENCE=120
export PATH="$PATH:/usr/bin:/usr/sbin"

# What installing the packages would leave, and udev and systemd do; Debian's user.
prepare_host()
{
	mkdir -p /etc/libvirt /usr/local/bin /usr/local/share /var/cache /var/lib \
		/var/log/libvirt/qemu /root
	ln -s /run /var/run
	echo "root:x:0:0::/root:/bin/sh" >/etc/passwd
	echo "libvirt-qemu:x:$USER_ID:$GROUP_ID::/var/lib/libvirt:/bin/false" >>/etc/passwd
	printf '%s\n' root:x:0: "kvm:x:$GROUP_ID:" libvirt-qemu:x:$USER_ID: >/etc/group
	chgrp kvm /dev/kvm
	chmod 660 /dev/kvm
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount -t devpts devpts /dev/pts
	# By this name QEMU looks for its firmware below /usr/local.
	ln "$QEMU" /usr/local/bin/qemu-system-x86_64
	ln -s /lab/firmware /usr/local/share/qemu
	ln -s /var/log/libvirt/qemu/private.log /run/qemu-l2.log
	LIBVIRT_LOG_OUTPUTS=3:file:/run/virtlogd.log virtlogd -d
}

# until_true COMMAND...
until_true()
{
	until_wait=0
	until "$@" >/dev/null 2>&1; do
		until_wait=$((until_wait + 1))
		[ $until_wait -lt 300 ] || fail "never true: $*"
		sleep 0.2
	done
}

# restart_libvirt: with what its configuration says now
restart_libvirt()
{
	if daemon=$(pidof libvirtd); then
		kill "$daemon"
		until_true test ! -e "/proc/$daemon"
	fi
	LIBVIRT_LOG_OUTPUTS=3:file:/run/libvirtd.log libvirtd -d
	until_true timeout $PATIENCE virsh list
}

# page NAME: does what the page says there; what comes must be what it says.
page()
{
	timeout $PATIENCE sh -eu "$PAGE/$1" >"/run/page-$1.log" 2>&1 ||
		fail "the page's block '$1': $(tr '\n' ' ' <"/run/page-$1.log")"
	# The human monitor ends its lines like a terminal.
	sed -i 's/\r$//' "/run/page-$1.log"
	while IFS= read -r page_line; do
		grep -Exq -- "$page_line" "/run/page-$1.log" ||
			fail "the page's block '$1' does not say '$page_line':" \
				"$(tr '\n' ' ' <"/run/page-$1.log")"
	done <"$PAGE/$1.expect"
}

# refused WORDS [SED SCRIPT]: virsh does not start such a domain, and has QEMU's
# reason.
refused()
{
	refused_words=$1
	sed "${2:-}" private.xml >refused.xml
	! timeout $PATIENCE virsh create refused.xml >/run/refused.log 2>&1 ||
		fail "virsh starts a domain that it must not: $refused_words"
	cat /run/refused.log >>/run/refusals.log
	grep -qF -- "$refused_words" /run/refused.log ||
		fail "virsh does not say '$refused_words': $(tr '\n' ' ' </run/refused.log)"
	case $(virsh list --all) in
	*private*) fail "the refused domain stays" ;;
	esac
}

# The domain of the page, with what the lab has instead of a disk that boots.
lab_domain()
{
	lab_boot="<kernel>/lab/bzImage-guest</kernel><initrd>/lab/l2.cpio</initrd>"
	lab_args=$(echo "$L2_KERNEL_ARGS" | tr -s '\n\t' ' ')
	lab_boot="$lab_boot<cmdline>$lab_args lab.run=libvirt</cmdline>"
	lab_serial="<serial type='dev'><source path='/dev/ttyS2'/><target port='0'/></serial>"
	lab_serial="$lab_serial<serial type='pipe'><source path='$L2_DIR/report'/>"
	lab_serial="$lab_serial<target port='1'/></serial>"
	sed -e "s|</os>|$lab_boot</os>|" -e "s|</devices>|$lab_serial</devices>|" \
		$PAGE/private.xml >private.xml
}

# end_of_domain: tells l2_wait that QEMU is gone, whatever ended it, and whether
# libvirt knows.
end_of_domain()
{
	domain_pid=$(cat /run/libvirt/qemu/private.pid)
	{
		while [ -e "/proc/$domain_pid" ]; do
			sleep 0.2
		done
		domain_exit=0
		timeout $PATIENCE sh -c \
			"until virsh domstate private | grep -q 'shut off'; do sleep 0.2; done" ||
			domain_exit=1
		echo "exit $domain_exit" >&7
	} &
}

# confined: QEMU has another user, a filter of system calls, and its own /dev.
confined()
{
	confined_proc=/proc/$domain_pid
	grep -q "^Uid:[[:space:]]*${USER_ID}[[:space:]]" "$confined_proc/status" ||
		fail "QEMU runs as $(grep ^Uid: "$confined_proc/status")"
	grep -q "^Seccomp:[[:space:]]*2" "$confined_proc/status" ||
		fail "QEMU runs without its sandbox"
	confined_root=$confined_proc/root
	[ -e "$confined_root/dev/iommu" ] || fail "QEMU has no /dev/iommu"
	[ ! -e "$confined_root/dev/mem" ] || fail "QEMU has this machine's /dev"
}

on_ask()
{
	case $1 in
	run)
		boots=$((boots + 1))
		bound "$nvme" || fail "the host does not see the TDI bound"
		confined
		page query
		$in_run
		;;
	unbound) gone "$nvme" nvme-tdi ;;
	*) fail "unknown question $1" ;;
	esac
}

# The first boot ends by a reset, the second by the end of QEMU.
reset_then_destroy()
{
	# shellcheck disable=SC2034 # for l2_wait
	answer=
	if [ $boots = 1 ]; then
		page reset
	else
		page destroy
	fi
}

nvme=$(dev nvme-tdi)
prepare_host
connect_tsm "$nvme"
bind_vfio "$nvme"
mkdir /run/domain
cd /run/domain || exit 1
lab_domain
l2_fifos

# What the page says to set: none of it can be left out.
restart_libvirt
page owner
refused "Failed to open /dev/vfio/devices/vfio0"
cp $PAGE/qemu.conf /etc/libvirt/qemu.conf
restart_libvirt
chown root /dev/iommu /dev/vfio/devices/vfio0
refused "Failed to open /dev/vfio/devices/vfio0"
page owner
refused "Cannot allocate memory" '/<hard_limit/d'
say "without what the page says to set, QEMU does not get the device"
refused "requires a confidential guest: set -machine confidential-guest-support=ID" \
	's/confidential-guest-support=cgs0,//'
refused "includes fd-bars=on: remove fd-bars" 's/private=on/private=on,fd-bars=on/'
say "a domain that private=on refuses does not start, and virsh tells why"

boots=0
in_run=reset_then_destroy
l2_fifos
page start
virsh qemu-monitor-event private --event TDI_STATE_CHANGED >/run/event.log &
end_of_domain
l2_wait
[ "$l2_exit" = 0 ] || fail "libvirt does not notice that QEMU has ended"
[ $boots = 2 ] || fail "the domain came to RUN $boots times, not twice: ${l2_why:-no reason}"
gone "$nvme" nvme-tdi
grep -q "event TDI_STATE_CHANGED .*'private'" /run/event.log ||
	fail "virsh has no event of the TDI: $(cat /run/event.log)"
say "defined, started, in RUN, reset, in RUN again, destroyed"

in_run=true
l2_fifos
virsh start private
end_of_domain
l2_wait
[ "$l2_verdict$l2_exit" = 00 ] || fail "${l2_why:-L2 was $l2_verdict, QEMU $l2_exit}"
gone "$nvme" nvme-tdi
check_disk "$nvme"
virsh undefine private
say "started again: in RUN, unlocked, and off by itself"
