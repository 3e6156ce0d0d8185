// The first instructions: the arm64 boot header, EL2 to EL1, translation on, into Rust.
// Entered with the MMU off, at any 2 MiB boundary, x0 = device tree (physical). Until translation is
// on, memory is device memory: no unaligned access, no exclusives.

.equ ATTR_NORMAL, 0 << 2
.equ PAGE,        0x3
.equ BLOCK,       0x1
.equ TABLE,       0x3
.equ AF_ISH,      (1 << 10) | (3 << 8)
.equ RO,          1 << 7
.equ PXN,         1 << 53
.equ UXN,         1 << 54

.section .head, "ax"
.global _start_header
_start_header:
    b       primary_entry
    .long   0
    .quad   0                       // text_offset
    .quad   _image_size
    .quad   0xa                     // little endian, 4 KiB pages, anywhere in memory
    .quad   0
    .quad   0
    .quad   0
    .ascii  "ARM\x64"
    .long   0

primary_entry:
    msr     daifset, #0xf
    mov     x20, x0                 // device tree
    adrp    x21, _start             // where we are
    bl      to_el1

    adrp    x0, __tables_start
    adrp    x1, __tables_end
    bl      discard_cache
1:  stp     xzr, xzr, [x0], #16
    stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    1b

    // The identity map: the gigabyte this code runs in.
    adrp    x0, __idmap_l0
    adrp    x1, __idmap_l1
    lsr     x2, x21, #39
    orr     x3, x1, #TABLE
    str     x3, [x0, x2, lsl #3]
    ubfx    x2, x21, #30, #9
    lsr     x3, x21, #30
    lsl     x3, x3, #30
    ldr     x4, =(BLOCK | ATTR_NORMAL | AF_ISH)
    orr     x3, x3, x4
    str     x3, [x1, x2, lsl #3]

    // The kernel's own map. Level 0 entry 511, level 1 entry 510, level 2 entries 0 and 1.
    adrp    x0, __kernel_l0
    adrp    x1, __kernel_l1
    orr     x3, x1, #TABLE
    str     x3, [x0, #(511 * 8)]
    adrp    x0, __kernel_l2
    orr     x3, x0, #TABLE
    str     x3, [x1, #(510 * 8)]
    adrp    x1, __kernel_l3
    orr     x3, x1, #TABLE
    str     x3, [x0]
    add     x3, x3, #4096
    str     x3, [x0, #8]

    // x1: next entry, x21..: next page. Text may be executed, read-only data read, data written.
    mov     x2, x21
    ldr     x4, =(PAGE | AF_ISH | RO | UXN)
    adrp    x5, _etext
    bl      fill
    ldr     x4, =(PAGE | AF_ISH | RO | UXN | PXN)
    adrp    x5, _erodata
    bl      fill
    ldr     x4, =(PAGE | AF_ISH | UXN | PXN)
    adrp    x5, _boot_guard
    bl      fill
    add     x2, x2, #4096           // the guard page of the boot stack stays unmapped
    add     x1, x1, #8
    adrp    x5, _end
    bl      fill

    adrp    x0, __tables_start
    adrp    x1, __tables_end
    bl      discard_cache

    ldr     x22, =primary_high
    b       enable_mmu

// Writes page entries at x1 for x2 up to x5 with attributes x4. A section may be empty.
fill:
    cmp     x2, x5
    b.hs    2f
1:  orr     x3, x2, x4
    str     x3, [x1], #8
    add     x2, x2, #4096
    cmp     x2, x5
    b.lo    1b
2:  ret

// Drops cached lines of x0 up to x1: what a boot loader left would hide or overwrite ours.
discard_cache:
    mov     x2, x0
    dmb     sy
1:  dc      ivac, x2
    add     x2, x2, #16
    cmp     x2, x1
    b.lo    1b
    dsb     sy
    ret

// From EL2 to EL1 with nothing of EL2 left in the way; at EL1 already: nothing. Clobbers x0, x1.
to_el1:
    mrs     x0, currentel
    cmp     x0, #(2 << 2)
    b.eq    1f
    movz    x0, #0x30d0, lsl #16
    movk    x0, #0x0800
    msr     sctlr_el1, x0
    isb
    ret
1:  mov     x0, #0x33ff             // no trap of floating point
    msr     cptr_el2, x0
    mov     x0, #(1 << 31)          // EL1 is 64-bit
    orr     x0, x0, #(3 << 40)      // pointer authentication is EL1's own business
    msr     hcr_el2, x0
    isb
    mov     x0, #3                  // physical timer and counter for EL1
    msr     cnthctl_el2, x0
    msr     cntvoff_el2, xzr
    msr     hstr_el2, xzr
    msr     vttbr_el2, xzr
    mrs     x0, id_aa64dfr0_el1
    ubfx    x1, x0, #8, #4          // PMUVer
    cbz     x1, 2f
    cmp     x1, #15
    b.eq    2f
    mrs     x1, pmcr_el0
    ubfx    x1, x1, #11, #5         // all event counters are EL1's
    msr     mdcr_el2, x1
    b       3f
2:  msr     mdcr_el2, xzr
3:  mrs     x0, midr_el1
    msr     vpidr_el2, x0
    mrs     x0, mpidr_el1
    msr     vmpidr_el2, x0
    mrs     x0, id_aa64pfr0_el1
    ubfx    x0, x0, #24, #4         // the interrupt controller's system registers
    cbz     x0, 4f
    mrs     x0, S3_4_C12_C9_5       // ICC_SRE_EL2
    orr     x0, x0, #1              // SRE
    orr     x0, x0, #8              // Enable
    msr     S3_4_C12_C9_5, x0
    isb
    mrs     x0, S3_4_C12_C9_5
    tbz     x0, #0, 4f
    msr     S3_4_C12_C11_0, xzr     // ICH_HCR_EL2
4:  mrs     x0, id_aa64mmfr0_el1
    ubfx    x0, x0, #56, #4         // fine-grained traps: none
    cbz     x0, 5f
    msr     S3_4_C1_C1_4, xzr       // HFGRTR_EL2
    msr     S3_4_C1_C1_5, xzr       // HFGWTR_EL2
    msr     S3_4_C1_C1_6, xzr       // HFGITR_EL2
    msr     S3_4_C3_C1_4, xzr       // HDFGRTR_EL2
    msr     S3_4_C3_C1_5, xzr       // HDFGWTR_EL2
5:  movz    x0, #0x30d0, lsl #16    // EL1 starts with translation off
    movk    x0, #0x0800
    msr     sctlr_el1, x0
    mov     x0, #0x3c5              // EL1h, everything masked
    msr     spsr_el2, x0
    msr     elr_el2, x30
    eret

// Turns translation on and goes to x22 (virtual). Keeps x19 and up.
enable_mmu:
    adrp    x0, __idmap_l0
    adrp    x1, __kernel_l0
    msr     ttbr0_el1, x0
    msr     ttbr1_el1, x1
    ldr     x0, =0x044400ff         // 0 write-back, 1 nGnRnE, 2 non-cacheable, 3 nGnRE
    msr     mair_el1, x0
    // 48 bits each half, 4 KiB, inner shareable write-back walks, user top byte ignored.
    ldr     x0, ={tcr}
    mrs     x1, id_aa64mmfr0_el1
    and     x2, x1, #0xf            // physical address size, at most 48 bits
    cmp     x2, #5
    mov     x3, #5
    csel    x2, x2, x3, ls
    orr     x0, x0, x2, lsl #32
    ubfx    x2, x1, #4, #4          // 16-bit address space numbers where there are such
    cmp     x2, #2
    b.ne    1f
    orr     x0, x0, #(1 << 36)
1:  msr     tcr_el1, x0
    tlbi    vmalle1
    dsb     nsh
    isb

    ldr     x0, ={sctlr}
    mrs     x1, id_aa64mmfr1_el1
    ubfx    x1, x1, #20, #4         // PAN: set at every exception where the processor has it
    cbz     x1, 2f
    bic     x0, x0, #(1 << 23)
2:  ic      iallu
    dsb     nsh
    isb
    msr     sctlr_el1, x0
    isb

    msr     cpacr_el1, xzr          // floating point traps at first use
    msr     mdscr_el1, xzr
    msr     oslar_el1, xzr
    mov     x0, #2                  // EL0 may read the virtual counter
    msr     cntkctl_el1, x0
    msr     cntv_ctl_el0, xzr
    msr     tpidrro_el0, xzr
    mrs     x0, id_aa64dfr0_el1
    ubfx    x1, x0, #8, #4
    cbz     x1, 3f
    cmp     x1, #15
    b.eq    3f
    msr     pmuserenr_el0, xzr
3:  ldr     x0, =vectors
    msr     vbar_el1, x0
    isb
    br      x22

primary_high:
    ldr     x0, =__bss_start
    ldr     x1, =__bss_end
1:  cmp     x0, x1
    b.hs    2f
    stp     xzr, xzr, [x0], #16
    b       1b
2:  ldr     x0, =__boot_stack_top
    mov     sp, x0
    mov     x0, x20
    mov     x1, x21
    mov     x29, xzr
    mov     x30, xzr
    b       {start}

// Another processor, from PSCI: x0 points (virtually) to its stack top and its head.
.global secondary_entry
secondary_entry:
    msr     daifset, #0xf
    mov     x20, x0
    bl      to_el1
    ldr     x22, =secondary_high
    b       enable_mmu

secondary_high:
    ldp     x0, x1, [x20]
    mov     sp, x0
    msr     tpidr_el1, x1
    mov     x0, x20
    mov     x29, xzr
    mov     x30, xzr
    b       {secondary}
.ltorg
