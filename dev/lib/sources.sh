# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034  # used by those who include this file
#
# Finds the pristine source of a project.  find_source sets
#   FOUND       a tarball or a directory
#   FOUND_ID    what identifies its content (sha256, or a stamp for a directory)
#   FOUND_NOTE  pinned, or how it differs from the pin
# Order: what the user named; the cache; the distribution's source package;
# the upstream release; and last a later point release of the same series.
# A tarball that fails its hash is never used and never stays in the cache.

TRIED=()
tried() { TRIED+=("$1"); }

use() { FOUND=$1 FOUND_ID=$2 FOUND_NOTE=$3; }

# series 7.2.8 -> 7.2
series() { echo "$1" | cut -d. -f1,2; }

# upstream_part 1:10.2.2+ds-1 -> 10.2.2
upstream_part() {
    local v=${1#*:}
    v=${v%-*}
    echo "${v%%[+~]*}"
}

# The version that a directory says it is.
directory_version() {
    if [ -f "$1/VERSION" ]; then
        cat "$1/VERSION"
    else
        awk -F' *= *' '/^(VERSION|PATCHLEVEL|SUBLEVEL) =/ { v = v (v == "" ? "" : ".") $2 } END { print v }' \
            "$1/Makefile" 2>/dev/null
    fi
}

is_source_of() {
    case $1 in
    qemu) [ -f "$2/qemu-options.hx" ] ;;
    linux) [ -f "$2/Kbuild" ] && [ -d "$2/kernel" ] ;;
    esac
}

# A git checkout is known by its commit, if clean; any other directory by
# names, sizes and times, so that an edit there is noticed.
directory_id() {
    local head
    if [ -e "$1/.git" ] && head=$(own_git -C "$1" rev-parse HEAD 2>/dev/null) &&
        [ -z "$(own_git -C "$1" status --porcelain --untracked-files=no)" ]; then
        echo "dir-$head"
    else
        find "$1" -name .git -prune -o -type f -printf '%P %s %T@\n' | LC_ALL=C sort | sha256sum | sed 's/ .*//; s/^/dir-/'
    fi
}

named_source() {
    local project=$1 path=$2 version pinned
    pinned=$(pinned_version "$project")
    if [ -d "$path" ]; then
        is_source_of "$project" "$path" || die "$path does not look like the source of $project"
        version=$(directory_version "$path")
        [ "$version" = "$pinned" ] || warn "$path is $project $version; the patches are made for $pinned"
        use "$(cd "$path" && pwd -P)" "$(directory_id "$path")" "the directory you named ($version, not checked against the pin)"
    elif [ -f "$path" ]; then
        local sum
        sum=$(sha256_of "$path")
        if lock_lines "$project" | grep -q " $sum "; then
            use "$path" "$sum" pinned
        else
            warn "$path is not the tarball that upstream.lock pins (sha256 $sum); taken because you named it"
            use "$path" "$sum" "the tarball you named (not pinned)"
        fi
    else
        die "$path is neither a directory nor a file"
    fi
}

# keep FILE SHA256: move a finished download into the cache, if it is right.
keep() {
    local part=$1 name=$2 want=$3 got
    got=$(sha256_of "$part")
    if [ "$got" != "$want" ]; then
        rm -f "$part"
        tried "$name: sha256 is $got, not $want: thrown away"
        return 1
    fi
    mv -f "$part" "$CACHE/$name"
}

from_cache() {
    local version file sum origin
    while read -r version file sum origin; do
        [ -f "$CACHE/$file" ] || continue
        if [ "$(sha256_of "$CACHE/$file")" = "$sum" ]; then
            use "$CACHE/$file" "$sum" pinned
            return 0
        fi
        # Another repack under the same name may stand in for the pin.
        stand_in "$1" && continue
        warn "$CACHE/$file is damaged (sha256 differs from upstream.lock); removed"
        rm -f "$CACHE/$file"
    done < <(lock_lines "$1")
    tried "cache $CACHE: no pinned tarball of $1"
    return 1
}

# The private source lists, refreshed once a run.
source_lists() {
    if [ "${LISTS_READY:-}" = yes ]; then return 0; fi
    apt_private sources deb-src sid || { tried "source package: $APT_WHY"; return 1; }
    printf '==> reading the source lists of Debian sid into %s (usually 10 s)\n' "$CACHE/apt"
    if ! apt_update >"$CACHE/apt/update.log" 2>&1; then
        tried "source package: apt-get update failed: $(grep -E '^(E|W|Err)' "$CACHE/apt/update.log" | head -n 1)"
        return 1
    fi
    LISTS_READY=yes
}

# fetch_orig PACKAGE DEBIAN-VERSION: into $CACHE; sets ORIG_NAME and ORIG_SUM.
fetch_orig() {
    local uri
    ORIG_NAME='' ORIG_SUM=''
    read -r uri ORIG_NAME ORIG_SUM < <(apt_orig_uri "$1" "$2") || true
    if [ -z "$ORIG_SUM" ]; then
        tried "source package $1 $2: the lists give no orig tarball"
        return 1
    fi
    ORIG_NAME=${ORIG_NAME//%2b/+}
    if [ -f "$CACHE/$ORIG_NAME" ] && [ "$(sha256_of "$CACHE/$ORIG_NAME")" = "$ORIG_SUM" ]; then return 0; fi
    printf '==> downloading %s (usually 1 min)\n' "$ORIG_NAME"
    if ! apt_fetch "$uri" "$CACHE/$ORIG_NAME.part" "$ORIG_SUM" >"$CACHE/apt/fetch.log" 2>&1; then
        rm -f "$CACHE/$ORIG_NAME.part"
        tried "source package $1 $2: listed but not served"
        return 1
    fi
    keep "$CACHE/$ORIG_NAME.part" "$ORIG_NAME" "$ORIG_SUM"
}

from_source_package() {
    local project=$1 version file sum origin candidate
    while read -r version file sum origin; do
        [[ $origin == apt:* ]] || continue
        source_lists || return 1
        while read -r candidate; do
            [ "$(upstream_part "$candidate")" = "$version" ] || continue
            fetch_orig "${origin#apt:}" "$candidate" || continue
            if [ "$ORIG_SUM" = "$sum" ]; then
                use "$CACHE/$ORIG_NAME" "$sum" pinned
                return 0
            fi
            tried "source package ${origin#apt:} $candidate: its tarball is another repack, sha256 $ORIG_SUM"
        done < <(apt_source_versions "${origin#apt:}")
    done < <(lock_lines "$project")
    tried "source package: no $project $(pinned_version "$project") to be had"
    return 1
}

download() {
    if have curl; then
        curl -fsSL --connect-timeout 15 --retry 2 -o "$2" "$1"
    elif have wget; then
        wget -q --connect-timeout=15 --tries=2 -O "$2" "$1"
    else
        /usr/lib/apt/apt-helper download-file "$1" "$2" >/dev/null
    fi
}

from_upstream() {
    local version file sum origin
    while read -r version file sum origin; do
        [[ $origin == http* ]] || continue
        printf '==> downloading %s from %s (usually 1 min)\n' "$file" "$origin"
        if ! download "$origin" "$CACHE/$file.part" 2>/dev/null; then
            rm -f "$CACHE/$file.part"
            tried "$origin: no answer or not there"
            continue
        fi
        keep "$CACHE/$file.part" "$file" "$sum" || continue
        use "$CACHE/$file" "$sum" pinned
        return 0
    done < <(lock_lines "$1")
    return 1
}

# What stands in for a pin is remembered in the cache as "pin version file
# sha256", so that the next run neither asks the network nor imports again.
stand_in() {
    local project=$1 pinned version file sum
    [ -f "$CACHE/$project.stand-in" ] || return 1
    read -r pinned version file sum <"$CACHE/$project.stand-in"
    [ "$pinned" = "$(pinned_version "$project")" ] && [ -f "$CACHE/$file" ] || return 1
    [ "$(sha256_of "$CACHE/$file")" = "$sum" ] || return 1
    use "$CACHE/$file" "$sum" "$version of $file in place of the pinned $pinned"
}

# A later point release has no pin: the archive's signed lists vouch for it.
from_later_release() {
    local project=$1 pinned package candidate version
    pinned=$(pinned_version "$project")
    stand_in "$project" && return
    package=$(lock_lines "$project" | sed -n 's/.* apt:\(.*\)/\1/p' | head -n 1)
    source_lists || return 1
    while read -r candidate; do
        version=$(upstream_part "$candidate")
        [ "$(series "$version")" = "$(series "$pinned")" ] || continue
        version_ge "$version" "$pinned" || continue
        fetch_orig "$package" "$candidate" || continue
        warn "the pinned $project $pinned cannot be had; $ORIG_NAME ($version, checked by the archive's signed lists) is used instead, if the patches apply"
        echo "$pinned $version $ORIG_NAME $ORIG_SUM" >"$CACHE/$project.stand-in"
        stand_in "$project"
        return
    done < <(apt_source_versions "$package")
    tried "source package: no later $(series "$pinned").x of $project"
    return 1
}

find_source() {
    local project=$1 named=$2
    TRIED=()
    if [ -n "$named" ]; then named_source "$project" "$named"; return; fi
    mkdir -p "$CACHE"
    from_cache "$project" && return
    if [ "$OFFLINE" = yes ]; then
        tried 'network: not asked (--offline)'
    else
        from_source_package "$project" && return
        from_upstream "$project" && return
        from_later_release "$project" && return
    fi
    {
        echo "error: no source of $project $(pinned_version "$project"). Tried:"
        printf '  - %s\n' "${TRIED[@]}"
        echo "Give ./configure --$project-source=DIRECTORY or TARBALL, or put a pinned file of upstream.lock into $CACHE."
    } >&2
    exit 1
}
