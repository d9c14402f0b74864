/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A socket's address in words.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef PLAN_ADDRESS_H
#define PLAN_ADDRESS_H

#include <stddef.h>

#include "base/arena.h"

/**
 * address_text() - Say a sockaddr in words
 * @address: borrows; hostile, need not be aligned
 *
 * Return: `127.0.0.1:80`, `[::1]:80`, `/run/x.sock`, `@abstract`, `family 38`, in @arena; "" where
 * it is too short to say anything; NULL when out of memory
 */
char *address_text(const void *address, size_t len, struct arena *arena);

#endif
