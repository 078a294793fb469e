# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Two VMs at once, each with private RAM and a TDI of its own. The first one's guest
# asks for what both are looked at for; the second VM, which has more memory, runs
# its TDI all the time, until it is killed.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

SECOND=/run/l2-second
# ttyS3 is for one QEMU only.
QMP="-mon chardev=qmp,mode=control -chardev pipe,id=qmp,path="

# until_file NAME: the second VM has told this.
until_file()
{
	file_wait=0
	until [ -s "$SECOND/$1" ]; do
		file_wait=$((file_wait + 1))
		[ $file_wait -lt 1200 ] || fail "the second VM does not tell its $1"
		kill -0 "$second_vm" 2>/dev/null || fail "the second VM has ended"
		sleep 0.1
	done
}

# queried BDF OTHER_BDF: query-tdi tells of the one alone, that it runs and reaches
# private memory.
queried()
{
	qmp_ok query-tdi
	qmp_has "$1" '"state": "run"'
	case $qmp_answer in
	*"$2"*) fail "it has the other VM's TDI: $qmp_answer" ;;
	*'"private-dma": '[1-9]*) ;;
	*) fail "no private DMA: $qmp_answer" ;;
	esac
}

# queried_second: the same of the second VM, once; in a subshell.
queried_second()
{
	L2_DIR=$SECOND
	QMP_LOG=/run/qmp-second.log
	: >$QMP_LOG
	qmp_open
	queried "$tdi_b" "$tdi_a"
}

# apart PAGE_A PAGE_B: what is at an address of a page is another page for each VM,
# or nothing; where both have their own, the guests' own words are.
apart()
{
	reaches tdi-dev "$1"
	holds "$frame"
	own=$frame
	reaches tdi-large "$2"
	holds "$frame"
	[ "$frame" != "$own" ] || fail "both have their page in $own"
	# The first one has no such address.
	reaches_not tdi-dev "$2"
	tables tdi-large "$1"
	case $l0_answer in
	'""') ;;
	*"=$own rw"*) fail "the second VM's TDI reaches a page of the first" ;;
	*) reaches tdi-large "$1" ;;
	esac
}

on_ask_of_second()
{
	# shellcheck disable=SC2086 # words
	set -- $1
	[ "$1" = works ] || fail "the second L2 asks for '$1'"
	echo "$2" >$SECOND/page
}

second()
{
	L2_DIR=$SECOND
	L2_CONSOLE=/run/console-second.log
	L2_MEM=384
	on_ask()
	{
		on_ask_of_second "$@"
	}
	L2_APPEND="lab.role=second lab.mib=256"
	# shellcheck disable=SC2086 # QMP holds words
	l2_start private-dma-two -object sw-protected-vm,id=cgs0,private-memory=on \
		-object iommufd,id=i0 $QMP$L2_DIR/qmp -pidfile $L2_DIR/pid \
		-device vfio-pci,id=db,host="$tdi_b",iommufd=i0,private=on
	l2_wait
	[ "$l2_exit" = 137 ] ||
		fail "second VM: ${l2_why:-not killed, QEMU left with $l2_exit}"
}

on_ask()
{
	# shellcheck disable=SC2086 # words
	set -- $1
	case $1 in
	other)
		until_file page
		answer=$(cat $SECOND/page)
		;;
	closed)
		reaches_not tdi-dev "$2"
		reaches_not tdi-dev "$(cat $SECOND/page)"
		;;
	open)
		apart "$2" "$(cat $SECOND/page)"
		queried "$tdi_a" "$tdi_b"
		queried_second & wait $! || exit 1
		;;
	kill)
		kill -KILL "$(cat $SECOND/pid)"
		wait "$second_vm" || exit 1
		gone "$tdi_b" tdi-large
		reaches_not tdi-large "$(cat $SECOND/page)"
		reaches tdi-dev "$2"
		holds "$frame"
		queried "$tdi_a" "$tdi_b"
		;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

tdi_a=$(dev tdi-dev)
tdi_b=$(dev tdi-large)
for bdf in "$tdi_a" "$tdi_b"; do
	connect_tsm "$bdf"
	bind_vfio "$bdf"
done
sw_protected
mkdir -p $SECOND
second &
second_vm=$!
L2_MEM=256
L2_APPEND=lab.role=first
# shellcheck disable=SC2086 # QMP and TDI_TRACE hold words
l2_start private-dma-two -object sw-protected-vm,id=cgs0,private-memory=on \
	-object iommufd,id=i0 $QMP$L2_DIR/qmp $TDI_TRACE \
	-device vfio-pci,id=da,host="$tdi_a",iommufd=i0,private=on
qmp_open
l2_wait
l2_good
sed -i '/^Killed$/d' /run/qemu-l2.log
quiet_qemu
gone "$tdi_a" tdi-dev
