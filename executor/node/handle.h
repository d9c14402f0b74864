/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Node calls the fds that it sends: it guesses from the fd itself, and so do we.
 *
 * Runs in: library.
 */
#ifndef NODE_HANDLE_H
#define NODE_HANDLE_H

#include <stdbool.h>

/**
 * node_handle_type() - What a NODE_HANDLE says of its fd
 * @native: for Node itself, not for a program
 *
 * Return: JSON, members of an object; NULL: Node would abort on this fd
 */
const char *node_handle_type(int fd, bool native);

#endif
