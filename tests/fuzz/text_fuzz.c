/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the text of a policy: what is read, and written as YAML and as JSON, must read back
 * as the same.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy.pb-c.h"
#include "text/text.h"

#define CAP (64u * 1024 * 1024) /* bytes of an arena: far more than TEXT_MAX_BYTES come to */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_as(const char *name, const void *data, size_t len, struct arena *arena,
                   Crib__Policy **ret)
{
    struct crib_error err = {0};
    struct text_marks marks;
    ProtobufCMessage *msg;
    int r = text_read(&crib__policy__descriptor, name, data, len, arena, &marks, &msg, &err);

    if (r == 0)
        *ret = (Crib__Policy *)msg;
    else
        assert(err.code == r && (err.subject[0] || err.detail[0]));
    return r;
}

static void assert_same(const Crib__Policy *a, const Crib__Policy *b, struct arena *arena)
{
    size_t len = crib__policy__get_packed_size(a);
    uint8_t *packed[2];

    assert(crib__policy__get_packed_size(b) == len);
    packed[0] = arena_alloc(arena, len);
    packed[1] = arena_alloc(arena, len);
    assert(packed[0] && packed[1]);
    crib__policy__pack(a, packed[0]);
    crib__policy__pack(b, packed[1]);
    assert(memcmp(packed[0], packed[1], len) == 0);
}

static void write_and_read(const Crib__Policy *policy, const char *name, struct arena *arena,
                           int (*writer)(const ProtobufCMessage *msg, struct buf *out))
{
    struct buf text = {.max = 4 * TEXT_MAX_BYTES};
    Crib__Policy *again;
    int r = writer(&policy->base, &text);

    assert(r == 0 || r == -E2BIG);
    if (r == 0 && text.len <= TEXT_MAX_BYTES) {
        r = read_as(name, text.data, text.len, arena, &again);
        assert(r == 0);
        assert_same(policy, again, arena);
    }
    buf_done(&text);
}

static void one(const char *name, const uint8_t *data, size_t size)
{
    struct arena arena;
    Crib__Policy *policy;

    arena_init(&arena, CAP);
    if (read_as(name, data, size, &arena, &policy) == 0) {
        write_and_read(policy, "again.yaml", &arena, text_write_yaml);
        write_and_read(policy, "again.json", &arena, text_write_json);
    }
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    one("input.yaml", data, size);
    one("input.json", data, size);
    return 0;
}
