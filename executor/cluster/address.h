/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binding what a worker asks for, where that is allowed.
 *
 * Runs in: library.
 */
#ifndef CLUSTER_ADDRESS_H
#define CLUSTER_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include "policy/listen.h"

/* Which file a path was when it was bound: somebody else may have put another there since. Zeroed:
 * none. */
struct address_file {
    uint64_t device, number;
    int64_t born_s; /* its birth; 0: the file system does not know */
    uint32_t born_ns;
};

/**
 * address_allowed() - Whether an address may be served
 * @asked: of any host (`tcp:*:80`) where only some are allowed, becomes the first of those
 *
 * Return: 0; -EACCES
 */
int address_allowed(const struct listen_address *list, size_t count, struct listen_address *asked,
                    struct crib_error *err);

/**
 * address_bind() - A socket bound to an address; not listening yet
 * @address:   with one port; 0 becomes the one that was found
 * @reuseport: others may be bound there too, if they say the same
 *
 * A socket of ours at a path, where nobody listens any more, makes room.
 *
 * Return: an fd, CLOEXEC, non-blocking; -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, other negative errno
 */
int address_bind(struct listen_address *address, bool reuseport, struct crib_error *err);

/* What address_bind() has made in the file system. */
struct address_file address_file(const struct listen_address *address);

/* Removes it, if it is still there. */
void address_unlink(const struct listen_address *address, const struct address_file *file);

#endif
