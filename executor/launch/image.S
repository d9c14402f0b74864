/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of crib-init. */
    .section .rodata
    .global launch_image, launch_image_end
    .hidden launch_image, launch_image_end
    .balign 16
launch_image:
    .incbin CRIB_INIT_IMAGE
launch_image_end:
    .byte 0
    .section .note.GNU-stack, "", @progbits
