/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of one case: all that it may be judged by.
 *
 * Runs in: crib.
 * Owns: everything it points to, the box excepted.
 */
#ifndef HARNESS_FINDINGS_H
#define HARNESS_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "harness/box.h"
#include "task.pb-c.h"

#define FINDINGS_MESSAGES      4096               /* received; more end the task */
#define FINDINGS_MESSAGE_BYTES (64 * 1024 * 1024) /* of all their payloads */

struct findings_message {
    const char *type;
    const void *data;
    size_t len;
};

struct findings {
    struct arena arena;
    int verdict;      /* enum crib_verdict; CRIB_OUTPUT also where we have ended it for that */
    int status;       /* -1: none */
    int signal;       /* 0: none */
    char error[1024]; /* the sentence of what went wrong with the task; empty: nothing */
    uint64_t wall_us, cpu_us;
    uint64_t peak_memory; /* bytes */
    struct buf out, err;
    struct findings_message *messages;
    size_t message_count, message_bytes;
    const Crib__Result *result; /* receipt and denials; NULL: the task was never made */
    const struct box *box;      /* NULL: none */
};

#endif
