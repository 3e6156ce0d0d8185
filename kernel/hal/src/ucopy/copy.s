// Copies between the kernel and user memory. Every instruction that touches user memory lies in a
// range of the table at the end; the trap handler finds the range of the faulting pc there and goes
// on at its fix-up. Each routine exists twice: `_nofault` never asks for the page.
//
// Only the destination pointer moves together with a store (post-index), so a fix-up knows from it
// how much has gone, derives the source from that and goes on byte by byte to the exact end.

    .section .rodata.nacre_uaccess, "a"
    .balign 8
    .globl nacre_uaccess_table
nacre_uaccess_table:

    .section .text.nacre_uaccess, "ax"
    .balign 64

// A table row: start, end, fix-up as offsets from the row's words, and whether the page may be asked for.
    .macro uaccess start, end, fix, may_ask
    .pushsection .rodata.nacre_uaccess, "a"
    .long   \start - .
    .long   \end - .
    .long   \fix - .
    .long   \may_ask
    .popsection
    .endm

// name(x0 dst, x1 src, x2 n) -> x0 bytes not copied
    .macro copy_user name, may_ask
    .globl \name
    .type \name, %function
\name:
    add     x12, x0, x2             // ends
    add     x13, x1, x2
10: cmp     x2, #128
    b.lo    2f
    sub     x15, x13, #128
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
9:  mov     x0, #0
    ret
11: sub     x2, x12, x0             // a fault: byte by byte from where the stores stand
    sub     x1, x13, x2
12: cbz     x2, 13f
    ldrb    w3, [x1], #1
    strb    w3, [x0], #1
    sub     x2, x2, #1
    b       12b
13: sub     x0, x12, x0
    ret
    uaccess 10b, 9b, 11b, \may_ask
    uaccess 12b, 13b, 13b, \may_ask
    .size \name, . - \name
    .endm

    copy_user nacre_copy_user, 1
    copy_user nacre_copy_user_nofault, 0

// name(x0 dst, x1 n) -> x0 bytes not cleared
    .macro zero_user name, may_ask
    .globl \name
    .type \name, %function
\name:
    add     x12, x0, x1
10: cmp     x1, #64
    b.lo    2f
    sub     x3, x12, #64
    and     x1, x1, #63
1:  stp     xzr, xzr, [x0], #16
    stp     xzr, xzr, [x0], #16
    stp     xzr, xzr, [x0], #16
    stp     xzr, xzr, [x0], #16
    cmp     x0, x3
    b.ls    1b
2:  cmp     x1, #8
    b.lo    11f
    str     xzr, [x0], #8
    sub     x1, x1, #8
    b       2b
11: sub     x1, x12, x0
12: cbz     x1, 13f
    strb    wzr, [x0], #1
    sub     x1, x1, #1
    b       12b
13: sub     x0, x12, x0
    ret
    uaccess 10b, 11b, 11b, \may_ask
    uaccess 12b, 13b, 13b, \may_ask
    .size \name, . - \name
    .endm

    zero_user nacre_zero_user, 1
    zero_user nacre_zero_user_nofault, 0

// nacre_copy_cstr(x0 dst, x1 user src, x2 room) -> x0 length without the NUL, or `room` when there
// is none in `room` bytes, or -1: a fault. Aligned words never reach into the next page.
    .globl nacre_copy_cstr
    .type nacre_copy_cstr, %function
nacre_copy_cstr:
    mov     x12, x0
    mov     x13, #0x0101010101010101
1:  cbz     x2, 5f
    tst     x1, #7
    b.eq    3f
2:  ldrb    w3, [x1], #1
    cbz     w3, 5f
    strb    w3, [x0], #1
    sub     x2, x2, #1
    b       1b
3:  cmp     x2, #8
    b.lo    7f
    ldr     x3, [x1]
    sub     x4, x3, x13
    bic     x4, x4, x3
    tst     x4, #0x8080808080808080
    b.ne    4f
    str     x3, [x0], #8
    add     x1, x1, #8
    sub     x2, x2, #8
    b       3b
4:  ldrb    w3, [x1], #1            // the word with the NUL
    cbz     w3, 5f
    strb    w3, [x0], #1
    b       4b
5:  sub     x0, x0, x12
    ret
6:  mov     x0, #-1
    ret
7:  cbz     x2, 5b                  // the words filled the room
    b       2b
    uaccess 1b, 5b, 6b, 1
    .size nacre_copy_cstr, . - nacre_copy_cstr

// Words of the program, for futexes: x0 user address, result through x0 (0: done, 1: fault).
// load(x0, x1 out)   store(x0, w1 value)   cmpxchg(x0, w1 old, w2 new, x3 out)
    .macro user_words suffix, may_ask
    .globl nacre_user_load\suffix
    .type nacre_user_load\suffix, %function
nacre_user_load\suffix:
1:  ldar    w2, [x0]
2:  str     w2, [x1]
    mov     x0, #0
    ret
    uaccess 1b, 2b, 9f, \may_ask

    .globl nacre_user_store\suffix
    .type nacre_user_store\suffix, %function
nacre_user_store\suffix:
1:  stlr    w1, [x0]
2:  mov     x0, #0
    ret
    uaccess 1b, 2b, 9f, \may_ask

    .globl nacre_user_cmpxchg\suffix
    .type nacre_user_cmpxchg\suffix, %function
nacre_user_cmpxchg\suffix:
1:  ldaxr   w4, [x0]
    cmp     w4, w1
    b.ne    2f
    stlxr   w5, w2, [x0]
    cbnz    w5, 1b
2:  str     w4, [x3]
    dmb     ish
    mov     x0, #0
    ret
    uaccess 1b, 2b, 9f, \may_ask
9:  mov     x0, #1
    ret
    .endm

    user_words , 1
    user_words _nofault, 0

    .section .rodata.nacre_uaccess, "a"
    .globl nacre_uaccess_table_end
nacre_uaccess_table_end:
    .text
