# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2015,SC2164  # run_gate runs each gate under set -e
#
# The gates of dev/check.  Each prints its complaints and returns 1, prints a
# reason and returns 77 if it cannot run here, or prints a remark and returns 0.

LINE_BUDGET=250
# The kernel's is one series in reading order: private MMIO, host TSM, guest TSM.
SERIES_MAX=120

projects() {
    local project
    for project in qemu linux; do
        if [ -d "$(tree_of "$project")/.git" ]; then echo "$project"; fi
    done
}

# Our own files: what git knows or would take, without the licence texts.
our_files() { (cd "$TOP" && own_git ls-files --cached --others --exclude-standard "$@" | while read -r f; do
    if [ -f "$f" ]; then echo "$f"; fi; done | grep -v '^LICENSES/'); }

gate_hashes() {
    local bad=0 project version file sum origin seen=0
    while read -r project version file sum origin; do
        if ! [[ $project =~ ^(qemu|linux)$ && $version =~ ^[0-9.]+$ && $sum =~ ^[0-9a-f]{64}$ &&
            $origin =~ ^(apt:[a-z0-9.+-]+|https://.+)$ && $file == *"$version"* ]]; then
            echo "upstream.lock: bad line: $project $version $file"
            bad=1
        elif [ -f "$CACHE/$file" ]; then
            seen=$((seen + 1))
            [ "$(sha256_of "$CACHE/$file")" = "$sum" ] || { echo "$CACHE/$file: wrong sha256"; bad=1; }
        fi
    done < <(grep -v '^ *\(#\|$\)' "$TOP/upstream.lock")
    [ $bad = 0 ] && echo "$seen tarballs in the cache"
}

am_here() { am_series "$1" "$2"; }

gate_am() {
    local project all=()
    mapfile -t all < <(projects)
    [ ${#all[@]} -gt 0 ] || { echo 'no build/src; run ./configure'; return 77; }
    for project in "${all[@]}"; do
        with_scratch "$project" am_here || { echo "$project: the series does not apply"; return 1; }
        [ "$project" != qemu ] || with_scratch qemu fixes_here || { echo 'qemu: the fixes do not apply without the hooks'; return 1; }
    done
    echo "${all[*]}"
}

# Runs in the scratch tree: a fix can be sent today, so it needs no hook.
fixes_here() {
    local tree=$2 files=()
    mapfile -t files < <(patches_of_kind fix)
    [ ${#files[@]} -gt 0 ] || return 0
    own_git -C "$tree" am -q --whitespace=nowarn --no-gpg-sign "${files[@]}" || {
        own_git -C "$tree" am --abort
        return 1
    }
}

# Runs in the scratch tree: apply, write again, compare.
refresh_here() {
    local project=$1 tree=$2 old
    am_series "$project" "$tree"
    mkdir "$tree.new" "$tree.old"
    write_series "$project" "$tree" "$tree.new"
    for old in $(patch_files "$project"); do cp "$old" "$tree.old/"; done
    diff -r "$tree.old" "$tree.new"
}

gate_refresh() {
    local project all=()
    mapfile -t all < <(projects)
    [ ${#all[@]} -gt 0 ] || { echo 'no build/src; run ./configure'; return 77; }
    for project in "${all[@]}"; do
        with_scratch "$project" refresh_here || { echo "$project: run dev/refresh $project"; return 1; }
    done
}

# The mail's body: what "git am" keeps as the message.
message_of() { sed '/^---$/,$d' "$1"; }

# patches_of_kind fix|hook: QEMU's patches that say so.
patches_of_kind() {
    local file
    for file in $(patch_files qemu); do
        if message_of "$file" | grep -q "^Kind: $1\$"; then echo "$file"; fi
    done
}

check_trailers() {
    local file=$1 project=$2 status kinds
    status=$(message_of "$file" | grep -c '^Upstream-Status: \(Pending\|Submitted \[.*\]\|Backport \[.*\]\|Inappropriate \[.*\]\)$' || true)
    [ "$status" = 1 ] || { echo "${file#"$TOP"/}: needs one Upstream-Status trailer above the --- line"; return 1; }
    kinds=$(message_of "$file" | grep -c '^Kind: \(fix\|hook\)$' || true)
    [ "$project" != qemu ] || [ "$kinds" = 1 ] || { echo "${file#"$TOP"/}: needs one line Kind: fix or Kind: hook"; return 1; }
    ! grep -n '^Signed-off-by:' "$file" || { echo "${file#"$TOP"/}: a sign-off is a person's own act; none here"; return 1; }
}

gate_trailers() {
    local bad=0 project file number count=0
    for project in qemu linux; do
        number=0
        for file in $(patch_files "$project"); do
            number=$((number + 1))
            count=$((count + 1))
            [[ $(basename "$file") == $(printf '%04d' $number)-* ]] || { echo "${file#"$TOP"/}: number $number expected"; bad=1; }
            check_trailers "$file" "$project" || bad=1
        done
        [ $number -le $SERIES_MAX ] || { echo "$project: $number patches, at most $SERIES_MAX"; bad=1; }
        if [ -d "$(patch_dir $project)" ]; then
            find "$(patch_dir $project)" -mindepth 1 ! -name '[0-9][0-9][0-9][0-9]-*.patch' | grep . && { echo 'not part of a series'; bad=1; }
        fi
    done
    if [ -n "$(patch_files linux)" ] && [ ! -f "$(patch_dir linux)/0000-cover-letter.patch" ]; then
        echo 'patches-kernel/ has no 0000-cover-letter.patch'
        bad=1
    fi
    [ $bad = 0 ] && echo "$count patches"
}

# changed_lines KIND: lines that patches of this kind add to or remove from
# upstream's files.
changed_lines() {
    patches_of_kind "$1" | xargs -r cat | awk '
        /^diff --git/ { body = 0 } /^@@/ { body = 1; next }
        body && /^[-+]/ { n++ } END { print n + 0 }'
}

# forbid WHAT REGEX FILE...: no line of the files may match.
forbid() {
    local what=$1 regex=$2 hits
    shift 2
    [ $# -gt 0 ] || return 0
    hits=$(cd "$TOP" && grep -nIE "$regex" "$@" /dev/null || true)
    [ -z "$hits" ] || { printf '%s:\n%s\n' "$what" "$hits"; return 1; }
}

check_content() {
    local bad=0 files=()
    mapfile -t files < <(our_files | grep -v '^dev/lib/gates.sh$')
    forbid 'a path of one machine' '(^|[^A-Za-z0-9_.-])/(work|root|home/[a-z]+)/' "${files[@]}" || bad=1
    forbid 'the host of a package registry' '(deb|security)\.debian\.org|pypi\.org|pythonhosted|npmjs|crates\.io|archive\.ubuntu' "${files[@]}" || bad=1
    forbid 'a conflict marker' '^(<<<<<<<|>>>>>>>) ' "${files[@]}" || bad=1
    return $bad
}

check_boundaries() {
    local bad=0 files=()
    mapfile -t files < <(our_files 'hw/vfio-private/tdi*.[ch]')
    forbid 'the state machine includes a linux/ header' '#include .linux/' "${files[@]}" || bad=1
    mapfile -t files < <(our_files 'hw/**.[ch]' | grep -v '/\(tsm-iommufd\|ioas\)\.c$')
    forbid 'an ioctl outside tsm-iommufd.c, ioas.c and accel/kvm' '[^_a-z>.]ioctl\(' "${files[@]}" || bad=1
    mapfile -t files < <(our_files 'hw/tdisp/*.[ch]')
    forbid 'the device side includes the host side' '#include .*vfio-private' "${files[@]}" || bad=1
    mapfile -t files < <(our_files 'patches/*.patch')
    local hits
    hits=$(cd "$TOP" && grep -nE '^\+#include .*vfio-private/' "${files[@]}" /dev/null | grep -v 'vfio-private/hooks\.h' || true)
    [ -z "$hits" ] || { printf 'a patched file includes more than hooks.h:\n%s\n' "$hits"; bad=1; }
    mapfile -t files < <(our_files 'include/system/*.h' 'accel/**.[ch]' 'system/**.[ch]')
    forbid 'what lies below devices includes them' '#include .hw/vfio-private' "${files[@]}" || bad=1
    return $bad
}

gate_boundaries() {
    local bad=0 clash hooks
    if [ -d "$(tree_of qemu)/.git" ]; then
        clash=$(overlay_collisions)
        [ -z "$clash" ] || { printf 'these exist upstream:\n%s\n' "$clash"; bad=1; }
    fi
    check_content || bad=1
    check_boundaries || bad=1
    hooks=$(changed_lines hook)
    [ "$hooks" -le $LINE_BUDGET ] || { echo "the hooks change $hooks upstream lines, at most $LINE_BUDGET"; bad=1; }
    [ $bad = 0 ] && echo "upstream lines: hooks change $hooks of $LINE_BUDGET, fixes $(changed_lines fix)"
}

gate_headers() {
    [ -n "$(our_files 'linux-headers/**.h')" ] || { echo 'no header of ours'; return 77; }
    [ -d "$BUILD/headers/include" ] || { echo 'the patched kernel'"'"'s headers are not built'; return 77; }
    "$PYTHON" "$TOP/dev/lib/uapi_equal.py" "$TOP/linux-headers" "$(tree_of qemu)/linux-headers" "$BUILD/headers/include"
}

# checkpatch OPTION...: of the files that stdin names.  A warning counts as much as
# an error.  Ignored: what checkpatch cannot know about a patch queue (MAINTAINERS is
# upstream's, sign-offs are people's).  The cache knows by the hash of the
# rules and of the file which files have passed.
checkpatch() {
    local rc=0 out rules file passed todo=()
    mkdir -p "$CACHE/checkpatch"
    rules=$(cat scripts/checkpatch.pl scripts/*spelling.txt scripts/*.checkpatch 2>/dev/null | sha256sum)
    while read -r file; do
        passed=$( (echo "$rules" "$@" "${file#"$TOP"}"; cat "$file") | sha256sum)
        passed=$CACHE/checkpatch/${passed%% *}
        [ -e "$passed" ] || todo+=("$file" "$passed")
    done
    [ ${#todo[@]} -gt 0 ] || return 0
    # shellcheck disable=SC2016 # the inner shell's own
    out=$(printf '%s\n' "${todo[@]}" | xargs -r -P "$(nproc)" -n 2 bash -c '
        perl scripts/checkpatch.pl --terse --quiet --no-signoff "${@:1:$#-1}" 2>/dev/null && touch "${@:$#}"' \
        checkpatch "$@") || rc=$?
    printf '%s\n' "$out" | grep -v '^total:' || true
    return $rc
}

# Our files are checked by their path in QEMU's tree: the rules for tests differ.
qemu_checkpatch() {
    local bad=0 file
    cd "$(tree_of qemu)"
    patch_files qemu | checkpatch --strict || bad=1
    overlay_files | grep '\.[ch]$' | grep -v '^linux-headers/' |
        while read -r file; do if [ -e "$file" ]; then echo "$file"; fi; done | checkpatch --strict -f || bad=1
    return $bad
}

linux_checkpatch() {
    cd "$(tree_of linux)"
    patch_files linux | checkpatch --ignore FILE_PATH_CHANGES,EMAIL_SUBJECT,BAD_SIGN_OFF
}

gate_checkpatch() {
    local bad=0 project all=()
    mapfile -t all < <(projects)
    [ ${#all[@]} -gt 0 ] || { echo 'no build/src; run ./configure'; return 77; }
    for project in "${all[@]}"; do (set +e; "${project}_checkpatch") || bad=1; done
    [ $bad = 0 ] && echo "${all[*]}"
}

# Line numbers move from tree to tree; the texts stay.
without_numbers() { printf '%s\n' "$1" | sed 's/:[0-9][0-9]*//' | sort -u; }

gate_kernel_doc() {
    local tree files=() warnings
    tree=$(tree_of linux)
    [ -d "$tree/.git" ] || { echo 'no build/src/linux'; return 77; }
    mapfile -t files < <(own_git -C "$tree" diff --name-only --diff-filter=AM "$(root_of linux)" HEAD -- '*.c' '*.h' ':!tools')
    [ ${#files[@]} -gt 0 ] || { echo 'the series touches no C file'; return 77; }
    cd "$tree"
    # Only lines that the series wrote count; upstream has warnings of its own.
    warnings=$(scripts/kernel-doc -none "${files[@]}" 2>&1 | sort -u || true)
    local file base=''
    for file in "${files[@]}"; do
        if own_git cat-file -e "$(root_of linux):$file" 2>/dev/null; then
            mkdir -p "$BUILD/kernel-doc/$(dirname "$file")"
            own_git show "$(root_of linux):$file" >"$BUILD/kernel-doc/$file"
            base+=$(cd "$BUILD/kernel-doc" && "$tree/scripts/kernel-doc" -none "$file" 2>&1 || true)$'\n'
        fi
    done
    rm -rf "$BUILD/kernel-doc"
    local new
    new=$(comm -13 <(without_numbers "$base") <(without_numbers "$warnings") | grep . || true)
    [ -z "$new" ] || { echo "$new"; return 1; }
    echo "${#files[@]} files"
}

gate_shellcheck() {
    local scripts=() pythons=()
    have shellcheck || { echo 'shellcheck is not installed'; return 77; }
    cd "$TOP"
    mapfile -t scripts < <(our_files | xargs grep -lE '^#!/bin/(ba)?sh|^# shellcheck shell=' -- | grep -v '\.patch$\|gates\.sh$')
    shellcheck -x "${scripts[@]}" dev/lib/gates.sh
    mapfile -t pythons < <(our_files | xargs grep -lE '^#!.*python3|^# SPDX' -- | grep '\.py$' || true)
    local file
    for file in "${pythons[@]}"; do
        "$PYTHON" -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$file"
    done
    echo "$((${#scripts[@]} + 1)) scripts"
}

# What has moved on from under a mutant shows only when it is run, and few are.
gate_mutants() {
    local listed
    [ -d "$(tree_of qemu)/.git" ] && [ -d "$(tree_of linux)/.git" ] ||
        { echo 'needs the sources of QEMU and Linux'; return 77; }
    listed=$("$PYTHON" "$TOP/dev/mutate" -l) || { grep BROKEN <<<"$listed" || true; return 1; }
    echo "$(wc -l <<<"$listed") mutants"
}

# Each patch must build on its own, so that git bisect works on the series.
gate_each_patch() {
    local tree scratch commit
    tree=$(tree_of qemu)
    [ -d "$BUILD/qemu" ] || { echo 'QEMU is not configured'; return 77; }
    scratch=$BUILD/each-patch
    rm -rf "$scratch"
    own_git -C "$tree" worktree prune
    own_git -C "$tree" worktree add -q --detach "$scratch/src" "$(root_of qemu)"
    mkdir -p "$scratch/build"
    for commit in $(own_git -C "$tree" rev-list --reverse "$(root_of qemu)"..HEAD); do
        own_git -C "$scratch/src" checkout -q --detach "$commit"
        each_patch_build "$scratch" >"$LOGS/each-patch.log" 2>&1 || {
            echo "does not build: $(own_git -C "$tree" log -1 --format=%s "$commit"); see build/log/each-patch.log"
            return 1
        }
    done
    own_git -C "$tree" worktree remove --force "$scratch/src"
    rm -rf "$scratch"
}

# Our own files come with every patch: 0001 adds them to the build.
each_patch_build() {
    local file flags=()
    overlay_files | while read -r file; do
        mkdir -p "$1/src/$(dirname "$file")"
        ln -sfn "$TOP/$file" "$1/src/$file"
    done
    cd "$1/build"
    mapfile -t flags <"$BUILD/qemu/flags.stamp"
    [ -f build.ninja ] || ../src/configure "${flags[@]}"
    ninja qemu-system-x86_64
}

# The kernel's patches, each with and without what KVM has for TDX.  That takes more
# than an hour; it goes on where an earlier run was ended or failed.
gate_each_kernel_patch() {
    local tree scratch commit tdx subject key
    tree=$(tree_of linux)
    [ -d "$tree/.git" ] || { echo 'no build/src/linux'; return 77; }
    scratch=$BUILD/each-kernel-patch
    # Of sources that have been imported anew, an older one is no worktree any more.
    if [ ! -e "$scratch/src/.git" ] || ! own_git -C "$scratch/src" rev-parse -q HEAD >/dev/null 2>&1; then
        rm -rf "$scratch"
        own_git -C "$tree" worktree prune
        own_git -C "$tree" worktree add -q --detach "$scratch/src" "$(root_of linux)"
    fi
    rm -f "$scratch"/tdx-?/.config
    touch "$scratch/built"
    for commit in $(own_git -C "$tree" rev-list --reverse "$(root_of linux)"..HEAD); do
        key=$(each_kernel_patch_key "$tree" "$commit")
        if grep -q "^$key " "$scratch/built"; then
            # It may have had options, for which the next one is to be asked.
            rm -f "$scratch"/tdx-?/.config
            continue
        fi
        own_git -C "$scratch/src" checkout -q --detach "$commit"
        each_kernel_patch_matters "$scratch/src" || continue
        subject=$(own_git -C "$tree" log -1 --format=%s "$commit")
        touch "$scratch/began"
        for tdx in y n; do
            if [ $tdx = n ] && each_kernel_patch_is_wide "$scratch"; then
                rm -rf "$scratch/tdx-n"
                cp -a "$scratch/tdx-y" "$scratch/tdx-n"
                rm "$scratch/tdx-n/.config"
            fi
            each_kernel_patch_build "$scratch" $tdx >"$LOGS/each-kernel-patch-$tdx.log" 2>&1 && continue
            echo "does not build with CONFIG_INTEL_TDX_HOST=$tdx: $subject;" \
                "see build/log/each-kernel-patch-$tdx.log"
            return 1
        done
        echo "$key $subject" >>"$scratch/built"
    done
    echo "$(wc -l <"$scratch/built") patches, twice each"
    own_git -C "$tree" worktree remove --force "$scratch/src"
    rm -rf "$scratch"
}

# Was so much compiled with TDX just now that a copy of it is the shorter way to the
# kernel without?  77 of 1551 objects depend on the option itself.
each_kernel_patch_is_wide() {
    [ ! -d "$1/tdx-n" ] ||
        [ "$(find "$1/tdx-y" -name '*.o' -newer "$1/began" | wc -l)" -gt 300 ]
}

# What vmlinux is made of. A commit's own name changes with any patch before it.
each_kernel_patch_key() {
    own_git -C "$1" ls-tree "$2" |
        grep -vE $'\t(tools|Documentation|MAINTAINERS)$' | sha256sum | cut -d' ' -f1
}

# Not if nothing that vmlinux is made of differs from the patch before.
each_kernel_patch_matters() {
    own_git -C "$1" diff --quiet HEAD~ -- . ':!tools' ':!Documentation' ':!MAINTAINERS' && return 1
    return 0
}

# Options come with the patches, so all are asked for when that may have changed
# them; make compiles what the difference concerns.  The table of symbols, which
# kprobes want, would be half of each link and finds no mistake.  Each step by its
# own: the caller switches -e off.
each_kernel_patch_build() {
    local out=$1/tdx-$2 make
    make=(make -s -C "$1/src" "O=$out" "CC=$(cached_gcc)" "-j$(nproc)")
    if [ ! -f "$out/.config" ] || ! own_git -C "$1/src" diff --quiet HEAD~ -- '*Kconfig*'; then
        mkdir -p "$out" &&
            printf '%s\n' "CONFIG_INTEL_TDX_HOST=$2" '# CONFIG_KPROBES is not set' \
                '# CONFIG_KALLSYMS is not set' >"$out.config" &&
            "${make[@]}" tinyconfig &&
            (cd "$1/src" && scripts/kconfig/merge_config.sh -m -O "$out" "$out/.config" \
                "$TOP/tests/lab/config/lab.config" "$out.config") &&
            "${make[@]}" olddefconfig || return
    fi
    case $2 in
    y) grep -qx 'CONFIG_INTEL_TDX_HOST=y' "$out/.config" ;;
    n) grep -qx '# CONFIG_INTEL_TDX_HOST is not set' "$out/.config" ;;
    esac &&
        "${make[@]}" vmlinux
}
