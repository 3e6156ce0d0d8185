/* What fuzz_table calls: the table of system calls by the kinds of their arguments. */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include <stdint.h>

struct call {
    short number;
    /* f descriptor, d directory, p path, s string, b place, v vector of pieces, t times, h messages, n number, F flags,
     * m mode, g signal, P process */
    const char *args;
};
static const struct call table[] = {
    { 5, "psbnF" }, { 6, "psbnF" }, { 7, "fsbnF" }, { 8, "psbn" }, { 9, "psbn" }, { 10, "fsbn" }, { 11, "pbn" },
    { 12, "pbn" }, { 13, "fbn" }, { 14, "ps" }, { 15, "ps" }, { 16, "fs" }, { 17, "bn" }, { 19, "nF" }, { 20, "F" },
    { 21, "fnfb" }, { 22, "fbnnbn" }, { 23, "f" }, { 24, "ffF" }, { 25, "fnn" }, { 26, "F" }, { 27, "fpF" },
    { 28, "fn" }, { 29, "fnb" }, { 30, "nnn" }, { 31, "nn" }, { 32, "fF" }, { 33, "dpmn" }, { 34, "dpm" },
    { 35, "dpF" }, { 36, "pdp" }, { 37, "dpdpF" }, { 38, "dpdp" }, { 43, "pb" }, { 44, "fb" }, { 45, "pn" },
    { 46, "fn" }, { 47, "fFnn" }, { 48, "dpn" }, { 49, "p" }, { 50, "f" }, { 52, "fm" }, { 53, "dpm" },
    { 54, "dpnnF" }, { 55, "fnn" }, { 56, "dpFm" }, { 57, "f" }, { 59, "bF" }, { 61, "fbn" }, { 62, "fnn" },
    { 63, "fbn" }, { 64, "fbn" }, { 65, "fvn" }, { 66, "fvn" }, { 67, "fbnn" }, { 68, "fbnn" }, { 69, "fvnnn" },
    { 70, "fvnnn" }, { 71, "ffbn" }, { 72, "nbbbtb" }, { 73, "bntbn" }, { 74, "fbnF" }, { 75, "fvnF" },
    { 76, "fbfbnF" }, { 77, "ffnF" }, { 78, "dpbn" }, { 79, "dpbF" }, { 80, "fb" }, { 82, "f" }, { 83, "f" },
    { 84, "fnnF" }, { 85, "nn" }, { 86, "fFtt" }, { 87, "ft" }, { 88, "dptF" }, { 90, "bb" }, { 91, "bb" },
    { 92, "n" }, { 95, "nPbFb" }, { 96, "b" }, { 97, "n" }, { 98, "bnnbbn" }, { 99, "bn" }, { 100, "Pbb" },
    { 101, "tt" }, { 102, "nt" }, { 103, "ntt" }, { 107, "nbb" }, { 108, "nt" }, { 109, "n" }, { 110, "nntt" },
    { 111, "n" }, { 113, "nt" }, { 114, "nt" }, { 115, "nntt" }, { 120, "P" }, { 121, "Pb" }, { 122, "Pnb" },
    { 123, "Pnb" }, { 124, "" }, { 125, "n" }, { 126, "n" }, { 127, "Pt" }, { 128, "" }, { 129, "Pg" }, { 130, "Pg" },
    { 131, "PPg" }, { 132, "bb" }, { 133, "bn" }, { 134, "gbbn" }, { 135, "nbbn" }, { 136, "bn" }, { 137, "bbtn" },
    { 138, "Pgb" }, { 141, "nn" }, { 143, "nn" }, { 144, "n" }, { 145, "nn" }, { 146, "n" }, { 147, "nnn" },
    { 148, "bbb" }, { 149, "nnn" }, { 150, "bbb" }, { 151, "n" }, { 152, "n" }, { 153, "b" }, { 154, "PP" },
    { 155, "P" }, { 156, "P" }, { 157, "" }, { 158, "nb" }, { 159, "nb" }, { 160, "b" }, { 163, "nb" }, { 164, "nb" },
    { 165, "nb" }, { 166, "m" }, { 167, "nnnnn" }, { 168, "bbb" }, { 169, "tb" }, { 172, "" }, { 173, "" },
    { 174, "" }, { 175, "" }, { 176, "" }, { 177, "" }, { 178, "" }, { 179, "b" }, { 198, "nnn" }, { 199, "nnnb" },
    { 200, "fbn" }, { 201, "fn" }, { 202, "fbb" }, { 203, "fbn" }, { 204, "fbb" }, { 205, "fbb" }, { 206, "fbnFbn" },
    { 207, "fbnFbb" }, { 208, "fnnbn" }, { 209, "fnnbb" }, { 210, "fn" }, { 211, "fhF" }, { 212, "fhF" },
    { 213, "fnn" }, { 214, "b" }, { 215, "bn" }, { 216, "bnnnb" }, { 220, "nnbnb" }, { 221, "pbb" },
    { 222, "nnnnfn" }, { 223, "fnnn" }, { 226, "bnn" }, { 227, "bnn" }, { 228, "bn" }, { 229, "bn" }, { 230, "n" },
    { 231, "" }, { 232, "bnb" }, { 233, "bnn" }, { 240, "PPgb" }, { 242, "fbbn" }, { 243, "fhnFt" }, { 260, "PbFb" },
    { 261, "Pnbb" }, { 264, "dpbbF" }, { 265, "dbF" }, { 268, "fn" }, { 269, "fhnF" }, { 270, "Pvnvnn" },
    { 271, "Pvnvnn" }, { 272, "PPnnn" }, { 275, "Pbnn" }, { 276, "dpdpF" }, { 278, "bnF" }, { 279, "sn" },
    { 281, "dpbbF" }, { 283, "nnn" }, { 284, "bnn" }, { 285, "fbfbnF" }, { 286, "fvnnnF" }, { 287, "fvnnnF" },
    { 291, "dpFnb" }, { 293, "bnnn" }, { 424, "fgbF" }, { 428, "dpF" }, { 430, "sF" }, { 432, "fFn" }, { 434, "PF" },
    { 435, "bn" }, { 436, "nnF" }, { 437, "dpbn" }, { 438, "ffF" }, { 439, "dpnF" }, { 440, "fvnnF" },
    { 441, "fbntbn" }, { 442, "dpFbn" }, { 448, "fF" }, { 449, "bnFtn" }, { 451, "fbbF" }, { 452, "dpmF" },
    { 454, "bnnF" }, { 455, "bnnFtn" }, { 456, "bFnn" }, { 457, "bbnF" }, { 458, "bbnF" }, { 462, "bnn" },
};

/* Numbers at the edges of types, units and limits. */
static const uint64_t edges[] = {
    INT64_MAX, INT64_MIN, UINT64_MAX, INT64_MAX - 1, INT64_MAX - 4095, INT64_MAX - 4096, INT64_MIN + 1, -4095ul, -4096ul,
    -4097ul, INT32_MAX, (uint64_t)INT32_MIN, 0x80000000ul, UINT32_MAX, 0xfffffffeul, 1ul << 32, (1ul << 32) - 4096,
    1ul << 31, 0x7ffff000, 1ul << 48, (1ul << 48) - 1, (1ul << 48) - 4096, 1ul << 47, 1ul << 52, 1ul << 63, 1ul << 62,
    INT64_MAX / 1000000000, INT64_MAX / 1000000000 + 1, UINT64_MAX / 1000000000, 18446744073ul, 18446744074ul,
    9223372035ul, 9223372036ul, 9223372037ul, 999999999, 1000000000, 999999, 1000000, 4096, 4095, 4097, 65535, 65536,
    65537, 1024, 1023, 1025, 64, 63, 65, 32, 31, 33, 255, 256, 1 << 20, 1 << 16, 1 << 24, 0x7fff, 0x8000, 0xffff,
    INT64_MAX / 4096, INT64_MAX / 512, UINT64_MAX / 512, (1ul << 44), (1ul << 43),
};

/* Commands of cards that are, by their right size. */
static const uint32_t real[] = { 0xc02064b2, 0xc01064b3, 0xc00464b4, 0xc06864a2, 0xc06864a1, 0xc04064a0, 0xc05064a7,
    0xc01c64ae, 0xc06864b8, 0xc00464af, 0xc01864b0, 0xc01c64a3, 0xc02464bb, 0xc03864bc, 0xc02064b6, 0xc01064b5,
    0xc04064aa, 0xc01064ac, 0xc01864ab, 0xc02064b9, 0xc01464ba, 0xc01064bd, 0xc00464be, 0xc02064a4, 0xc02064a5,
    0xc00c642d, 0xc00c642e, 0xc010640c, 0xc010640d, 0x40086409, 0xc01064ad, 0xc018643a, 0xc01064bf, 0xc01064c1,
    0xc01064c2, 0xc02864c3, 0xc01064c4, 0xc01064c5, 0xc02064ca, 0xc01864cd, 0xc02864cb, 0xc01864cc };

/* Commands of files, sockets, terminals and devices. */
static const uint32_t words[] = { 0x541b, 0x5421, 0x5450, 0x5451, 0x5452, 0x5460, 0x40045431, 0x80045430, 0x5441,
    0x402c542b, 0x802c542a, 0xc020660b, 0x40305828, 0x4030582a, 0x80086601, 0x40086602, 0x40049409, 0x40089409, 0x1260,
    0x1268, 0x80081272, 0x127b, 0xc0045877, 0xc0045878, 0x40086200, 0x40086201, 0xb701, 0xb702, 0xc0105512, 0x5206,
    0x80045200, 0x40085203, 0x7002, 0x80247009, 0x7003, 0x541c };

#endif
