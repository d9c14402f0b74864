/* SPDX-License-Identifier: Apache-2.0 */
/* The ring against a plain model: every byte that ever came, and from which one on they are kept.
 */
#include "support/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ring.h"

/* The allocator of the address sanitizer ends the program rather than to return NULL. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Byte n of the stream; no period that a size could share. */
static uint8_t byte_at(uint64_t n)
{
    n ^= n >> 31;
    n *= 0x9e3779b97f4a7c15ull;
    return (uint8_t)(n >> 56);
}

static void add_stream(struct ring *ring, size_t len)
{
    uint64_t from = ring->next;
    uint8_t *data = malloc(len + 1);

    assert_non_null(data);
    for (size_t i = 0; i < len; i++)
        data[i] = byte_at(from + i);
    assert_int_equal(ring_add(ring, data, len), 0);
    assert_int_equal(ring->next, from + len);
    free(data);
}

/* Everything from @offset on must be what came. Copies into memory of the exact size, so that the
 * sanitizer sees a byte too many. */
static void check_from(const struct ring *ring, uint64_t offset, size_t max)
{
    uint64_t begin = offset > ring->first ? offset : ring->first, got_offset = ~0ull;
    size_t expected = begin < ring->next ? (size_t)(ring->next - begin) : 0, got;
    uint8_t *to;

    expected = expected < max ? expected : max;
    to = malloc(max ? max : 1);
    assert_non_null(to);
    got = ring_copy(ring, offset, to, max, &got_offset);
    assert_int_equal(got, expected);
    assert_int_equal(got_offset, begin);
    for (size_t i = 0; i < got; i++)
        if (to[i] != byte_at(begin + i))
            fail_msg("byte %zu of a copy from %llu is wrong", i, (unsigned long long)begin);
    free(to);
}

static void check_against(const struct ring *ring, uint64_t first, uint64_t next)
{
    assert_int_equal(ring->first, first);
    assert_int_equal(ring->next, next);
    assert_int_equal(ring_room(ring), ring->size - (next - first));
    assert_true(ring_held(ring) >= next - first);
    assert_true(ring_held(ring) <= ring->size);
    if (first == next)
        assert_int_equal(ring_held(ring), 0);
    check_from(ring, 0, ring->size + 10);
}

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void play(size_t size, uint32_t seed)
{
    uint64_t first = 0, next = 0;
    struct ring ring;

    ring_init(&ring, size);
    for (int step = 0; step < 300; step++) {
        uint32_t what = random_next(&seed) % 4;
        uint64_t span = next - first;

        if (what <= 1) {
            /* short ones, long ones, and now and then more than there is room for */
            size_t len = random_next(&seed) % (what ? size / 8 + 2 : size * 2 + 2);

            add_stream(&ring, len);
            next += len;
            if (next - first > size)
                first = next - size;
        } else if (what == 2) {
            uint64_t to = first + random_next(&seed) % (span + 3);

            ring_forget(&ring, to);
            to = to < next ? to : next;
            first = to > first ? to : first;
        } else {
            check_from(&ring, first + random_next(&seed) % (span + 3),
                       random_next(&seed) % (size + 2));
        }
        check_against(&ring, first, next);
    }
    ring_done(&ring);
    assert_int_equal(ring_held(&ring), 0);
}

static void test_against_the_model(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 7, 64, 1000, 4095, 4096, 4097, 10000, 70001};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (uint32_t seed = 1; seed <= 8; seed++)
            play(sizes[i], seed * 7919 + (uint32_t)i);
}

/* Memory follows what is kept: nothing at first, in steps up to the size, nothing when read. */
static void test_memory_grows_and_shrinks(void **state)
{
    const size_t size = 1 << 20;
    struct ring ring;
    size_t steps = 0, before = 0;

    (void)state;
    ring_init(&ring, size);
    assert_int_equal(ring_held(&ring), 0);
    add_stream(&ring, 1);
    assert_true(ring_held(&ring) <= 4096);
    while (ring_room(&ring)) {
        add_stream(&ring, ring_room(&ring) < 1000 ? ring_room(&ring) : 1000);
        assert_true(ring_held(&ring) <= size);
        assert_true(ring_held(&ring) < 2 * (size - ring_room(&ring)) + 4096);
        steps += ring_held(&ring) != before;
        before = ring_held(&ring);
    }
    assert_true(steps <= 10);
    assert_int_equal(ring_held(&ring), size);
    add_stream(&ring, 5 * size);
    assert_int_equal(ring_held(&ring), size);
    check_from(&ring, 0, size);
    ring_forget(&ring, ring.next - 1);
    check_from(&ring, 0, size);
    ring_forget(&ring, ring.next);
    assert_int_equal(ring_held(&ring), 0);
    add_stream(&ring, 10);
    assert_true(ring_held(&ring) <= 4096);
    check_from(&ring, 0, 100);
    ring_done(&ring);
}

/* A stream that is read as it comes never needs more than one step, whatever passes. */
static void test_a_reader_that_keeps_up(void **state)
{
    struct ring ring;

    (void)state;
    ring_init(&ring, 1 << 20);
    for (int i = 0; i < 20000; i++) {
        add_stream(&ring, 100);
        if (i % 8 == 7)
            ring_forget(&ring, ring.next - 50);
        assert_true(ring_held(&ring) <= 4096);
    }
    check_from(&ring, 0, 4096);
    ring_done(&ring);
}

/* Offsets far beyond what fits 32 bits. */
static void test_a_long_stream(void **state)
{
    struct ring ring;

    (void)state;
    ring_init(&ring, 5000);
    ring.first = ring.next = (1ull << 40) + 4321;
    add_stream(&ring, 3000);
    add_stream(&ring, 3000);
    check_against(&ring, (1ull << 40) + 4321 + 1000, (1ull << 40) + 4321 + 6000);
    ring_done(&ring);
}

static void test_nothing_kept(void **state)
{
    struct ring ring;

    (void)state;
    ring_init(&ring, 0);
    add_stream(&ring, 100);
    assert_int_equal(ring_room(&ring), 0);
    assert_int_equal(ring_held(&ring), 0);
    assert_int_equal(ring.first, 100);
    check_from(&ring, 0, 10);
    ring_done(&ring);
    ring_done(&(struct ring){0});
}

/* Without memory the bytes are lost, but counted, and what comes later is right again. */
static void test_out_of_memory(void **state)
{
    const size_t huge = SIZE_MAX / 4;
    struct ring ring;
    uint8_t none = 0;
    char back[4];
    uint64_t offset;

    (void)state;
    ring_init(&ring, huge);
    add_stream(&ring, 10);
    assert_int_equal(ring_add(&ring, &none, huge), -ENOMEM); /* refused before a byte is read */
    assert_int_equal(ring.first, 10 + (uint64_t)huge);
    assert_int_equal(ring.next, ring.first);
    assert_int_equal(ring_held(&ring), 0);
    assert_int_equal(ring_add(&ring, "abc", 3), 0);
    assert_int_equal(ring_copy(&ring, 0, back, sizeof(back), &offset), 3);
    assert_int_equal(offset, 10 + (uint64_t)huge);
    assert_memory_equal(back, "abc", 3);
    ring_done(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_model),
        cmocka_unit_test(test_memory_grows_and_shrinks),
        cmocka_unit_test(test_a_reader_that_keeps_up),
        cmocka_unit_test(test_a_long_stream),
        cmocka_unit_test(test_nothing_kept),
        cmocka_unit_test(test_out_of_memory),
    };

    return test_run(tests);
}
