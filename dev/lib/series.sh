# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Turning commits into patch files and back, with stable bytes: the same
# commits give the same files on every machine.  Needs common.sh and trees.sh.

# The pristine root commit of a tree.
root_of() {
    local root
    root=$(stamp_get "$1" root)
    echo "${root:-$(own_git -C "$(tree_of "$1")" rev-list --max-parents=0 HEAD | tail -n 1)}"
}

# write_series PROJECT TREE OUTDIR: one file for each commit after the root.
# Subjects carry no n/m, so adding a patch does not change the others.
write_series() {
    local project=$1 tree=$2 out=$3 order=()
    # Headers before code, as QEMU's own order file wants it.
    if [ -f "$tree/scripts/git.orderfile" ]; then order=(-O scripts/git.orderfile); fi
    # A heading tells where a hunk of a text is; git's choice may be any line of it.
    (cd "$tree" && own_git -c core.attributesFile="$TOP/dev/lib/series.attributes" \
        -c diff.text.xfuncname='^[0-9]+\.[0-9]+ .*' \
        format-patch -q -N --zero-commit --no-signature --no-base --no-renames \
        --abbrev=12 --diff-algorithm=myers --stat=72 --no-attach --no-cover-letter "${order[@]}" \
        -o "$out" "$(root_of "$project")"..HEAD)
}

# with_scratch PROJECT FUNCTION: run FUNCTION in a scratch worktree of the
# pristine root.  Only the files that the series names are checked out, which
# takes a second instead of the kernel's half minute.
with_scratch() {
    local project=$1 function=$2 tree scratch rc=0
    tree=$(tree_of "$project")
    scratch=$(mktemp -d)
    own_git -C "$tree" worktree prune
    own_git -C "$tree" worktree add -q --detach --no-checkout "$scratch/tree" "$(root_of "$project")"
    {
        echo '/scripts/git.orderfile'
        # How git names the function of a hunk
        echo '/.gitattributes'
        patch_files "$project" | xargs -r sed -n 's|^[-+][-+][-+] [ab]\(/.*\)|\1|p' | sort -u
    } >"$scratch/paths"
    own_git -C "$scratch/tree" sparse-checkout set --no-cone --stdin <"$scratch/paths"
    own_git -C "$scratch/tree" checkout -q --detach "$(root_of "$project")"
    "$function" "$project" "$scratch/tree" || rc=$?
    own_git -C "$tree" worktree remove --force "$scratch/tree"
    rm -rf "$scratch"
    return $rc
}

# replace_series PROJECT NEWDIR: put new files in place of the old ones; the
# cover letter is written by hand and stays.
replace_series() {
    local dir
    dir=$(patch_dir "$1")
    mkdir -p "$dir"
    patch_files "$1" | xargs -r rm -f
    find "$2" -name '*.patch' -exec cp {} "$dir/" \;
}
