# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034  # used by those who include this file
#
# What every script of the build shares: where things are, how a step is
# announced and logged, and how git is called.
#
# A step is one long command.  It is announced in one line with its usual
# duration, its output goes to build/log/NAME.log, and only a failure shows
# any of it.

# The one place that knows the project's short name (cache folder, git author).
PROJECT=qemu-private-devices

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
BUILD=$TOP/build
SRC=$BUILD/src
LOGS=$BUILD/log
OPTIONS=$BUILD/options.sh

# The system's own Python, which sees the packages that apt installs; a user's
# PATH may put another one first.
PYTHON=/usr/bin/python3

# Clones of this repository share one ccache: paths below the clone count as
# relative. The kernel maps its own path out of __FILE__ with an option that
# names it, so that option says nothing about the result. Nor does the locale:
# only the compiler's messages depend on it.
export CCACHE_BASEDIR=$TOP CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=locale
export CCACHE_IGNOREOPTIONS='-fmacro-prefix-map=*'

note() { printf '    %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# step NAME "what it does" "usual duration" COMMAND...
step() {
    local what=$2 usual=$3 log=$LOGS/$1.log began=$SECONDS
    shift 3
    mkdir -p "$LOGS"
    printf '==> %s (usually %s)\n' "$what" "$usual"
    # A subshell with -e of its own: a bare "if f" would switch -e off inside
    # f, and a failure in the middle of it would pass for success.
    set +e
    (set -e; "$@") >"$log" 2>&1 </dev/null
    local rc=$?
    set -e
    if [ $rc -ne 0 ]; then
        printf -- '---- last lines of %s\n' "${log#"$TOP"/}" >&2
        tail -n 30 "$log" >&2
        die "$what: failed with status $rc; the whole output is in $log"
    fi
    note "$what: done in $((SECONDS - began)) s"
}

# optional_step NAME CASE "what it does" COMMAND...: for a case of the lab, which is
# skipped if this fails.
optional_step() {
    local log=$LOGS/$1.log case=$2 what=$3
    shift 3
    mkdir -p "$LOGS"
    printf '==> %s\n' "$what"
    # As in step(): a bare "if f" would switch -e off inside f.
    set +e
    (set -e; "$@") >"$log" 2>&1 </dev/null
    local rc=$?
    set -e
    [ $rc -eq 0 ] || warn "the lab's case $case will be skipped: $(tail -n 1 "$log")"
}

# Options that configure saved; empty defaults so that "set -u" holds.
load_options() {
    QEMU_SOURCE='' LINUX_SOURCE='' WITH_LAB=yes MIRROR='' INSTALL_PACKAGES=yes
    CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/$PROJECT PREFIX=/usr/local
    DEBUG=no ASAN=no OFFLINE=no
    QEMU_EXTRA=()
    # shellcheck source=/dev/null
    if [ -f "$OPTIONS" ]; then . "$OPTIONS"; fi
}

# One build at a time in one build folder; the lock dies with its holder.
lock_build() {
    mkdir -p "$BUILD"
    exec 9>"$BUILD/.lock"
    if ! flock -n 9; then
        note "waiting for another build in $BUILD"
        flock 9
    fi
}

# git as our scripts use it: the user's own configuration must not change
# commit ids, line ends or the way patches are read.
own_git() {
    GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null \
    GIT_COMMITTER_NAME=$PROJECT GIT_COMMITTER_EMAIL=build@localhost \
    git -c user.name="$PROJECT" -c user.email=build@localhost \
        -c commit.gpgSign=false -c core.autocrlf=false -c core.fileMode=true \
        -c gc.auto=0 -c core.looseCompression=1 -c core.hooksPath=/dev/null \
        -c safe.directory='*' -c advice.detachedHead=false "$@"
}

have() { command -v "$1" >/dev/null 2>&1; }

# The compiler for QEMU and Linux.
cached_gcc() { if have ccache; then echo "$TOP/dev/lib/ccache-gcc"; else echo gcc; fi; }

# version_ge A B: A >= B, both dotted numbers.
version_ge() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }

# lock_lines PROJECT: "version file sha256 origin" of each pin, in order.
lock_lines() { awk -v p="$1" '$1 == p { print $2, $3, $4, $5 }' "$TOP/upstream.lock"; }

pinned_version() { lock_lines "$1" | awk 'NR == 1 { print $1 }'; }

patch_dir() { case $1 in qemu) echo "$TOP/patches" ;; linux) echo "$TOP/patches-kernel" ;; esac; }

# The series of a project in order; a cover letter (0000) is not applied.
patch_files() {
    [ -d "$(patch_dir "$1")" ] || return 0
    find "$(patch_dir "$1")" -maxdepth 1 -name '[0-9]*.patch' ! -name '0000-*' | LC_ALL=C sort
}
