# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The gates of dev/check that are about documentation; see gates.sh.

has_sphinx() {
    "$PYTHON" -c 'import sphinx, sphinx_rtd_theme' 2>/dev/null ||
        { echo 'python3-sphinx and python3-sphinx-rtd-theme are not installed'; return 1; }
}

# sphinx FROM TO: a warning is an error, as in QEMU's own build.
sphinx() {
    "$PYTHON" -m sphinx -q -W --keep-going -Dversion="$(pinned_version qemu)" -Drelease= \
        -b html -d "$2.doctrees" "$1" "$2"
}

# A page of QEMU's own that one of ours leads to: its title is enough.
stub_page() {
    local dir=$1 page=$2
    [ ! -e "$dir/docs/$page.rst" ] && [ -e "$(tree_of qemu)/docs/$page.rst" ] || return 0
    mkdir -p "$dir/docs/$(dirname "$page")"
    printf '%s\n' ':orphan:' '' "$page" "${page//?/=}" >"$dir/docs/$page.rst"
}

# doc_tree DIR: QEMU's documentation as if it had no pages but ours, which takes
# seconds to build instead of a minute.
doc_tree() {
    local dir=$1 tree file link
    tree=$(tree_of qemu)
    mkdir -p "$dir/docs/interop"
    ln -s "$tree"/{qapi,scripts,ui,VERSION} "$dir/"
    ln -s "$tree"/docs/{conf.py,defs.rst.inc,sphinx,sphinx-static,_templates} "$dir/docs/"
    while read -r file; do
        mkdir -p "$dir/$(dirname "$file")"
        ln -s "$TOP/$file" "$dir/$file"
    done < <(overlay_files | grep '^docs/.*\.rst$')
    while IFS=: read -r file link; do
        case $link in
        /*) stub_page "$dir" "${link#/}" ;;
        *) stub_page "$dir" "$(realpath -m --relative-to=/ "/$(dirname "${file#"$dir"/docs/}")/$link")" ;;
        esac
    done < <(grep -RHo ':doc:`[^`<]*`' "$dir/docs/" --include='*.rst' --dereference-recursive |
        sed 's/:doc:`\(.*\)`$/\1/' | sort -u)
    printf '%s\n' 'QMP' === '' '.. qapi-doc:: qapi/tdi.json' '   :namespace: QMP' >"$dir/docs/interop/qemu-qmp-ref.rst"
    {
        printf '%s\n' 'Pages' ===== '' '.. toctree::' '   :glob:' ''
        printf '   %s\n' 'devel/*' 'interop/*' 'specs/*' 'system/devices/*' 'tools/*'
    } >"$dir/docs/index.rst"
}

gate_docs() {
    local bad=0 dir=$BUILD/doc-tree remark
    "$PYTHON" "$TOP/dev/lib/doc_messages.py" "$TOP" || bad=1
    "$PYTHON" "$TOP/dev/lib/doc_blocks.py" "$TOP" || bad=1
    [ $bad = 0 ] || return 1
    [ -d "$(tree_of qemu)/.git" ] || { echo 'no build/src/qemu'; return 77; }
    remark=$(has_sphinx) || { echo "$remark"; return 77; }
    rm -rf "$dir"
    doc_tree "$dir"
    sphinx "$dir/docs" "$dir/html" || return 1
    echo "$(find "$dir/docs/" -type l -name '*.rst' | wc -l) pages"
    rm -rf "$dir" "$dir.doctrees"
}

# All of QEMU's documentation with ours in its place.
gate_all_docs() {
    local remark
    remark=$(has_sphinx) || { echo "$remark"; return 77; }
    sphinx "$(tree_of qemu)/docs" "$BUILD/html" || return 1
    echo 'build/html/index.html'
}
