// Exception vectors. While a program runs, the stack pointer is the address of its Registers, whose last
// word is the kernel's stack pointer. A system call saves what the program has and calls the kernel there and
// then, above the frame of `enter_user`; what the callee preserves (x19 to x28), the stack pointer and the
// thread pointer are still the program's when it returns. Anything else makes `enter_user` return what came:
// 0 synchronous, 1 interrupt, 2 system error, 3 a call after which there is something to look at.
// From the kernel: a frame of 34 words on the stack. Offsets: see `Registers`, `Head`, `KernelFrame`.

.equ REGS_X18, 144
.equ REGS_X29, 232
.equ REGS_SP, 240                   // x30 and sp
.equ REGS_PC, 256                   // pc and pstate
.equ REGS_TLS, 272                  // tls and the kernel's stack pointer
.equ HEAD_WISHES, 8
.equ HEAD_USER_TICKS, 16
.equ EC_SVC64, 0x15

.macro vector name
    .balign 0x80
    b       \name
.endm

// The program's registers but tls; x29: the kernel's stack pointer, sp still at the Registers.
.macro save_user
    stp     x0, x1, [sp]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x1, sp_el0
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x30, x1, [sp, #REGS_SP]
    stp     x2, x3, [sp, #REGS_PC]
    ldr     x29, [sp, #REGS_TLS + 8]
.endm

// The program's stay ends: the counter's reading is added to what was subtracted when it began.
.macro left_user
    mrs     x3, cntvct_el0
    mrs     x4, tpidr_el1
    ldr     x5, [x4, #HEAD_USER_TICKS]
    add     x5, x5, x3
    str     x5, [x4, #HEAD_USER_TICKS]
.endm

.macro vector_el0 kind
    .balign 0x80
    save_user
    mov     x0, #\kind
    b       from_user
.endm

.section .vectors, "ax"
.balign 0x800
.global vectors
vectors:
    vector  el1_bad
    vector  el1_bad
    vector  el1_bad
    vector  el1_bad
    vector  el1_sync
    vector  el1_irq
    vector  el1_bad
    vector  el1_serror
    .balign 0x80
    save_user
    mrs     x0, esr_el1
    mov     x19, sp
    mov     sp, x29
    lsr     x0, x0, #26
    b       el0_sync
    vector_el0 1
    vector_el0 1
    vector_el0 2
    vector  el1_bad
    vector  el1_bad
    vector  el1_bad
    vector  el1_bad

el0_sync:
    left_user
    cmp     x0, #EC_SVC64
    b.ne    not_a_call
    ldp     x2, x0, [x29, #96]
    mov     x1, x19
    msr     daifclr, #2
    blr     x2
    msr     daifset, #2
    mrs     x0, tpidr_el1
    ldp     x1, x2, [x0, #HEAD_WISHES]
    cbnz    x1, come_back
    mrs     x3, cntvct_el0
    sub     x2, x2, x3
    str     x2, [x0, #HEAD_USER_TICKS]
    mov     sp, x19
    ldp     x2, x3, [sp, #REGS_PC]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x29, x30, [sp, #REGS_X29]
    ldp     x18, x19, [sp, #REGS_X18]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp]
    eret

come_back:
    mov     x0, #3
    b       leave
not_a_call:
    mov     x0, #0
    b       leave
from_user:
    mov     x19, sp
    mov     sp, x29
    left_user
leave:
    mrs     x1, tpidr_el0
    str     x1, [x19, #REGS_TLS]
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #112
    ret

// x0: the Registers, x1: what a system call calls, with x2 and the Registers. Interrupts are off.
.section .text.hot.enter_user, "ax"
.global enter_user
enter_user:
    stp     x29, x30, [sp, #-112]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    stp     x1, x2, [sp, #96]
    mov     x6, sp
    mrs     x7, tpidr_el1
    ldr     x8, [x7, #HEAD_USER_TICKS]
    mrs     x9, cntvct_el0
    sub     x8, x8, x9
    str     x8, [x7, #HEAD_USER_TICKS]
    ldp     x30, x1, [x0, #REGS_SP]
    ldp     x2, x3, [x0, #REGS_PC]
    ldr     x4, [x0, #REGS_TLS]
    str     x6, [x0, #REGS_TLS + 8]
    msr     sp_el0, x1
    msr     elr_el1, x2
    msr     spsr_el1, x3
    msr     tpidr_el0, x4
    mov     sp, x0
    ldp     x28, x29, [sp, #224]
    ldp     x26, x27, [sp, #208]
    ldp     x24, x25, [sp, #192]
    ldp     x22, x23, [sp, #176]
    ldp     x20, x21, [sp, #160]
    ldp     x18, x19, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp]
    eret

// A kernel frame, unless the stack has run into its guard: bit 14 of every stack address is set.
.macro el1_enter
    sub     sp, sp, #288
    add     sp, sp, x0
    sub     x0, sp, x0
    tbz     x0, #14, stack_overflow
    sub     x0, sp, x0
    sub     sp, sp, x0
    stp     x0, x1, [sp]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    add     x1, sp, #288
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x30, x1, [sp, #240]
    stp     x2, x3, [sp, #256]
    stp     x29, x2, [sp, #272]     // a frame record: backtraces walk through
    add     x29, sp, #272
    mov     x0, sp
.endm

.section .text.hot.el1, "ax"
el1_sync:
    el1_enter
    bl      {sync}
    b       el1_leave
el1_irq:
    el1_enter
    bl      {irq}
el1_leave:
    ldp     x2, x3, [sp, #256]
    ldr     x30, [sp, #240]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x28, x29, [sp, #224]
    ldp     x26, x27, [sp, #208]
    ldp     x24, x25, [sp, #192]
    ldp     x22, x23, [sp, #176]
    ldp     x20, x21, [sp, #160]
    ldp     x18, x19, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp], #288
    eret

el1_bad:
    el1_enter
    mov     x1, #1
    bl      {fatal}
    b       .
el1_serror:
    el1_enter
    mov     x1, #2
    bl      {fatal}
    b       .

// x0 = the stack pointer that ran out, less a frame; sp = that plus the old x0. Nothing can return from
// here, so user registers may go.
stack_overflow:
    sub     x0, sp, x0              // the old x0
    sub     sp, sp, x0
    msr     tpidrro_el0, x0
    msr     tpidr_el0, x1
    mov     x0, sp
    msr     sp_el0, x0
    mrs     x0, tpidr_el1
    ldr     w0, [x0, #4]
    adrp    x1, {emergency}
    add     x1, x1, :lo12:{emergency}
    ldr     x0, [x1, w0, uxtw #3]
    mov     sp, x0
    mrs     x0, tpidrro_el0
    mrs     x1, tpidr_el0
    el1_enter
    mrs     x1, sp_el0
    add     x1, x1, #288
    str     x1, [sp, #248]
    mov     x1, #3
    bl      {fatal}
    b       .

// x0: where the old stack pointer goes, x1: the new stack pointer. Then as the new thread: x0 = the old head.
.section .text.hot.switch_stacks, "ax"
.global switch_stacks
switch_stacks:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    mov     x9, sp
    str     x9, [x0]
    mov     sp, x1
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #96
    mov     x0, x2
    ret

// A thread's first moment: x0 = the old head, x19 = its entry, as `KernelStack::new` laid them out.
.global thread_start
thread_start:
    mov     x1, x19
    mov     x2, x20
    mov     x29, xzr
    mov     x30, xzr
    b       {thread}

// 32 vector registers at x0, then fpsr and fpcr.
.arch_extension fp
.arch_extension simd
.global fp_save
fp_save:
    stp     q0, q1, [x0]
    stp     q2, q3, [x0, #32]
    stp     q4, q5, [x0, #64]
    stp     q6, q7, [x0, #96]
    stp     q8, q9, [x0, #128]
    stp     q10, q11, [x0, #160]
    stp     q12, q13, [x0, #192]
    stp     q14, q15, [x0, #224]
    stp     q16, q17, [x0, #256]
    stp     q18, q19, [x0, #288]
    stp     q20, q21, [x0, #320]
    stp     q22, q23, [x0, #352]
    stp     q24, q25, [x0, #384]
    stp     q26, q27, [x0, #416]
    stp     q28, q29, [x0, #448]
    stp     q30, q31, [x0, #480]
    mrs     x1, fpsr
    mrs     x2, fpcr
    add     x0, x0, #512
    stp     w1, w2, [x0]
    ret
.global fp_restore
fp_restore:
    ldp     q0, q1, [x0]
    ldp     q2, q3, [x0, #32]
    ldp     q4, q5, [x0, #64]
    ldp     q6, q7, [x0, #96]
    ldp     q8, q9, [x0, #128]
    ldp     q10, q11, [x0, #160]
    ldp     q12, q13, [x0, #192]
    ldp     q14, q15, [x0, #224]
    ldp     q16, q17, [x0, #256]
    ldp     q18, q19, [x0, #288]
    ldp     q20, q21, [x0, #320]
    ldp     q22, q23, [x0, #352]
    ldp     q24, q25, [x0, #384]
    ldp     q26, q27, [x0, #416]
    ldp     q28, q29, [x0, #448]
    ldp     q30, q31, [x0, #480]
    add     x0, x0, #512
    ldp     w1, w2, [x0]
    msr     fpsr, x1
    msr     fpcr, x2
    ret
