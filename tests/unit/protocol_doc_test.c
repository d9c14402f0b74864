/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of docs/protocol.md mean what stands beside them.
 *
 * A block of bytes is decoded by the readers of wire/ and by protobuf-c, and each field written
 * down anew in the words of the page; then the words must be the same. So a wrong byte is found,
 * whatever it stands for: the last test changes every single bit.
 */
#include "support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "channel.pb-c.h"
#include "executor.pb-c.h"
#include "ttrpc.pb-c.h"
#include "wire/frame.h"
#include "wire/ttrpc.h"

#define MOST_BLOCKS 16
#define MOST_LINES  64

/* What a block says: a line of words for each field, and how many bytes it has. */
struct words {
    struct buf text; /* lines, each ended by a newline */
    size_t sizes[MOST_LINES];
    size_t count;
};

struct block {
    bool fd_side;
    bool first; /* on its connection */
    struct buf bytes;
    struct words words;
};

static struct block blocks[MOST_BLOCKS];
static size_t n_blocks;
static char *page;

/* Return: false when there are too many lines. */
static bool say(struct words *words, size_t size, int depth, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static bool say(struct words *words, size_t size, int depth, const char *format, ...)
{
    char line[256];
    va_list args;

    if (words->count == MOST_LINES)
        return false;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    words->sizes[words->count++] = size;
    return buf_printf(&words->text, "%*s%s\n", 2 * depth, "", line) == 0;
}

static void words_done(struct words *words)
{
    buf_done(&words->text);
    memset(words, 0, sizeof(*words));
}

/* Bytes as C writes them. Return: false where the page would not. */
static bool quote(const uint8_t *data, size_t len, char *to, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        if (at + 3 > size || (data[i] != '\n' && (data[i] < ' ' || data[i] > '~')))
            return false;
        if (data[i] == '\n')
            to[at++] = '\\';
        to[at++] = data[i] == '\n' ? 'n' : (char)data[i];
    }
    to[at] = '\0';
    return true;
}

/* What the bytes of a field `payload` or `value` are, if they are a message. */
typedef const ProtobufCMessageDescriptor *(*inner_of)(const ProtobufCMessage *message);

static bool put_message(struct words *words, int depth, const ProtobufCMessageDescriptor *of,
                        const uint8_t *at, size_t len);

static const ProtobufCMethodDescriptor *asked; /* by the last request */

static const ProtobufCMessageDescriptor *of_request(const ProtobufCMessage *message)
{
    const Crib__Ttrpc__Request *request = (const Crib__Ttrpc__Request *)message;

    if (strcmp(request->service, crib__executor__descriptor.name) != 0)
        return NULL;
    asked = protobuf_c_service_descriptor_get_method_by_name(&crib__executor__descriptor,
                                                             request->method);
    return asked ? asked->input : NULL;
}

static const ProtobufCMessageDescriptor *of_response(const ProtobufCMessage *message)
{
    (void)message;
    return asked ? asked->output : NULL;
}

static const ProtobufCMessageDescriptor *of_any(const ProtobufCMessage *message)
{
    const char *url = ((const Crib__Ttrpc__Any *)message)->type_url;

    return strcmp(url, "type.googleapis.com/crib.Error") == 0 ? &crib__error__descriptor : NULL;
}

static const ProtobufCMessageDescriptor *of_frame(const ProtobufCMessage *message)
{
    static const ProtobufCMessageDescriptor *const all[] = {
        &crib__fd_register__descriptor, &crib__fd_release__descriptor, &crib__fd_take__descriptor,
        &crib__fd_reply__descriptor};
    const char *type = ((const Crib__Frame *)message)->type;

    for (size_t i = 0; type && i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(type, all[i]->short_name) == 0)
            return all[i];
    return NULL;
}

static inner_of opener(const ProtobufCMessageDescriptor *of)
{
    static const struct {
        const ProtobufCMessageDescriptor *of;
        inner_of inner;
    } all[] = {{&crib__ttrpc__request__descriptor, of_request},
               {&crib__ttrpc__response__descriptor, of_response},
               {&crib__ttrpc__any__descriptor, of_any},
               {&crib__frame__descriptor, of_frame}};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].of == of)
            return all[i].inner;
    return NULL;
}

/* Return: bytes of the number at @at; 0 there is none. */
static size_t number_at(const uint8_t *at, size_t len, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < len && i < 10; i++) {
        *ret |= (uint64_t)(at[i] & 0x7f) << 7 * i;
        if (!(at[i] & 0x80))
            return i + 1;
    }
    return 0;
}

static bool put_number(struct words *words, size_t size, int depth,
                       const ProtobufCFieldDescriptor *field, uint64_t number)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return say(words, size, depth, "%s %s", field->name, number ? "true" : "false");
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_INT64:
        return say(words, size, depth, "%s %lld", field->name, (long long)number);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
        return say(words, size, depth, "%s %llu", field->name, (unsigned long long)number);
    default:
        return false;
    }
}

/* A field with a length: @head bytes of tag and length, then @len. */
static bool put_bytes(struct words *words, size_t head, int depth,
                      const ProtobufCFieldDescriptor *field,
                      const ProtobufCMessageDescriptor *inner, const uint8_t *at, size_t len)
{
    char text[256];

    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        inner = field->descriptor;
    else if (field->type == PROTOBUF_C_TYPE_STRING)
        inner = NULL;
    else if (field->type != PROTOBUF_C_TYPE_BYTES)
        return false;
    if (inner)
        return say(words, head, depth, "%s, %zu bytes: %s", field->name, len, inner->short_name) &&
               put_message(words, depth + 1, inner, at, len);
    return quote(at, len, text, sizeof(text)) &&
           say(words, head + len, depth, "%s \"%s\"", field->name, text);
}

static bool put_fields(struct words *words, int depth, const ProtobufCMessageDescriptor *of,
                       const ProtobufCMessageDescriptor *inner, const uint8_t *at, size_t len)
{
    while (len > 0) {
        uint64_t tag, number;
        size_t head = number_at(at, len, &tag), size = number_at(at + head, len - head, &number);
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(of, (unsigned)(tag >> 3));

        if (head == 0 || size == 0 || !field)
            return false;
        size += head;
        if ((tag & 7) == 2) {
            if (number > len - size ||
                !put_bytes(words, size, depth, field, inner, at + size, (size_t)number))
                return false;
            size += (size_t)number;
        } else if ((tag & 7) != 0 || !put_number(words, size, depth, field, number)) {
            return false;
        }
        at += size;
        len -= size;
    }
    return true;
}

/* Return: false where the bytes are no such message, packed the plain way and with nothing more. */
static bool put_message(struct words *words, int depth, const ProtobufCMessageDescriptor *of,
                        const uint8_t *at, size_t len)
{
    ProtobufCMessage *message = protobuf_c_message_unpack(of, NULL, len, at);
    inner_of find = opener(of);
    uint8_t *again;
    bool ok;

    if (!message)
        return false;
    ok = message->n_unknown_fields == 0 && protobuf_c_message_get_packed_size(message) == len;
    again = malloc(len + 1);
    assert_non_null(again);
    if (ok)
        ok = protobuf_c_message_pack(message, again) == len && memcmp(again, at, len) == 0;
    free(again);
    ok = ok && put_fields(words, depth, of, find ? find(message) : NULL, at, len);
    protobuf_c_message_free_unpacked(message, NULL);
    return ok;
}

/* One frame of ttrpc, and not a byte more. */
static bool put_ttrpc(struct words *words, const uint8_t *data, size_t len)
{
    static const char *const types[] = {NULL, "request", "response", "data"};
    struct ttrpc_reader *reader = ttrpc_reader_new();
    struct ttrpc_frame frame;
    bool ok = ttrpc_reader_feed(reader, data, len, NULL) == 0 &&
              ttrpc_reader_next(reader, &frame) == 1 && frame.len + TTRPC_HEADER == len &&
              (frame.type == TTRPC_REQUEST || frame.type == TTRPC_RESPONSE);

    ok = ok && say(words, 4, 0, "%zu bytes follow the header", frame.len) &&
         say(words, 4, 0, "stream %u", frame.stream) &&
         say(words, 1, 0, "type %d: %s", frame.type, types[frame.type]) &&
         say(words, 1, 0, "flags %d", frame.flags) &&
         put_message(words, 0,
                     frame.type == TTRPC_REQUEST ? &crib__ttrpc__request__descriptor
                                                 : &crib__ttrpc__response__descriptor,
                     frame.payload, frame.len);
    ttrpc_reader_free(reader);
    return ok;
}

/* One frame of the fd side; a client's first has the byte before it, and here an fd with it. */
static bool put_fd_side(struct words *words, const uint8_t *data, size_t len, bool first)
{
    struct frame_reader *reader = frame_reader_new(0);
    struct frame *frame;
    int fd = first ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    bool ok = !first || (data[0] == 0xfd && say(words, 1, 0, "the fd side"));

    data += first;
    len -= first;
    ok = frame_reader_feed(reader, data, len, &fd, first, NULL) == 0 && ok &&
         frame_reader_next(reader, &frame, NULL) == 1 && frame->nfds == first &&
         say(words, 4, 0, "%zu bytes follow", len - 4) &&
         put_message(words, 0, &crib__frame__descriptor, data + 4, len - 4) &&
         frame_reader_next(reader, &frame, NULL) == 0 &&
         frame_reader_feed(reader, "", 1, NULL, 0, NULL) == 0;
    frame_reader_free(reader);
    return ok;
}

/* Return: false where the bytes are not what they should be. */
static bool decode(const struct block *block, struct words *words)
{
    if (block->fd_side)
        return put_fd_side(words, block->bytes.data, block->bytes.len, block->first);
    return put_ttrpc(words, block->bytes.data, block->bytes.len);
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* A line of a block: bytes, one space between them, and behind two or more the words. */
static void take_line(struct block *block, const char *line, size_t len)
{
    struct words *words = &block->words;
    size_t before = block->bytes.len, at = 0, column;

    while (at + 1 < len && hex(line[at]) >= 0 && hex(line[at + 1]) >= 0) {
        uint8_t byte = (uint8_t)(hex(line[at]) << 4 | hex(line[at + 1]));

        assert_int_equal(buf_append(&block->bytes, &byte, 1), 0);
        at += 2;
        if (at + 1 >= len || line[at + 1] == ' ')
            break;
        at++;
    }
    column = at;
    while (at < len && line[at] == ' ')
        at++;
    assert_true(block->bytes.len > before);
    if (at == len) { /* the line before goes on */
        assert_true(words->count > 0);
        words->sizes[words->count - 1] += block->bytes.len - before;
        return;
    }
    assert_true(at - column >= 2 && at >= 49);
    assert_true(say(words, block->bytes.len - before, 0, "%.*s", (int)(len - 49), line + 49));
}

static void take_block(struct block *block, const char *at, const char *end)
{
    while (at <= end) {
        size_t len = strcspn(at, "\n");

        take_line(block, at, len);
        at += len + 1;
    }
    block->first = block->fd_side && block->bytes.data[0] == 0xfd;
}

/* Reads it once. */
static void read_page(void)
{
    static const char *const openings[] = {"\n```hex ttrpc\n", "\n```hex fd-side\n"};
    const char *at, *end;

    if (page)
        return;
    at = page = test_read(TEST_SOURCE_DIR "/docs/protocol.md", NULL);
    while ((at = strstr(at, "\n```hex "))) {
        struct block *block = &blocks[n_blocks++];

        assert_true(n_blocks < MOST_BLOCKS);
        block->fd_side = strncmp(at, openings[1], strlen(openings[1])) == 0;
        assert_memory_equal(at, openings[block->fd_side], strlen(openings[block->fd_side]));
        at += strlen(openings[block->fd_side]);
        end = strstr(at, "\n```\n");
        assert_non_null(end);
        take_block(block, at, end);
        at = end;
    }
}

static void forget_page(void)
{
    for (size_t i = 0; i < n_blocks; i++) {
        buf_done(&blocks[i].bytes);
        words_done(&blocks[i].words);
    }
    free(page);
}

static bool same(const struct words *one, const struct words *other)
{
    return one->count == other->count && one->text.len == other->text.len &&
           memcmp(one->text.data, other->text.data, one->text.len) == 0 &&
           memcmp(one->sizes, other->sizes, one->count * sizeof(one->sizes[0])) == 0;
}

static bool right(const struct block *block)
{
    struct words words = {0};
    bool ok = decode(block, &words) && same(&words, &block->words);

    words_done(&words);
    return ok;
}

static void test_the_bytes_mean_what_stands_beside_them(void **state)
{
    (void)state;
    read_page();
    assert_int_equal(n_blocks, 7);
    for (size_t i = 0; i < n_blocks; i++) {
        struct words words = {0};

        if (!decode(&blocks[i], &words) || !same(&words, &blocks[i].words))
            fail_msg("block %zu says:\n%.*sits bytes:\n%.*s", i + 1, (int)blocks[i].words.text.len,
                     (char *)blocks[i].words.text.data, (int)words.text.len,
                     words.text.len ? (char *)words.text.data : "");
        words_done(&words);
    }
}

static void test_no_bit_of_them_can_be_changed(void **state)
{
    (void)state;
    read_page();
    for (size_t i = 0; i < n_blocks; i++) {
        for (size_t bit = 0; bit < 8 * blocks[i].bytes.len; bit++) {
            uint8_t *at = &blocks[i].bytes.data[bit / 8];

            *at ^= (uint8_t)(1 << bit % 8);
            if (right(&blocks[i]))
                fail_msg("block %zu, byte %zu, bit %zu changes nothing", i + 1, bit / 8, bit % 8);
            *at ^= (uint8_t)(1 << bit % 8);
        }
        assert_true(right(&blocks[i])); /* also: the next block answers this method */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bytes_mean_what_stands_beside_them),
        cmocka_unit_test(test_no_bit_of_them_can_be_changed),
    };
    int r = test_run(tests);

    forget_page();
    return r;
}
