# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# build/src/PROJECT is a git repository made here: one root commit holds the
# pristine source, the commits on top are patches/ or patches-kernel/, and (for
# QEMU) our own files are laid over it as links that git there ignores.
# Author, date and configuration are fixed, so commit ids are the same everywhere.
#
# build/src/PROJECT.stamp says what the tree was made from.  Work that people
# left in the tree is never thrown away: the tree is rebuilt only if its tip is
# the one that was made here and nothing is modified, or with --force.

IMPORT_DATE='2026-01-01T00:00:00+0000'
OVERLAY_DIRS=(accel backends contrib docs/devel docs/specs docs/system docs/tools hw include linux-headers qapi stubs system target tests/qtest tests/unit)

tree_of() { echo "$SRC/$1"; }
stamp_of() { echo "$SRC/$1.stamp"; }
stamp_get() { sed -n "s/^$2=//p" "$(stamp_of "$1")" 2>/dev/null || true; }
stamp_put() {
    printf 'base=%s\nseries=%s\nroot=%s\ntip=%s\n' "$2" "$3" "$4" "$5" >"$(stamp_of "$1").new"
    mv -f "$(stamp_of "$1").new" "$(stamp_of "$1")"
}

series_hash() { patch_files "$1" | xargs -r cat | sha256sum | cut -d' ' -f1; }

# refuse_to_lose PROJECT [UNTRACKED]: stop if the tree holds work that is not in
# patches/.  UNTRACKED "normal" counts new files as well: an import deletes them.
refuse_to_lose() {
    local tree dirty
    tree=$(tree_of "$1")
    [ -d "$tree/.git" ] && [ "${FORCE:-no}" = no ] || return 0
    dirty=$(own_git -C "$tree" status --porcelain --untracked-files="${2:-no}" | head -n 5)
    if [ -n "$dirty" ]; then
        die "build/src/$1 has changes that are not committed:
$dirty
       Commit them there and run dev/refresh $1 to keep them, or give --force to lose them."
    fi
    if [ "$(own_git -C "$tree" rev-parse HEAD)" != "$(stamp_get "$1" tip)" ]; then
        die "build/src/$1 has commits that the patch files do not hold.
       Run dev/refresh $1 to write them to $(patch_dir "$1" | sed "s|$TOP/||")/, or give --force to lose them."
    fi
}

unpack() {
    local from=$1 tree=$2
    mkdir -p "$tree"
    if [ -d "$from" ]; then
        if [ -e "$from/.git" ]; then
            own_git -C "$from" archive HEAD | tar -x -C "$tree"
        else
            tar -c -C "$from" . | tar -x -C "$tree"
        fi
    else
        tar -x -C "$tree" --strip-components=1 --no-same-owner -f "$from"
    fi
}

import_tree() {
    local from=$1 tree=$2
    rm -rf "$tree"
    (umask 022; unpack "$from" "$tree")
    own_git -C "$tree" init -q -b main
    # -f: a source's own .gitignore must not hide files of the tarball.
    own_git -C "$tree" add -A -f .
    GIT_AUTHOR_DATE=$IMPORT_DATE GIT_COMMITTER_DATE=$IMPORT_DATE \
        own_git -C "$tree" commit -q -m "Import of the pristine source"
    # Lets people and tools (checkpatch, git log) work there as themselves.
    own_git -C "$tree" config core.looseCompression 1
}

# am_series PROJECT TREE [-3]: apply our series to what TREE has checked out.
am_series() {
    local project=$1 tree=$2 threeway=${3:-} files
    mapfile -t files < <(patch_files "$project")
    [ ${#files[@]} -gt 0 ] || return 0
    if ! own_git -C "$tree" am -q --whitespace=nowarn ${threeway:+"$threeway"} --committer-date-is-author-date \
        --no-gpg-sign "${files[@]}"; then
        own_git -C "$tree" am --abort
        return 1
    fi
}

# git rewrites each file that a series touches, even with the same content.
# Giving such files their old time back keeps the rebuild small.
remember_times() {
    own_git -C "$1" diff --name-only "$2" HEAD | while read -r file; do
        [ -f "$1/$file" ] || continue
        printf '%s %s %s\n' "$(stat -c %Y "$1/$file")" "$(own_git -C "$1" hash-object "$file")" "$file"
    done
}

restore_times() {
    local time sum file
    while read -r time sum file; do
        if [ -f "$1/$file" ] && [ "$(own_git -C "$1" hash-object "$file")" = "$sum" ]; then
            touch -d "@$time" "$1/$file"
        fi
    done
}

apply_series() {
    local project=$1 tree=$2 root=$3 threeway=$4 times
    times=$(remember_times "$tree" "$root")
    own_git -C "$tree" reset -q --hard "$root"
    am_series "$project" "$tree" "$threeway"
    restore_times "$tree" <<<"$times"
}

# prepare_tree PROJECT: import what find_source found, apply the series.
prepare_tree() {
    local project=$1 tree series root threeway='' usual
    tree=$(tree_of "$project")
    series=$(series_hash "$project")
    if [ "$(stamp_get "$project" base)" != "$FOUND_ID" ] || [ ! -d "$tree/.git" ]; then
        refuse_to_lose "$project" normal
        mkdir -p "$SRC"
        rm -f "$(stamp_of "$project")"
        usual='20 s'; [ "$project" = linux ] && usual='1 min'
        step "import-$project" "importing $project from ${FOUND##*/}" "$usual" import_tree "$FOUND" "$tree"
        stamp_put "$project" "$FOUND_ID" none "$(own_git -C "$tree" rev-parse HEAD)" "$(own_git -C "$tree" rev-parse HEAD)"
    fi
    [ "$(stamp_get "$project" series)" != "$series" ] || return 0
    refuse_to_lose "$project"
    root=$(stamp_get "$project" root)
    # On the pinned source the series must apply as it is; elsewhere git may
    # merge, and a conflict still stops.
    [ "$FOUND_NOTE" = pinned ] || threeway=-3
    step "am-$project" "applying $(patch_files "$project" | wc -l) patches to $project" "5 s" \
        apply_series "$project" "$tree" "$root" "$threeway"
    stamp_put "$project" "$FOUND_ID" "$series" "$root" "$(own_git -C "$tree" rev-parse HEAD)"
}

# Every file of ours that goes over QEMU's tree, relative to both.
overlay_files() {
    local dir
    for dir in "${OVERLAY_DIRS[@]}"; do
        [ -d "$TOP/$dir" ] || continue
        (cd "$TOP" && find "$dir" -type f ! -name '*~' ! -name '.*' ! -name '*.orig' ! -name '*.rej')
    done | LC_ALL=C sort
}

# Paths of ours that upstream has as well: forbidden.
overlay_collisions() {
    local tree
    tree=$(tree_of qemu)
    overlay_files | (cd "$tree" && xargs -r git -c safe.directory='*' ls-tree --name-only HEAD --) 2>/dev/null
}

# lay_overlay: link our files in, drop links of files that are gone.
lay_overlay() {
    local tree file old clash
    tree=$(tree_of qemu)
    clash=$(overlay_collisions)
    [ -z "$clash" ] || die "these files of ours exist in QEMU itself; change QEMU by a patch instead:
$clash"
    old=$tree/.git/overlay
    touch "$old"
    overlay_files >"$old.new"
    comm -23 "$old" "$old.new" | while read -r file; do
        [ -L "$tree/$file" ] && rm -f "$tree/$file"
        rmdir -p --ignore-fail-on-non-empty "$tree/$(dirname "$file")" 2>/dev/null || true
    done
    while read -r file; do
        [ -L "$tree/$file" ] && [ "$tree/$file" -ef "$TOP/$file" ] && continue
        if [ -e "$tree/$file" ] && [ ! -L "$tree/$file" ]; then
            die "build/src/qemu/$file is a file where a link to $file belongs; move your work to $file"
        fi
        mkdir -p "$tree/$(dirname "$file")"
        ln -sfnr "$TOP/$file" "$tree/$file"
    done <"$old.new"
    mv -f "$old.new" "$old"
    sed 's|^|/|' "$old" >"$tree/.git/info/exclude"
}
