/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening one file for a task's stdio.
 *
 * Runs in: opener.
 */
#ifndef DAEMON_OPENER_FILE_H
#define DAEMON_OPENER_FILE_H

#include <stdint.h>

/**
 * opener_file_open() - Open without ever waiting for another process
 * @path:  absolute
 * @flags: of struct opener_file (opener.h)
 *
 * Magic links of proc are not followed, and nothing is opened in the opener's own folder there:
 * what a process may see of itself is not the client's. Other files are made with mode 0666; one
 * that foreign_check() refuses is not emptied first.
 *
 * Return: a CLOEXEC fd that waits as usual; -EISDIR; -EACCES; -EOPNOTSUPP as foreign_check();
 *         -ENXIO a FIFO that nobody reads; -EAGAIN somebody holds a lease; other negative errno
 */
int opener_file_open(const char *path, uint32_t flags);

#endif
