/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts of file systems that init makes, and of parts of what is mounted already. None is attached
 * when it is made.
 *
 * Runs in: sandbox.
 * Owns: nothing.
 * Source: fsopen(2), open_tree(2), move_mount(2), mount_setattr(2)
 */
#ifndef INIT_FILESYSTEM_H
#define INIT_FILESYSTEM_H

#include <stdint.h>

struct option {
    const char *key, *value; /* value NULL: a flag */
};

/* @options: ended by a key of NULL; may be NULL. Return: a detached mount; negative errno. */
int make_filesystem(const char *type, const struct option *options, uint64_t attr);

/* Return: 0; negative errno. */
int attach(int mount, int target);

/* A copy of the mount at @fd, from there down. Return: a detached mount; negative errno. */
int clone_mount(int fd);

/* Takes away what is mounted at the root of @mount; leaves us in its directory, detached. Return:
 * 0; negative errno. */
int detach(int mount);

/* Return: whether @fd is the root of a mount; negative errno. */
int is_mount_root(int fd);

#endif
