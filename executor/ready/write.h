/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables as C text.
 *
 * Runs in: crib-ready, at build time.
 * Owns: nothing.
 */
#ifndef READY_WRITE_H
#define READY_WRITE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <linux/filter.h>
#include <protobuf-c/protobuf-c.h>

/* Each writes `static const … NAME_NUMBER[] = {…};`. A message is packed. */
void write_bytes(FILE *out, const char *name, size_t number, const void *data, size_t len);
void write_message(FILE *out, const char *name, size_t number, const ProtobufCMessage *message);
void write_code(FILE *out, const char *name, size_t number, const struct sock_filter *code,
                size_t len);

/* `"text"`, or `NULL`. */
void write_text(FILE *out, const char *text);

#endif
