/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text as it is: checked, and looked into, without a tree of it. What a message says stays the
 * text that was sent; only Node's own messages are read, and they are objects of a few members.
 *
 * Runs in: library.
 * Source: RFC 8259; ECMA-262, JSON.parse (of two members of a name the last counts; an escape may
 * name half of a surrogate pair)
 */
#ifndef NODE_JSON_H
#define NODE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH 1000 /* of arrays and objects within each other */

/* A part of a text; borrows it. */
struct node_json {
    const char *text;
    size_t len;
};

/* Whether this is one JSON text and nothing else, in UTF-8.
 * Return: 0; -EINVAL; -E2BIG deeper than JSON_DEPTH. */
int node_json_check(struct node_json json);

/**
 * node_json_next() - The members of an object, in their order
 * @object: of a text that was checked
 * @at:     0 at first; where the next one begins
 * @name:   with its quotes
 *
 * Return: false: there is no other one, or it is no object
 */
bool node_json_next(struct node_json object, size_t *at, struct node_json *name,
                    struct node_json *value);

/* The member of that name, the last one. Return: false: there is none. */
bool node_json_get(struct node_json object, const char *name, struct node_json *ret);

/**
 * node_json_string() - What a string says
 * @ret: NUL at its end
 *
 * Return: its length; -EINVAL it is no string, has a NUL in it or half of a surrogate pair; -E2BIG
 * it does not fit, and @ret has what does
 */
int node_json_string(struct node_json json, char *ret, size_t size);

/* Whether it is a string that says so. */
bool node_json_is(struct node_json json, const char *text);

/* Whether it is that word: true, false, null. */
bool node_json_word(struct node_json json, const char *word);

/* Return: 0; -EINVAL it is no whole number of at most 15 digits. */
int node_json_integer(struct node_json json, int64_t *ret);

#endif
