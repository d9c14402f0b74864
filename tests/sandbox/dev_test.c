/* SPDX-License-Identifier: Apache-2.0 */
/* /dev: the devices that hold nothing of anybody, and they work; no other can be had. */
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_the_devices_are_what_they_say(void **state)
{
    static const struct {
        const char *path, *number;
    } rows[] = {
        {"/dev/null", "1:3"},   {"/dev/zero", "1:5"},    {"/dev/full", "1:7"},
        {"/dev/random", "1:8"}, {"/dev/urandom", "1:9"},
    };
    char *out = sandbox_output(NULL, "stat /dev/null /dev/zero /dev/full /dev/random /dev/urandom");

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *line = sandbox_line(out, rows[i].path);

        assert_non_null(line);
        test_contains(line, "chr ");
        test_contains(line, rows[i].number);
    }
    free(out);
}

static void test_they_work(void **state)
{
    static const char *const policies[] = {"default", "network", "shell"};

    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        struct sandbox box;

        sandbox_init(&box);
        box.options.policy = policies[i];
        sandbox_expect(&box,
                       "open rw /dev/null , open r /dev/zero /dev/random /dev/urandom , fill "
                       "/dev/null 1000 , fill /dev/full 1000 , exit 0",
                       0);
        sandbox_says(box.out, "/dev/null", "ok");
        sandbox_says(box.out, "/dev/zero", "ok");
        test_contains(box.out, "fill ok\nwrote 1000\nfill ENOSPC\n");
        sandbox_done(&box);
    }
}

static void test_links_lead_to_its_own(void **state)
{
    char *out = sandbox_output(NULL, "stat /dev/fd /dev/stdin /dev/stdout /dev/stderr");

    (void)state;
    test_contains(sandbox_line(out, "/dev/fd"), "link ");
    test_contains(sandbox_line(out, "/dev/fd"), "/proc/self/fd");
    test_contains(sandbox_line(out, "/dev/stdin"), "/proc/self/fd/0");
    free(out);
}

static void test_none_can_be_made(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_probe(&box, "mknod /tmp/sda 8 0 , mknod /tmp/null 1 3 , mknod /dev/mem 1 1");
    assert_null(strstr(box.out, " ok"));
    /* Nor with the capability, which is not one over the host's devices. */
    box.rules =
        "extends: [default]\ncaps: {keep: [CAP_MKNOD]}\nsyscalls: {allow: [mknod, mknodat]}\n";
    sandbox_probe(&box, "mknod /tmp/sda 8 0 , mknod /tmp/null 1 3");
    assert_null(strstr(box.out, " ok"));
    sandbox_done(&box);
}

/* The null device's own inode is the host's: nobody inside may change it. */
static void test_the_hosts_nodes_cannot_be_changed(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_probe(&box, "chmod 0600 /dev/null , unlink /dev/null , chmod 0600 /dev/tty");
    assert_null(strstr(box.out, " ok"));
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_devices_are_what_they_say),
        cmocka_unit_test(test_they_work),
        cmocka_unit_test(test_links_lead_to_its_own),
        cmocka_unit_test(test_none_can_be_made),
        cmocka_unit_test(test_the_hosts_nodes_cannot_be_changed),
    };

    return sandbox_test_run(tests);
}
