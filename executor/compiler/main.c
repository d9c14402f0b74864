/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib-compiler: one question from fd 0, one answer to it. An exit status of 1 means that there is
 * none: nobody to tell it to, or no memory to tell it with.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "compiler/compiler.h"

static int read_all(void *data, size_t len)
{
    for (char *at = data; len > 0;) {
        ssize_t n = read(0, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EPROTO;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static Crib__Compilation *read_question(struct arena *arena)
{
    uint32_t len;
    uint8_t *data;

    if (read_all(&len, sizeof(len)) < 0 || ntohl(len) > COMPILER_ASKED)
        return NULL;
    len = ntohl(len);
    data = arena_alloc(arena, len);
    if (!data || read_all(data, len) < 0)
        return NULL;
    return crib__compilation__unpack(&arena->pb, len, data);
}

/* The length and the message in one write: a reader waits for both. */
static int write_answer(const Crib__Compiled *told, struct arena *arena)
{
    size_t len = crib__compiled__get_packed_size(told);
    uint32_t head = htonl((uint32_t)len);
    uint8_t *data = arena_alloc(arena, sizeof(head) + len);

    if (!data)
        return -ENOMEM;
    memcpy(data, &head, sizeof(head));
    crib__compiled__pack(told, data + sizeof(head));
    return fd_write_all(0, data, sizeof(head) + len);
}

int main(void)
{
    Crib__Compiled failed = CRIB__COMPILED__INIT, *told = &failed;
    Crib__Compilation *asked;
    struct arena arena;

    compiler_box();
    arena_init(&arena, 0);
    asked = read_question(&arena);
    failed.has_failure = failed.has_code = true;
    failed.failure = asked ? CRIB__COMPILED__FAILURE__program : CRIB__COMPILED__FAILURE__request;
    failed.code = asked ? -E2BIG : -EPROTO;
    if (asked)
        told = compiler_translate(asked, &arena);
    if (told && crib__compiled__get_packed_size(told) > COMPILER_TOLD)
        told = &failed;
    return !told || write_answer(told, &arena) < 0;
}
