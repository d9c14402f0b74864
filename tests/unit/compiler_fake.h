/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways in which the fake compiler is no good. Its image ends in one byte that says which.
 *
 * Runs in: tests.
 */
#ifndef UNIT_COMPILER_FAKE_H
#define UNIT_COMPILER_FAKE_H

enum fake {
    FAKE_HONEST,
    FAKE_INVERTED,   /* a hit is a miss, and a miss is a hit */
    FAKE_FORGETFUL,  /* leaves out the last call of each section */
    FAKE_ORDERED,    /* gives libseccomp `lseek` with two ordered comparisons instead */
    FAKE_CARELESS,   /* compares 64 bits where the kernel looks at 32 */
    FAKE_GENEROUS,   /* allows everything in a section's own name */
    FAKE_ASTRAY,     /* a jump leads out of the program */
    FAKE_CURIOUS,    /* looks at an argument that no rule names */
    FAKE_LOAD,       /* does what no filter does */
    FAKE_LONG,       /* 5000 instructions */
    FAKE_EMPTY,      /* a program of none */
    FAKE_UNEVEN,     /* of one and a half */
    FAKE_FEW,        /* a program too few */
    FAKE_MANY,       /* and one too many */
    FAKE_BUSY,       /* computes for ever */
    FAKE_EVIL,       /* has libseccomp compute for ever: three ordered rules on getpgid */
    FAKE_SILENT,     /* ends without a word */
    FAKE_LATE,       /* the same, after a while */
    FAKE_KILLED,     /* is killed */
    FAKE_HALF,       /* ends in the middle of its answer */
    FAKE_HEAD,       /* ends in the middle of its length */
    FAKE_GARBAGE,    /* an answer of bytes at random */
    FAKE_HUGE,       /* promises 4 GiB */
    FAKE_ENDLESS,    /* and never stops */
    FAKE_DEAF,       /* answers before it has been asked, and reads nothing */
    FAKE_EXCUSE,     /* says that it failed, honestly */
    FAKE_ODD_EXCUSE, /* with a code and a reason that do not exist */
    FAKE_BOXED,      /* looks at its box; an excuse of EXDEV when it is tight */
};

#endif
