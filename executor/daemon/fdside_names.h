/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fds that are registered, by owner and name.
 *
 * Runs in: daemon.
 * Owns: the fds in it. The table is hashed with a seed of its own, so that nobody can choose names
 *       that make it slow.
 */
#ifndef DAEMON_FDSIDE_NAMES_H
#define DAEMON_FDSIDE_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/fdside.h"

#define NAMES_BUCKETS 1024

struct named {
    struct named *next, **link;       /* of its bucket */
    struct named *next_of, **link_of; /* of whoever brought it */
    uint64_t owner;                   /* peer_owner() */
    int fd;
    bool marked; /* the user's */
    char name[FDSIDE_MAX_NAME + 1];
};

struct names {
    struct named *bucket[NAMES_BUCKETS];
    uint64_t seed;
};

/* Return: 0; negative errno. */
int names_open(struct names *names);

/* Return: 1 to FDSIDE_MAX_NAME letters, digits, . _ - */
bool name_valid(const char *name);

/* Return: NULL: there is none. */
struct named *names_find(const struct names *names, uint64_t owner, const char *name);

/**
 * names_add() - Register
 * @name: valid, and not there yet
 * @fd:   takes on success
 * @list: of the connection, in which it is put first
 *
 * Return: NULL: out of memory
 */
struct named *names_add(struct names *names, uint64_t owner, const char *name, int fd,
                        struct named **list);

/* Closes the fd, and frees. */
void names_remove(struct named *named);

#endif
