/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of crib-compiler. */
    .section .rodata
    .global compiler_bytes, compiler_bytes_end
    .hidden compiler_bytes, compiler_bytes_end
    .balign 16
compiler_bytes:
    .incbin CRIB_COMPILER_IMAGE
compiler_bytes_end:
    .byte 0
    .section .note.GNU-stack, "", @progbits
