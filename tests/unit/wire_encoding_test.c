/* SPDX-License-Identifier: Apache-2.0 */
/* Frames as bytes, beside what protobuf-c makes of them. */
#include "support/support.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.pb-c.h"
#include "wire/encoding.h"
#include "wire/frame.h"

#define ROUNDS 200000
#define MOST   512

static unsigned seed = 1;

static unsigned any(unsigned below)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 16) % below;
}

/* The same rules, asked of protobuf-c; where a type holds a NUL it cannot tell. It cuts numbers off
 * at 32 bits, which is well where that leaves so many fds that nobody takes them. */
static bool is_frame(const uint8_t *data, size_t len, Crib__Frame **ret)
{
    Crib__Frame *frame = *ret = crib__frame__unpack(NULL, len, data);
    bool message = !frame || !frame->has_kind || frame->kind == CRIB__FRAME__KIND__message;

    if (!frame || frame->base.n_unknown_fields || crib__frame__get_packed_size(frame) != len)
        return false;
    if (message)
        return frame->type;
    return frame->kind == CRIB__FRAME__KIND__disconnect && !frame->type && !frame->has_payload &&
           !frame->has_fds;
}

static bool holds_nul(const struct encoding *encoding)
{
    return encoding->type && memchr(encoding->type, '\0', encoding->type_len);
}

static void compare(const uint8_t *data, size_t len)
{
    struct encoding got;
    const char *why = encoding_get(data, len, &got);
    Crib__Frame *frame;
    bool well = is_frame(data, len, &frame);

    if (well != !why && !(well ? frame->fds > FRAME_MAX_FDS : holds_nul(&got)))
        fail_msg("protobuf-c takes it: %d, but: %s", well, why ? why : "well");
    well &= !why;
    if (well && frame->type) {
        assert_int_equal(got.type_len, strlen(frame->type));
        assert_memory_equal(got.type, frame->type, got.type_len);
    }
    if (well && frame->has_payload) {
        assert_int_equal(got.len, frame->payload.len);
        if (got.len)
            assert_memory_equal(got.payload, frame->payload.data, got.len);
    }
    if (well)
        assert_int_equal(got.fds, frame->fds);
    if (frame)
        crib__frame__free_unpacked(frame, NULL);
}

/* Return: bytes of a frame at random, which both pack alike. */
static size_t make(uint8_t data[2 * MOST])
{
    char type[MOST];
    uint8_t payload[MOST], again[2 * MOST];
    Crib__Frame frame = CRIB__FRAME__INIT;
    struct encoding encoding = {.type = type};
    size_t len;

    encoding.type_len = any(any(4) ? 8 : MOST - 1);
    memset(type, 'a' + (int)any(26), encoding.type_len);
    type[encoding.type_len] = '\0';
    encoding.len = any(any(4) ? 8 : MOST);
    memset(payload, (int)any(256), MOST);
    encoding.payload = any(2) ? payload : NULL;
    encoding.fds = any(3) ? 0 : any(1000);
    frame.type = type;
    frame.has_payload = encoding.payload != NULL;
    frame.payload = (ProtobufCBinaryData){encoding.len, payload};
    frame.has_fds = encoding.fds > 0;
    frame.fds = encoding.fds;
    len = encoding_size(&encoding);
    assert_int_equal(len, crib__frame__get_packed_size(&frame));
    encoding_put(&encoding, data);
    crib__frame__pack(&frame, again);
    assert_memory_equal(data, again, len);
    return len;
}

static void test_what_protobuf_c_writes_and_reads(void **state)
{
    uint8_t data[2 * MOST];

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        size_t len = make(data);

        compare(data, len);
        for (unsigned changes = any(4); changes && len; changes--) {
            data[any((unsigned)len)] = (uint8_t)any(256);
            compare(data, len);
        }
        compare(data, any((unsigned)len + 1));
    }
}

/* Short ones, all bytes of which count. */
static void test_bytes_at_random(void **state)
{
    static const uint8_t likely[] = {0x08, 0x12, 0x1a, 0x20, 0, 1, 2, 3, 0x80, 0x81, 0xff, 0x7f};
    uint8_t data[12];

    (void)state;
    for (int i = 0; i < 5 * ROUNDS; i++) {
        size_t len = any(sizeof(data) + 1);

        for (size_t k = 0; k < len; k++)
            data[k] = any(8) ? likely[any(sizeof(likely))] : (uint8_t)any(256);
        compare(data, len);
    }
}

static void test_a_disconnect(void **state)
{
    const struct encoding encoding = {.kind = ENCODING_DISCONNECT};
    struct encoding got;
    uint8_t data[2];

    (void)state;
    assert_int_equal(encoding_size(&encoding), 2);
    encoding_put(&encoding, data);
    assert_memory_equal(data, "\x08\x02", 2);
    assert_null(encoding_get(data, 2, &got));
    assert_int_equal(got.kind, ENCODING_DISCONNECT);
    assert_string_equal(encoding_get((const uint8_t *)"\x08\x02\x20\x00", 4, &got),
                        "a disconnect with contents");
}

static void test_numbers_at_their_ends(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool well;
    } rows[] = {
        {"\x12\x00\x20\xff\xff\xff\xff\x0f", 8, true},      /* 2^32 - 1 */
        {"\x12\x00\x20\xff\xff\xff\xff\x1f", 8, false},     /* more */
        {"\x12\x00\x20\xff\xff\xff\xff\xff\x01", 9, false}, /* longer */
        {"\x12\x00\x20\x80\x00", 5, false},                 /* not the shortest */
        {"\x12\x80\x00", 3, false},                         /* nor here */
        {"\x12\x00\x20\x80", 4, false},                     /* cut off */
        {"\x12\xff\xff\xff\xff\x0f", 6, false},             /* longer than all there is */
        {"\x20\x01\x12\x00", 4, true},                      /* in another order */
    };
    struct encoding got;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!encoding_get((const uint8_t *)rows[i].bytes, rows[i].len, &got) != rows[i].well)
            fail_msg("row %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_protobuf_c_writes_and_reads),
        cmocka_unit_test(test_bytes_at_random),
        cmocka_unit_test(test_a_disconnect),
        cmocka_unit_test(test_numbers_at_their_ends),
    };

    return test_run(tests);
}
