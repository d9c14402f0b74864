/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A field of a message on one line of YAML, so that a comment can stand behind it:
 * `{type: host, target: /usr}`.
 *
 * Runs in: crib.
 * Owns: nothing.
 */
#ifndef LEARN_FLOW_H
#define LEARN_FLOW_H

#include "base/buf.h"
#include "text/field.h"

/* Appends a text, quoted where it must be; @inside: between braces. Return: 0; -ENOMEM. */
int flow_text(struct buf *out, const void *text, size_t len, bool inside);

/* Appends one element of a field. Return: as above. */
int flow_element(struct buf *out, const ProtobufCMessage *msg,
                 const ProtobufCFieldDescriptor *field, size_t index, bool inside);

/* Appends all fields that are set, between braces. Return: as above. */
int flow_message(struct buf *out, const ProtobufCMessage *msg);

#endif
