/* SPDX-License-Identifier: Apache-2.0 */
/* Names and numbers in docs/protocol.md are those of the schemas and of the daemon. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crib/crib.h"
#include "daemon/attach.h"
#include "daemon/cluster_call.h"
#include "daemon/entry.h"
#include "daemon/events.h"
#include "daemon/fdside.h"
#include "daemon/mailbox.h"
#include "daemon/outlet.h"
#include "daemon/status.h"
#include "executor.pb-c.h"
#include "primary/primary.h"
#include "wire/frame.h"
#include "wire/ttrpc.h"

static char *page;

/* Rows begin with a newline; elsewhere it is where a line happens to end, and here a space. */
static void read_page(void)
{
    if (page)
        return;
    page = test_read(TEST_SOURCE_DIR "/docs/protocol.md", NULL);
    for (char *at = page, *to = page; (*to = *at); to++, at++)
        if (*at == '\n' && at[1] != '|' && at[1] != '#' && at[1] != '\n') {
            *to = ' ';
            at += strspn(at + 1, " ");
        }
}

/* Return: the cells of the next row of a table, behind the heading @at; NULL: no more. */
static const char *row(const char *at, char cells[2][128])
{
    const char *end = strstr(at, "\n## "), *next = strstr(at, "\n| `");

    if (!next || (end && next > end))
        return NULL;
    assert_int_equal(sscanf(next, "\n| %127[^|] | %127[^|]", cells[0], cells[1]), 2);
    return next + 1;
}

static void test_the_methods_are_those_of_the_service(void **state)
{
    const ProtobufCServiceDescriptor *service = &crib__executor__descriptor;
    const char *at;
    char cells[2][128], name[128], messages[256];
    unsigned n = 0;

    (void)state;
    read_page();
    at = strstr(page, "\n## Methods\n");
    assert_non_null(at);
    at++;
    while ((at = row(at, cells))) {
        const ProtobufCMethodDescriptor *method = &service->methods[n];
        bool streams = n + 2 >= service->n_methods;

        assert_true(n++ < service->n_methods);
        snprintf(name, sizeof(name), "`%s` ", method->name);
        snprintf(messages, sizeof(messages), "%s`%s` → %s`%s` ", streams ? "stream of " : "",
                 method->input->short_name, streams ? "stream of " : "",
                 method->output->short_name);
        assert_string_equal(cells[0], name);
        assert_string_equal(cells[1], messages);
    }
    assert_int_equal(n, service->n_methods);
    assert_int_equal(n, 17);
    assert_string_equal(service->name, "crib.Executor");
}

static void test_the_names_are_those_of_the_schemas(void **state)
{
    char text[128];

    (void)state;
    read_page();
    for (unsigned i = 0; i < crib__task_state__descriptor.n_values; i++) {
        snprintf(text, sizeof(text), "\n| `%s` |", crib__task_state__descriptor.values[i].name);
        test_contains(page, text);
    }
    for (unsigned i = 0; i < crib__stdio__kind__descriptor.n_values; i++) {
        const char *name = crib__stdio__kind__descriptor.values[i].name;

        snprintf(text, sizeof(text), strcmp(name, "inherit") ? "\n| `%s` |" : " `%s` and a number",
                 name);
        test_contains(page, text);
    }
    snprintf(text, sizeof(text), "| %d request, %d response, %d data |", TTRPC_REQUEST,
             TTRPC_RESPONSE, TTRPC_DATA);
    test_contains(page, text);
    snprintf(text, sizeof(text), "bits: %d `REMOTE_CLOSED`, %d `REMOTE_OPEN`, %d `NO_DATA`",
             TTRPC_REMOTE_CLOSED, TTRPC_REMOTE_OPEN, TTRPC_NO_DATA);
    test_contains(page, text);
}

static void test_the_codes_are_those_of_the_daemon(void **state)
{
    static const struct {
        enum status_code code;
        const char *name;
    } rows[] = {{CODE_OK, "OK"},
                {CODE_CANCELLED, "Cancelled"},
                {CODE_UNKNOWN, "Unknown"},
                {CODE_INVALID_ARGUMENT, "InvalidArgument"},
                {CODE_DEADLINE_EXCEEDED, "DeadlineExceeded"},
                {CODE_NOT_FOUND, "NotFound"},
                {CODE_ALREADY_EXISTS, "AlreadyExists"},
                {CODE_PERMISSION_DENIED, "PermissionDenied"},
                {CODE_RESOURCE_EXHAUSTED, "ResourceExhausted"},
                {CODE_FAILED_PRECONDITION, "FailedPrecondition"},
                {CODE_OUT_OF_RANGE, "OutOfRange"},
                {CODE_UNIMPLEMENTED, "Unimplemented"},
                {CODE_INTERNAL, "Internal"},
                {CODE_UNAVAILABLE, "Unavailable"}};

    (void)state;
    read_page();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64];

        snprintf(text, sizeof(text), "\n| %d | `%s` |", rows[i].code, rows[i].name);
        test_contains(page, text);
    }
}

static void test_the_limits_are_those_of_the_code(void **state)
{
    static const struct {
        unsigned long long is, says;
        const char *text;
    } rows[] = {
        {TTRPC_MAX, 4 << 20, "\n| payload of a frame | 4 MiB |"},
        {OUTLET_READ_MAX, 1 << 20,
         "\n| `data` of one `Read`, `Write`, `Send`, `Receive` | 1 MiB |"},
        {MAILBOX_CHUNK, 1 << 20, "`Receive` | 1 MiB |"},
        {CRIB_MAX_MESSAGE, 64 << 20, "\n| a message in all (`max_message` in `Info`) | 64 MiB |"},
        {FRAME_MAX_FDS, 64, "or with a frame of the fd side | 64 |"},
        {OUTLET_BUFFER, 64 << 10, "each stream (64 KiB, if"},
        {OUTLET_BUFFER_MAX, 16 << 20, "\n| bytes kept of a stream (`buffer`) | 16 MiB |"},
        {OUTLET_BUFFER_DETACHED, 1 << 20, "keeps the last `buffer` bytes (1 MiB)"},
        {ATTACH_CREDIT, 32, "\n| outputs of `Attach` ahead of `ack` | 32 |"},
        {ATTACH_DATA, 64 << 10, "\n| data of one output of `Attach` | 64 KiB |"},
        {CLUSTER_CREDIT, 32, "\n| events of `Cluster` ahead of `ack`, and inputs ahead of `taken` | 32 |"},
        {PRIMARY_CHUNK, 64 << 10, "\n| data of one input or event of `Cluster` | 64 KiB |"},
        {EVENTS_AT_ONCE, 64, "\n| events in one answer to `Wait` | 64 |"},
        {EVENTS_KEPT, 256, "and 256 are kept beside the first"},
        {FDSIDE_MAX_NAME, 63, "\n| name of a registered descriptor | 63 bytes |"},
        {ENTRIES_KEPT, 64, "the ends of 64 later ones"},
        {ENTRIES_KEPT_MS, 3600000, "an hour after its end"},
    };

    (void)state;
    read_page();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(rows[i].is, rows[i].says);
        test_contains(page, rows[i].text);
    }
}

/* As the page writes them: 64 MiB, 256. */
static void amount(unsigned long long number, char *to, size_t size)
{
    if (number >= 1 << 20)
        snprintf(to, size, "%llu MiB", number >> 20);
    else
        snprintf(to, size, "%llu", number);
}

static void test_the_quotas_are_those_of_the_daemon(void **state)
{
    static const struct {
        const char *name;
        unsigned long long each, total;
    } rows[] = {
#define QUOTA(kind, field, name, each, total) {name, each, total},
#include "daemon/quota.def"
#undef QUOTA
    };

    (void)state;
    read_page();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char each[32], total[32], text[128];

        amount(rows[i].each, each, sizeof(each));
        amount(rows[i].total, total, sizeof(total));
        snprintf(text, sizeof(text), "\n| %s | %s | %s |", rows[i].name, each, total);
        test_contains(page, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_methods_are_those_of_the_service),
        cmocka_unit_test(test_the_names_are_those_of_the_schemas),
        cmocka_unit_test(test_the_codes_are_those_of_the_daemon),
        cmocka_unit_test(test_the_limits_are_those_of_the_code),
        cmocka_unit_test(test_the_quotas_are_those_of_the_daemon),
    };
    int r = test_run(tests);

    free(page);
    return r;
}
