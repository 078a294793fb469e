#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Prove that our additions to the kernel's user interface are the kernel's.

usage: uapi_equal.py OURS QEMU-LINUX-HEADERS KERNEL-HEADERS

OURS (linux-headers/ of this repository) is laid over QEMU's copy of the
kernel's headers.  Every constant and structure that a header of ours names is
evaluated twice by the compiler: from ours over QEMU's copy, and from the
headers that the patched kernel installs.  Both must exist and agree.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

BASES = ['linux/kvm.h', 'linux/vfio.h', 'linux/iommufd.h']
# What of ours these kernel headers have, QEMU has in other places or not at all.
KERNEL = BASES + ['linux/kvm_para.h', 'linux/tdcm.h']


def names(text):
    """Constants (macros without arguments, enum members) and struct names."""
    macros = re.findall(r'^[ \t]*#[ \t]*define[ \t]+([A-Z]\w+)[ \t]+\S', text, re.M)
    members = re.findall(r'^[ \t]+([A-Z][A-Z0-9_]+)(?:[ \t]*=[^,\n]*)?,[ \t]*(?:/\*.*)?$', text, re.M)
    structs = re.findall(r'^struct\s+(\w+)\s*\{', text, re.M)
    return sorted(set(macros) | set(members)), sorted(set(structs))


def evaluate(includes, paths, constants, structs):
    """Compile and run a program that prints each name with its value."""
    lines = ['#include <stdio.h>']
    lines += [f'#include <{i}>' for i in includes]
    lines += ['int main(void) {']
    lines += [f'printf("{c} %lld\\n", (long long)({c}));' for c in constants]
    lines += [f'printf("struct {s} %zu\\n", sizeof(struct {s}));' for s in structs]
    lines += ['return 0; }']
    with tempfile.TemporaryDirectory() as tmp:
        source = pathlib.Path(tmp, 'values.c')
        source.write_text('\n'.join(lines) + '\n')
        program = pathlib.Path(tmp, 'values')
        flags = [f'-I{p}' for p in paths]
        built = subprocess.run(['gcc', '-w', *flags, str(source), '-o', str(program)],
                               capture_output=True, text=True)
        if built.returncode:
            errors = [e.split('error: ')[1] for e in built.stderr.splitlines() if 'error: ' in e]
            sys.exit(f'{paths[0]} lacks what our headers name:\n' + '\n'.join(errors))
        return subprocess.run([str(program)], capture_output=True, text=True,
                              check=True).stdout.splitlines()


def main():
    ours, qemu, kernel = map(pathlib.Path, sys.argv[1:4])
    headers = sorted(p.relative_to(ours).as_posix() for p in ours.rglob('*.h'))
    text = '\n'.join((ours / h).read_text() for h in headers)
    constants, structs = names(text)
    if not constants:
        sys.exit('no constant found in our headers')
    have = evaluate(BASES + headers, [ours, qemu], constants, structs)
    want = evaluate(KERNEL, [kernel], constants, structs)
    different = [f'ours: {a}; kernel: {b}' for a, b in zip(have, want) if a != b]
    if different:
        sys.exit('\n'.join(different))
    print(f'{len(have)} values equal')


if __name__ == '__main__':
    main()
