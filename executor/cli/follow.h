/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A detached task's output, from the oldest byte that the daemon keeps, on our own: stream 1 on
 * standard output, stream 2 on standard error. How many bytes are lost is told where they are
 * missing.
 *
 * Runs in: cli, on the loop.
 * Owns: nothing; the connection must outlive it.
 */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include <stdbool.h>

#include "client/rpc.h"

struct follow;

struct follow_stream {
    struct follow *follow;
    uint32_t number;
    uint64_t offset; /* of the next byte wanted */
    uint64_t until;  /* where to stop, when it is not followed to its end */
};

struct follow {
    struct rpc *rpc;
    uint64_t task;
    bool to_end; /* wait for what comes; else only what is there */
    struct follow_stream streams[2];
    size_t open; /* streams that are still read */
    bool failed; /* the person has been told */
    /* Once, when nothing more will come; from the loop. */
    void (*ended)(struct follow *follow);
    void *data;
};

/**
 * follow_start() - Begin to read
 * @follow: zeroed but for rpc, task, to_end, ended and data
 * @about:  borrows; the answer to Inspect
 *
 * Return: how many streams there are; 0: none, and ended() will not come; negative errno, and the
 * person has been told
 */
int follow_start(struct follow *follow, const Crib__InspectResponse *about);

#endif
