/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories on the host that cases get: files go in before the task starts, and are looked at
 * when it is gone.
 *
 * Theory of operation: all of a run lie below one directory that only the caller may enter, made
 * under TMPDIR. What a task leaves there is hostile: it is read beneath the directory and through
 * no symlink, never waited for, up to a cap; and it is removed without following anything, however
 * deep it is. A task of root's has another id than we have: what is made for it is given to that
 * id.
 *
 * Runs in: crib.
 * Owns: the directories; boxes_close() and box_close() remove them.
 * Source: openat2(2)
 */
#ifndef HARNESS_BOX_H
#define HARNESS_BOX_H

#include <stdint.h>

#include "base/error.h"
#include "harness.pb-c.h"

#define BOX_MAX_FILE (64 * 1024 * 1024) /* bytes of a file that is read back */

struct boxes {
    int dir;      /* -1: none yet */
    char *path;   /* NULL */
    char *prober; /* a file that everybody may execute; NULL */
    unsigned long next;
};

struct box {
    int dir; /* -1: none */
    struct boxes *boxes;
    char *path;    /* owned */
    char name[32]; /* below the others */
};

/* Nothing is made before it is needed. */
void boxes_init(struct boxes *boxes);

/* Removes all. Return: 0; negative errno where something stayed behind, at boxes->path. */
int boxes_close(struct boxes *boxes);

/**
 * boxes_prober() - The prober as a file
 * @ret: good until boxes_close()
 *
 * Return: 0; negative errno
 */
int boxes_prober(struct boxes *boxes, const char **ret, struct crib_error *err);

/**
 * box_open() - Make a directory with files in it
 * @files: borrows; checked
 *
 * Return: 0; negative errno, and nothing is left to close
 */
int box_open(struct boxes *boxes, struct box *box, Crib__Case__File *const *files, size_t count,
             struct crib_error *err);

/* Removes it with all that is in it. Accepts one that was not opened (dir -1). */
void box_close(struct box *box);

/**
 * box_read() - Read a file back
 * @path:     below the directory
 * @ret_data: the caller frees; a NUL follows
 * @ret_mode: permission bits
 *
 * Return: 0; -ENOENT; -ELOOP a symlink is on the way, or is it; -EISDIR; -EINVAL another kind;
 * -EFBIG; what opening it says
 */
int box_read(const struct box *box, const char *path, char **ret_data, size_t *ret_len,
             uint32_t *ret_mode);

/**
 * remove_tree() - Remove a directory and all below it
 * @parent: an fd; @name is a name in it
 *
 * Return: 0, also when there was none; negative errno
 */
int remove_tree(int parent, const char *name);

#endif
