/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to an opener, and what of its answers is believed. No loop, no process.
 *
 * Theory of operation: a talk is one request, in as many asks as it takes. An answer is taken only
 * if it is about what was asked, in the order that was asked, with as many fds as it says. What it
 * says of a file may be wrong, but then the client has deceived itself: it is the client's process.
 *
 * Runs in: daemon.
 * Owns: copies of what is asked for; what has been received until it is taken.
 */
#ifndef DAEMON_OPENER_TALK_H
#define DAEMON_OPENER_TALK_H

#include "daemon/opener.h"
#include "wire/packet.h"

struct opener_talk {
    struct arena copies; /* of these two: */
    char **paths;
    struct opener_file *files;
    size_t count, n_files;
    size_t files_bytes; /* that the files take in an ask */

    struct arena *arena; /* the asker's; both untouched after opener_talk_done() */
    Crib__Host *host;
    size_t first; /* of host->paths is the first of these */

    size_t told;                 /* paths that have been answered */
    size_t asked;                /* behind these, that are asked for now */
    bool asked_files;            /* and the files */
    struct opener_answer answer; /* so far */
};

/* Return: 0; -EINVAL; -E2BIG; -ENAMETOOLONG; -ENOMEM. Arguments as for opener_ask(). */
int opener_talk_init(struct opener_talk *talk, const char *const *paths, size_t count,
                     const struct opener_file *files, size_t n_files, struct arena *arena,
                     Crib__Host *host, struct crib_error *err);

/* Return: bytes of the next ask, packed at @packet (PACKET_MAX_BYTES). */
size_t opener_talk_ask(struct opener_talk *talk, uint8_t *packet);

/**
 * opener_talk_take() - One answer
 * @fds: takes, also on an error
 *
 * Return: 1 all is answered, talk->answer is complete; 0 ask on; -EPROTO an answer to something
 * else; -ENOMEM
 */
int opener_talk_take(struct opener_talk *talk, const uint8_t *packet, size_t len, const int *fds,
                     size_t nfds);

/* Drops what was received: the answer is @code alone, and the host is as it was. */
void opener_talk_fail(struct opener_talk *talk, int code);

/* Return: the answer for its receiver. */
struct opener_answer opener_talk_answer(struct opener_talk *talk);

void opener_talk_done(struct opener_talk *talk);

#endif
