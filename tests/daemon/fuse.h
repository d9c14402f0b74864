/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system in user space with one file, `file`, that answers until it is told to stop: then
 * whoever asks it for anything waits until fuse_stop().
 *
 * Runs in: tests, in a mount namespace of their own.
 * Owns: its mount, and the process that answers.
 * Source: fuse(4)
 */
#ifndef DAEMON_FUSE_H
#define DAEMON_FUSE_H

#include <stdbool.h>
#include <sys/types.h>

struct fuse {
    char dir[256];
    char file[300];
    int fd;       /* /dev/fuse */
    int quiet[2]; /* written to: no more answers */
    pid_t pid;
};

/* Return: whether this process may mount one; else only root may use /dev/fuse here. */
bool fuse_possible(void);

/* Mounts at @dir, an existing empty directory; everybody may look. Fails the test. */
void fuse_start(struct fuse *fuse, const char *dir);

/* From now on nothing is answered. */
void fuse_hang(struct fuse *fuse);

/* Whoever waits gets an error; unmounts. */
void fuse_stop(struct fuse *fuse);

#endif
