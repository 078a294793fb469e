/*
 * The T bit of a CPU access, taken from SVM guest mode
 *
 * The only file here that knows a target.  In the lab the emulated CPU runs a
 * host kernel whose guest is the confidential VM, so an access that comes from
 * SVM guest mode stands for one with T=1.  TCG keeps the mode in hflags; other
 * accelerators do not, and all their accesses count as T=0.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/core/cpu.h"
#include "system/tcg.h"
#include "cpu.h"
#include "interface.h"

bool tdisp_cpu_in_guest_mode(void)
{
#ifdef TARGET_I386
    if (tcg_enabled() && current_cpu) {
        return X86_CPU(current_cpu)->env.hflags & HF_GUEST_MASK;
    }
#endif
    return false;
}
