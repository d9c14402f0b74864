/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task has changed in an overlay: its upper directory, held against the source.
 *
 * Theory of operation: the upper directory is walked without recursion, one directory open at a
 * time, each by its path beneath the top and through no symlink. It is the task's: nothing in it is
 * believed, every path is bounded, and no file is opened before it was seen to be a regular one. A
 * whiteout is a character device 0:0; a directory marked opaque hides what the source has there,
 * and so does each below it, which the kernel does not mark. What was only copied up and is the
 * same is no change; what crib made there to mask a name is none either.
 *
 * Runs in: library, on any thread.
 * Owns: nothing; what it finds lives in the caller's arena.
 * Source: Documentation/filesystems/overlayfs.rst of the kernel
 */
#ifndef SUPERVISE_CHANGES_H
#define SUPERVISE_CHANGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "task.pb-c.h"

#define CHANGES_MOST (1u << 20) /* of one overlay; more are an error, and nothing is committed */

/* A regular file that crib makes so that a name can be masked: empty, and with this mode, which
 * nobody else gives a file. init/masks.c makes the same. */
#define PLACEHOLDER_MODE (S_IFREG | 01400)

struct change {
    const char *path; /* beneath the top, without a slash before it */
    Crib__Change__Kind kind;
    struct stat upper; /* not for `removed` */
    int code;          /* 0; negative errno: it could not be looked at, or not be made */
    const char *why;   /* static; NULL: the errno's own words */
};

struct changes {
    struct change *list; /* by path, a directory before what is in it */
    size_t count, room;
};

/**
 * changes_find() - Walk an overlay
 * @upper:  directory fd; borrows
 * @source: directory fd of the tree beneath; may be O_PATH; borrows
 * @ret:    appended to, sorted
 *
 * Return: 0; -E2BIG more than CHANGES_MOST; -ENOMEM; negative errno when @upper cannot be read
 */
int changes_find(int upper, int source, struct arena *arena, struct changes *ret);

/* Opens @path beneath @dir, through no symlink and into no other file system. Return: an fd;
 * negative errno. */
int open_within(int dir, const char *path, uint64_t flags);

#endif
