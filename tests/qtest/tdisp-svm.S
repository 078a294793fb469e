/*
 * A ROM that reads one device register as a host and as its SVM guest
 *
 * tdisp-test-svm.c runs it under TCG, without any firmware, to see the T bit
 * of both.  It needs nothing but RAM at:
 *
 *   0x200000  in: address of the register, 0: wait
 *   0x200004  out: what the host read
 *   0x200008  out: what the guest read
 *   0x20000c  out: exit code of the guest, 0x81 = VMMCALL
 *   0x200010  out: rounds
 *
 * tdisp-svm-rom.h holds the bytes; to make them anew:
 *   gcc -m32 -c tdisp-svm.S && objcopy -O binary -j .text tdisp-svm.o rom &&
 *   xxd -i rom
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define MAILBOX     0x200000
#define VMCB        0x210000
#define HOST_SAVE   0x211000
#define HOST_STACK  0x213000
#define GUEST_STACK 0x214000

/* The last 512 bytes below 4 GiB */
#define BASE        0xfffffe00
#define AT(label)   (BASE + (label - start))

#define MSR_EFER        0xc0000080
#define EFER_SVME       0x1000
#define MSR_HSAVE_PA    0xc0010117

        .text
        .code32
start:
        mov     $16, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $HOST_STACK, %esp
        mov     $MSR_EFER, %ecx
        rdmsr
        or      $EFER_SVME, %eax
        wrmsr
        mov     $MSR_HSAVE_PA, %ecx
        mov     $HOST_SAVE, %eax
        xor     %edx, %edx
        wrmsr

again:
        mov     MAILBOX, %ebx
        test    %ebx, %ebx
        jz      again
        mov     (%ebx), %eax
        mov     %eax, MAILBOX + 4

        /* A guest without paging, in the host's flat segments */
        mov     $VMCB, %edi
        xor     %eax, %eax
        mov     $1024, %ecx
        cld
        rep stosl
        mov     $VMCB, %edi
        movl    $3, 0x10(%edi)          /* intercept VMRUN and VMMCALL */
        movl    $1, 0x58(%edi)          /* ASID */
        mov     $0x0c930010, %eax
        mov     %eax, 0x400(%edi)       /* ES */
        mov     %eax, 0x420(%edi)       /* SS */
        mov     %eax, 0x430(%edi)       /* DS */
        movl    $0x0c9b0008, 0x410(%edi) /* CS */
        mov     $-1, %eax
        mov     %eax, 0x404(%edi)
        mov     %eax, 0x414(%edi)
        mov     %eax, 0x424(%edi)
        mov     %eax, 0x434(%edi)
        movl    $EFER_SVME, 0x4d0(%edi)
        mov     %cr0, %eax
        mov     %eax, 0x558(%edi)
        movl    $0x400, 0x560(%edi)     /* DR7 */
        movl    $0xffff0ff0, 0x568(%edi) /* DR6 */
        movl    $2, 0x570(%edi)         /* RFLAGS */
        movl    $AT(guest), 0x578(%edi) /* RIP */
        movl    $GUEST_STACK, 0x5d8(%edi) /* RSP */
        mov     %edi, %eax
        vmrun
        mov     VMCB + 0x70, %eax
        mov     %eax, MAILBOX + 12
        incl    MAILBOX + 16
        jmp     again

guest:
        mov     (%ebx), %eax
        mov     %eax, MAILBOX + 8
        vmmcall
        jmp     guest

        .balign 8
gdt:    .quad   0
        .quad   0x00cf9b000000ffff      /* 8: code, flat */
        .quad   0x00cf93000000ffff      /* 16: data, flat */
gdtr:   .word   gdtr - gdt - 1
        .long   AT(gdt)

        .code16
entry:
        cli
        lgdtl   %cs:(AT(gdtr) & 0xffff)
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $8, $AT(start)

        .org    start + 0x1f0           /* the reset vector */
        jmp     entry
        .org    start + 0x200
