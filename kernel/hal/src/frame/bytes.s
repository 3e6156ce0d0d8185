// The kernel's own memory routines: 128 bytes a turn, 18 instructions (0.14 a byte), no FP
// registers. They replace the byte-wise ones of the compiler's library.

    .section .text.nacre_bytes, "ax"
    .balign 64

// memcpy(x0 dst, x1 src, x2 n) -> dst
    .globl memcpy
    .type memcpy, %function
memcpy:
    mov     x14, x0
.Lcopy_forward:
    cmp     x2, #128
    b.lo    2f
    sub     x15, x2, #128
    add     x15, x15, x1            // last source a full turn may start at
    and     x2, x2, #127
1:  ldp     x3, x4, [x1], #16
    ldp     x5, x6, [x1], #16
    ldp     x7, x8, [x1], #16
    ldp     x9, x10, [x1], #16
    stp     x3, x4, [x0], #16
    stp     x5, x6, [x0], #16
    stp     x7, x8, [x0], #16
    stp     x9, x10, [x0], #16
    ldp     x3, x4, [x1], #16
    ldp     x5, x6, [x1], #16
    ldp     x7, x8, [x1], #16
    ldp     x9, x10, [x1], #16
    stp     x3, x4, [x0], #16
    stp     x5, x6, [x0], #16
    stp     x7, x8, [x0], #16
    stp     x9, x10, [x0], #16
    cmp     x1, x15
    b.ls    1b
2:  tbz     x2, #6, 3f
    ldp     x3, x4, [x1], #16
    ldp     x5, x6, [x1], #16
    ldp     x7, x8, [x1], #16
    ldp     x9, x10, [x1], #16
    stp     x3, x4, [x0], #16
    stp     x5, x6, [x0], #16
    stp     x7, x8, [x0], #16
    stp     x9, x10, [x0], #16
3:  tbz     x2, #5, 4f
    ldp     x3, x4, [x1], #16
    ldp     x5, x6, [x1], #16
    stp     x3, x4, [x0], #16
    stp     x5, x6, [x0], #16
4:  tbz     x2, #4, 5f
    ldp     x3, x4, [x1], #16
    stp     x3, x4, [x0], #16
5:  tbz     x2, #3, 6f
    ldr     x3, [x1], #8
    str     x3, [x0], #8
6:  tbz     x2, #2, 7f
    ldr     w3, [x1], #4
    str     w3, [x0], #4
7:  tbz     x2, #1, 8f
    ldrh    w3, [x1], #2
    strh    w3, [x0], #2
8:  tbz     x2, #0, 9f
    ldrb    w3, [x1]
    strb    w3, [x0]
9:  mov     x0, x14
    ret
    .size memcpy, . - memcpy

// memmove(x0 dst, x1 src, x2 n) -> dst
    .globl memmove
    .type memmove, %function
memmove:
    mov     x14, x0
    sub     x3, x0, x1
    cmp     x3, x2
    b.hs    .Lcopy_forward          // dst before src, or beyond its end
    add     x0, x0, x2
    add     x1, x1, x2
1:  cmp     x2, #64
    b.lo    2f
    ldp     x3, x4, [x1, #-16]!
    ldp     x5, x6, [x1, #-16]!
    ldp     x7, x8, [x1, #-16]!
    ldp     x9, x10, [x1, #-16]!
    stp     x3, x4, [x0, #-16]!
    stp     x5, x6, [x0, #-16]!
    stp     x7, x8, [x0, #-16]!
    stp     x9, x10, [x0, #-16]!
    sub     x2, x2, #64
    b       1b
2:  cmp     x2, #8
    b.lo    3f
    ldr     x3, [x1, #-8]!
    str     x3, [x0, #-8]!
    sub     x2, x2, #8
    b       2b
3:  cbz     x2, 4f
    ldrb    w3, [x1, #-1]!
    strb    w3, [x0, #-1]!
    sub     x2, x2, #1
    b       3b
4:  mov     x0, x14
    ret
    .size memmove, . - memmove

// memset(x0 dst, w1 byte, x2 n) -> dst;  nacre_zero(x0 dst, x1 n)
    .globl nacre_zero
    .type nacre_zero, %function
nacre_zero:
    mov     x2, x1
    mov     x1, #0
    .globl memset
    .type memset, %function
memset:
    mov     x14, x0
    and     x1, x1, #0xff
    mov     x3, #0x0101010101010101
    mul     x1, x1, x3
    cmp     x2, #64
    b.lo    2f
    sub     x3, x2, #64
    add     x3, x3, x0
    and     x2, x2, #63
1:  stp     x1, x1, [x0], #16
    stp     x1, x1, [x0], #16
    stp     x1, x1, [x0], #16
    stp     x1, x1, [x0], #16
    cmp     x0, x3
    b.ls    1b
2:  tbz     x2, #5, 3f
    stp     x1, x1, [x0], #16
    stp     x1, x1, [x0], #16
3:  tbz     x2, #4, 4f
    stp     x1, x1, [x0], #16
4:  tbz     x2, #3, 5f
    str     x1, [x0], #8
5:  tbz     x2, #2, 6f
    str     w1, [x0], #4
6:  tbz     x2, #1, 7f
    strh    w1, [x0], #2
7:  tbz     x2, #0, 8f
    strb    w1, [x0]
8:  mov     x0, x14
    ret
    .size memset, . - memset

// nacre_zero_page(x0 page): by cache lines, whatever their size; stores where `dc zva` is off.
    .globl nacre_zero_page
    .type nacre_zero_page, %function
nacre_zero_page:
    mrs     x1, dczid_el0
    add     x3, x0, #4096
    cmp     x1, #4                  // 64-byte lines
    b.ne    2f
1:  dc      zva, x0
    add     x0, x0, #64
    dc      zva, x0
    add     x0, x0, #64
    dc      zva, x0
    add     x0, x0, #64
    dc      zva, x0
    add     x0, x0, #64
    dc      zva, x0
    add     x0, x0, #64
    dc      zva, x0
    add     x0, x0, #64
    dc      zva, x0
    add     x0, x0, #64
    dc      zva, x0
    add     x0, x0, #64
    cmp     x0, x3
    b.lo    1b
    ret
2:  tbnz    x1, #4, 4f
    and     x1, x1, #15
    mov     x2, #4
    lsl     x2, x2, x1
3:  dc      zva, x0
    add     x0, x0, x2
    cmp     x0, x3
    b.lo    3b
    ret
4:  stp     xzr, xzr, [x0], #16
    stp     xzr, xzr, [x0], #16
    stp     xzr, xzr, [x0], #16
    stp     xzr, xzr, [x0], #16
    cmp     x0, x3
    b.lo    4b
    ret
    .size nacre_zero_page, . - nacre_zero_page

// memcmp(x0 a, x1 b, x2 n) -> w0;  bcmp the same
    .globl memcmp
    .type memcmp, %function
    .globl bcmp
    .type bcmp, %function
memcmp:
bcmp:
1:  subs    x2, x2, #8
    b.lo    3f
    ldr     x3, [x0], #8
    ldr     x4, [x1], #8
    cmp     x3, x4
    b.eq    1b
    rev     x3, x3
    rev     x4, x4
    cmp     x3, x4
    cset    w0, hi
    csinv   w0, w0, wzr, hs
    ret
3:  adds    x2, x2, #8
    b.eq    5f
4:  ldrb    w3, [x0], #1
    ldrb    w4, [x1], #1
    subs    w5, w3, w4
    b.ne    6f
    subs    x2, x2, #1
    b.ne    4b
5:  mov     w0, #0
    ret
6:  mov     w0, w5
    ret
    .size memcmp, . - memcmp
