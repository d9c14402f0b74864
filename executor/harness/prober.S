/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of the prober. */
    .section .rodata
    .global prober_image, prober_image_end
    .hidden prober_image, prober_image_end
    .balign 16
prober_image:
    .incbin CRIB_PROBER_IMAGE
prober_image_end:
    .byte 0
    .section .note.GNU-stack, "", @progbits
