// The code of the vDSO. It runs in user mode, at CODE_AT of a page that stands right above the data page:
// sequence (odd while the kernel writes), nanoseconds a tick (32.32), offset of the wall clock.

.equ DATA, {code_at} + 4096
.equ CLOCK_GETRES, 114
.equ CLOCK_GETTIME, 113
.equ GETTIMEOFDAY, 169
.equ RT_SIGRETURN, 139

.section .rodata.vdso, "a"
.balign 16
.global vdso_code
vdso_code:

// x8: nanoseconds since the machine started; x5: the wall clock's offset. Clobbers x2 to x9.
.macro now
1:  ldr     w3, [x2]
    tbnz    w3, #0, 1b
    dmb     ishld
    ldp     x4, x5, [x2, #8]
    isb
    mrs     x6, cntvct_el0
    dmb     ishld
    ldr     w7, [x2]
    cmp     w3, w7
    b.ne    1b
    mul     x8, x6, x4
    umulh   x9, x6, x4
    extr    x8, x9, x8, #32
.endm

.global vdso_clock_gettime
vdso_clock_gettime:
    cmp     w0, #7
    b.hi    3f
    mov     w3, #0xd2               // 1, 4, 6, 7: monotonic, raw, coarse, boot
    mov     w4, #0x21               // 0, 5: real, coarse
    lsr     w3, w3, w0
    lsr     w4, w4, w0
    adr     x2, vdso_code - DATA
    tbnz    w3, #0, 2f
    tbz     w4, #0, 3f
    now
    add     x8, x8, x5
    b       4f
2:  now
4:  mov     w3, #0xca00             // 1,000,000,000
    movk    w3, #0x3b9a, lsl #16
    udiv    x4, x8, x3
    msub    x5, x4, x3, x8
    stp     x4, x5, [x1]
    mov     w0, #0
    ret
3:  mov     x8, #CLOCK_GETTIME
    svc     #0
    ret
.global vdso_clock_gettime_end
vdso_clock_gettime_end:

.balign 16
.global vdso_gettimeofday
vdso_gettimeofday:
    cbnz    x1, 3f                  // time zones are the kernel's
    cbz     x0, 4f
    adr     x2, vdso_code - DATA
    now
    add     x8, x8, x5
    mov     w3, #0xca00
    movk    w3, #0x3b9a, lsl #16
    udiv    x4, x8, x3
    msub    x5, x4, x3, x8
    mov     w3, #1000
    udiv    x5, x5, x3
    stp     x4, x5, [x0]
4:  mov     w0, #0
    ret
3:  mov     x8, #GETTIMEOFDAY
    svc     #0
    ret
.global vdso_gettimeofday_end
vdso_gettimeofday_end:

.balign 16
.global vdso_clock_getres
vdso_clock_getres:
    cmp     w0, #7
    b.hi    3f
    mov     w3, #0x93               // 0, 1, 4, 7: a nanosecond
    lsr     w3, w3, w0
    tbz     w3, #0, 3f
    cbz     x1, 2f
    mov     x3, #1
    stp     xzr, x3, [x1]
2:  mov     w0, #0
    ret
3:  mov     x8, #CLOCK_GETRES
    svc     #0
    ret
.global vdso_clock_getres_end
vdso_clock_getres_end:

// Unwinders know a signal frame by these two instructions, and look at the one before.
.balign 16
    nop
.global vdso_rt_sigreturn
vdso_rt_sigreturn:
    mov     x8, #RT_SIGRETURN
    svc     #0
.global vdso_code_end
vdso_code_end:
