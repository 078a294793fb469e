# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# QMP to the running L2, for host scripts; to be sourced after lib.sh. What QEMU
# says ends up in the case's folder as qmp-l2.log, which tdi-monitor can replay.
# A second monitor is on ttyS3, which L0 has as the socket qmp.sock: for
# tdi-monitor, on the machine that runs the lab.

L2_FIFOS="qmp.in qmp.out"
QMP_ARGS="-chardev pipe,id=qmp,path=$L2_DIR/qmp -mon chardev=qmp,mode=control
	-chardev serial,id=watch,path=/dev/ttyS3 -mon chardev=watch,mode=control"
QMP_LOG=/run/qmp-l2.log
: >$QMP_LOG
qmp_count=0

# qmp_open: once for each L2, after l2_start or in on_ask.
qmp_open()
{
	exec 8<>"$L2_DIR/qmp.in"
	cat "$L2_DIR/qmp.out" >>$QMP_LOG &
	qmp_mark=$(wc -l <$QMP_LOG)
	qmp_ok qmp_capabilities
}

# qmp_find PATTERN: waits for a line that QEMU has said after the mark, and leaves
# it in $qmp_answer.
qmp_find()
{
	qmp_wait=0
	until qmp_answer=$(tail -n +$((qmp_mark + 1)) $QMP_LOG | grep -E -m 1 -- "$1"); do
		qmp_wait=$((qmp_wait + 1))
		[ $qmp_wait -lt 1200 ] || fail "QEMU does not say '$1'"
		sleep 0.05
	done
}

# qmp_send COMMAND [ARGUMENTS]: arguments as JSON; qmp_end waits for the answer.
qmp_send()
{
	qmp_count=$((qmp_count + 1))
	qmp_began=$(uptime_now)
	echo "{\"execute\": \"$1\", \"id\": $qmp_count${2:+, \"arguments\": $2}}" >&8
}

# qmp_end: leaves the answer in $qmp_answer, and in $qmp_took how many hundredths of
# a second it took.
qmp_end()
{
	qmp_find "\"id\": ${qmp_count}[,}]"
	qmp_took=$(echo "$(uptime_now) $qmp_began" | awk '{ printf "%d", ($1 - $2) * 100 }')
}

# qmp COMMAND [ARGUMENTS]: both.
qmp()
{
	qmp_send "$@"
	qmp_end
}

# qmp_ok COMMAND [ARGUMENTS]: it must succeed.
qmp_ok()
{
	qmp "$@"
	qmp_good "$1"
}

# qmp_good COMMAND: its answer is not an error.
qmp_good()
{
	case $qmp_answer in
	*'"error":'*) fail "$1: $qmp_answer" ;;
	esac
}

# qmp_err CLASS WORDS COMMAND [ARGUMENTS]: it must fail like this.
qmp_err()
{
	qmp_class=$1
	qmp_words=$2
	shift 2
	qmp "$@"
	case $qmp_answer in
	*"\"class\": \"$qmp_class\""*"$qmp_words"* | \
		*"$qmp_words"*"\"class\": \"$qmp_class\""*) ;;
	*) fail "$1 should fail with $qmp_class, '$qmp_words': $qmp_answer" ;;
	esac
}

# tdi_until WORDS WHY: waits until query-tdi has these words.
tdi_until()
{
	qmp_tries=0
	until qmp_ok query-tdi && [ "${qmp_answer#*"$1"}" != "$qmp_answer" ]; do
		qmp_tries=$((qmp_tries + 1))
		[ $qmp_tries -lt 600 ] || fail "$2: $qmp_answer"
		sleep 0.05
	done
}

# private_bytes: so much of the guest is private, by QEMU, in $private_bytes.
private_bytes()
{
	qmp_ok query-private-memory
	private_bytes=$(echo "$qmp_answer" | sed -n 's/.*"private": \([0-9]*\).*/\1/p' |
		grep .)
}

# hmp COMMAND: of the human monitor; its answer is in $qmp_answer.
hmp()
{
	qmp_ok human-monitor-command "{\"command-line\": \"$*\"}"
}

# qmp_has WORDS...: all of them are in the answer.
qmp_has()
{
	for qmp_word in "$@"; do
		case $qmp_answer in
		*"$qmp_word"*) ;;
		*) fail "'$qmp_word' is not in: $qmp_answer" ;;
		esac
	done
}

# qmp_from_here: events count from here on.
qmp_from_here()
{
	qmp_mark=$(wc -l <$QMP_LOG)
}

# changed OLD NEW REASON: the next change of state that QEMU tells.
changed()
{
	qmp_find '"event": "TDI_STATE_CHANGED"'
	qmp_has "\"old\": \"$1\"" "\"new\": \"$2\"" "\"reason\": \"$3\""
	qmp_from_here
}

# request COMMAND [ARGUMENTS]: it is accepted, as request $qmp_request.
request()
{
	qmp_ok "$@"
	qmp_request=$(echo "$qmp_answer" | sed -n 's/.*"request": \([0-9]*\).*/\1/p')
	[ -n "$qmp_request" ] || fail "$1 has no number: $qmp_answer"
}

# completed [WORDS...]: its end has been told once, with these words. Without words
# it is a success.
completed()
{
	qmp_event='"event": "TDI_REQUEST_COMPLETED"'
	qmp_wait=0
	until qmp_answer=$(grep "$qmp_event" $QMP_LOG | grep "\"request\": $qmp_request[,}]"); do
		qmp_wait=$((qmp_wait + 1))
		[ $qmp_wait -lt 1200 ] || fail "request $qmp_request has no end"
		sleep 0.05
	done
	[ "$(echo "$qmp_answer" | wc -l)" -eq 1 ] || fail "more than one end: $qmp_answer"
	case $#$qmp_answer in
	0*'"error":'*) fail "request $qmp_request: $qmp_answer" ;;
	esac
	qmp_has "$@"
}

# watch: what tdi-monitor shows of this L2, in $l0_answer.
watch()
{
	report watch
	read -r l0_answer </run/answers
	echo "$l0_answer" >>/out/watch.txt
}
