/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that may be served: read, written, compared, and what two of them have in common. */
#include "support/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/listen.h"

static struct listen_address read_one(const char *text, bool pattern)
{
    struct listen_address address;
    struct crib_error err = {0};

    memset(&address, 0xa5, sizeof(address));
    if (listen_parse(text, pattern, &address, &err) < 0)
        fail_msg("%s: %s", text, err.detail);
    return address;
}

static const char *canonical(const char *text, bool pattern)
{
    static char said[LISTEN_TEXT];
    struct listen_address address = read_one(text, pattern);

    listen_text(&address, said);
    return said;
}

static void test_good_ones(void **state)
{
    static const char *const rows[][2] = {
        {"tcp:127.0.0.1:8080", "tcp:127.0.0.1:8080"},
        {"tcp:127.0.0.1:0", "tcp:127.0.0.1:0"},
        {"tcp:0.0.0.0:65535", "tcp:0.0.0.0:65535"},
        {"tcp:*:80", "tcp:*:80"},
        {"udp:*:53", "udp:*:53"},
        {"tcp:[::1]:80", "tcp:[::1]:80"},
        {"tcp:[::]:80", "tcp:[::]:80"},
        {"udp:[0:0:0:0:0:0:0:1]:53", "udp:[::1]:53"},
        {"tcp:[FE80::0001]:1", "tcp:[fe80::1]:1"},
        {"tcp:[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
         "tcp:[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
        {"tcp:[::127.0.0.1]:80", "tcp:[::127.0.0.1]:80"},
        {"tcp:[64:ff9b::1.2.3.4]:80", "tcp:[64:ff9b::102:304]:80"},
        {"unix:/run/app.sock", "unix:/run/app.sock"},
        {"unix:/a", "unix:/a"},
        {"unix:/run/...", "unix:/run/..."},
        {"unix:/run/..a/.b", "unix:/run/..a/.b"},
        {"unix:/run/a b:c@d", "unix:/run/a b:c@d"},
        {"unix:/run/\xc3\xa4", "unix:/run/\xc3\xa4"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(canonical(rows[i][0], false), rows[i][1]);
        assert_string_equal(canonical(rows[i][0], true), rows[i][1]);
        assert_string_equal(canonical(rows[i][1], false), rows[i][1]);
    }
}

/* For policies alone. */
static void test_patterns(void **state)
{
    static const char *const rows[][2] = {
        {"tcp:127.0.0.1:*", "tcp:127.0.0.1:*"},
        {"tcp:*:*", "tcp:*:*"},
        {"tcp:[::1]:8000-8999", "tcp:[::1]:8000-8999"},
        {"tcp:*:80-80", "tcp:*:80"},
        {"udp:10.0.0.1:1-65535", "udp:10.0.0.1:1-65535"},
        {"unix:/run/app/*", "unix:/run/app/*"},
        {"unix:/*", "unix:/*"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct listen_address address;

        assert_string_equal(canonical(rows[i][0], true), rows[i][1]);
        assert_string_equal(canonical(rows[i][1], true), rows[i][1]);
        if (strcmp(rows[i][0], "tcp:*:80-80") != 0)
            assert_int_equal(listen_parse(rows[i][1], false, &address, NULL), -EINVAL);
    }
    assert_int_equal(listen_parse("tcp:*:80-80", false, &(struct listen_address){0}, NULL),
                     -EINVAL);
}

static void test_what_is_in_it(void **state)
{
    struct listen_address a = read_one("udp:10.1.2.3:7", false);
    uint32_t ip;

    (void)state;
    assert_int_equal(a.kind, LISTEN_UDP);
    assert_int_equal(a.family, AF_INET);
    memcpy(&ip, &a.host, sizeof(ip));
    assert_int_equal(ntohl(ip), 0x0a010203);
    assert_int_equal(a.first, 7);
    assert_int_equal(a.last, 7);
    a = read_one("tcp:[::1]:*", true);
    assert_int_equal(a.kind, LISTEN_TCP);
    assert_int_equal(a.family, AF_INET6);
    assert_memory_equal(&a.host, &in6addr_loopback, sizeof(a.host));
    assert_int_equal(a.first, 0);
    assert_int_equal(a.last, 65535);
    a = read_one("tcp:*:1", false);
    assert_int_equal(a.family, AF_UNSPEC);
    a = read_one("unix:/run/app/*", true);
    assert_int_equal(a.kind, LISTEN_UNIX);
    assert_int_equal(a.family, AF_UNIX);
    assert_string_equal(a.path, "/run/app/");
    assert_true(a.below);
    assert_int_equal(a.last, 0);
}

#define NO_KIND "an address begins with tcp:, udp: or unix:"
#define NO_PORT "a port is a number from 0 to 65535"
#define NO_HOST                                                                                    \
    "the host is no IP address: 127.0.0.1, [::1], or `*` for all; names are not looked up"
#define MAPPED    "this is an address of IPv4: write it as one, without brackets"
#define NO_RANGE  "a range of ports reads 8000-8999"
#define ODD_PATH  "the path has a `.`, a `..` or an empty part"
#define RELATIVE  "the path is not absolute"
#define ODD_STAR  "a `*` is every name in a directory, and stands alone at the end"
#define NOT_PLAIN "it has control characters, or is no UTF-8"

static const struct {
    const char *text, *why;
} bad[] = {
    {"", NO_KIND},
    {"tcp", NO_KIND},
    {"TCP:127.0.0.1:80", NO_KIND},
    {" tcp:127.0.0.1:80", NO_KIND},
    {"127.0.0.1:80", NO_KIND},
    {"http:127.0.0.1:80", NO_KIND},
    {"*", NO_KIND},
    {"unix", NO_KIND},
    {"tcp:", "a host and a port are needed: 127.0.0.1:8080"},
    {"tcp:8080", "a host and a port are needed: 127.0.0.1:8080"},
    {"tcp:127.0.0.1", "a host and a port are needed: 127.0.0.1:8080"},
    /* hosts */
    {"tcp::80", NO_HOST},
    {"tcp:localhost:80", NO_HOST},
    {"tcp:127.1:80", NO_HOST},
    {"tcp:2130706433:80", NO_HOST},
    {"tcp:0x7f.0.0.1:80", NO_HOST},
    {"tcp:127.0.0.01:80", NO_HOST},
    {"tcp:127.0.0.256:80", NO_HOST},
    {"tcp:127.0.0.1.:80", NO_HOST},
    {"tcp: 127.0.0.1:80", NO_HOST},
    {"tcp:127.0.0.*:80", NO_HOST},
    {"tcp:127.0.0.0/8:80", NO_HOST},
    {"tcp:**:80", NO_HOST},
    {"tcp:[*]:80", NO_HOST},
    {"tcp:::1:80", NO_HOST},
    {"tcp:::80", NO_HOST},
    {"tcp:[]:80", NO_HOST},
    {"tcp:[:80", NO_HOST},
    {"tcp:[::1:80", NO_HOST},
    {"tcp:::1]:80", NO_HOST},
    {"tcp:[::1]80", NO_HOST},
    {"tcp:[[::1]]:80", NO_HOST},
    {"tcp:[127.0.0.1]:80", NO_HOST},
    {"tcp:[::1%lo]:80", NO_HOST},
    {"tcp:[fe80::1%1]:80", NO_HOST},
    {"tcp:[1:2:3:4:5:6:7:8:9]:80", NO_HOST},
    {"tcp:[2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80", NO_HOST},
    {"tcp:[::ffff:127.0.0.1]:80", MAPPED},
    {"tcp:[::ffff:7f00:1]:80", MAPPED},
    {"tcp:[::ffff:0.0.0.0]:80", MAPPED},
    {"tcp:[0:0:0:0:0:FFFF:0:0]:80", MAPPED},
    {"tcp:127.0.0.1:80:90", NO_HOST},
    /* ports */
    {"tcp:127.0.0.1:", NO_PORT},
    {"tcp:127.0.0.1:http", NO_PORT},
    {"tcp:127.0.0.1:65536", NO_PORT},
    {"tcp:127.0.0.1:4294967376", NO_PORT},
    {"tcp:127.0.0.1:18446744073709551696", NO_PORT},
    {"tcp:127.0.0.1:080", NO_PORT},
    {"tcp:127.0.0.1:00", NO_PORT},
    {"tcp:127.0.0.1:+80", NO_PORT},
    {"tcp:127.0.0.1:-1", NO_PORT},
    {"tcp:127.0.0.1: 80", NO_PORT},
    {"tcp:127.0.0.1:80 ", NO_PORT},
    {"tcp:127.0.0.1:0x50", NO_PORT},
    {"tcp:127.0.0.1:80,81", NO_PORT},
    {"tcp:127.0.0.1:8*", NO_PORT},
    {"tcp:127.0.0.1:**", NO_PORT},
    {"tcp:127.0.0.1:1-", NO_RANGE},
    {"tcp:127.0.0.1:1-*", NO_RANGE},
    {"tcp:127.0.0.1:1-2-3", NO_RANGE},
    {"tcp:127.0.0.1:1-65536", NO_RANGE},
    {"tcp:127.0.0.1:1-02", NO_RANGE},
    {"tcp:127.0.0.1:1--2", NO_RANGE},
    {"tcp:127.0.0.1:0-10", "a range begins with port 1 or above: 0 is any free one"},
    {"tcp:127.0.0.1:0-65535", "a range begins with port 1 or above: 0 is any free one"},
    {"tcp:127.0.0.1:2-1", "the range ends before it begins"},
    /* paths; abstract names begin with a NUL, or an @ where people write them */
    {"unix:", RELATIVE},
    {"unix:app.sock", RELATIVE},
    {"unix:./app.sock", RELATIVE},
    {"unix:@app", RELATIVE},
    {"unix:*", RELATIVE},
    {"unix:~/app", RELATIVE},
    {"unix: /run/app", RELATIVE},
    {"unix:/", ODD_PATH},
    {"unix://run/app", ODD_PATH},
    {"unix:/run//app", ODD_PATH},
    {"unix:/run/app/", ODD_PATH},
    {"unix:/run/./app", ODD_PATH},
    {"unix:/run/../etc/app", ODD_PATH},
    {"unix:/run/app/..", ODD_PATH},
    {"unix:/..", ODD_PATH},
    {"unix:/.", ODD_PATH},
    {"unix:/run/../*", ODD_PATH},
    {"unix:/run//*", ODD_PATH},
    {"unix:/run/*/", ODD_PATH},
    {"unix:/run/app*", ODD_STAR},
    {"unix:/run/*.sock", ODD_STAR},
    {"unix:/*/app", ODD_STAR},
    {"unix:/run/**", ODD_STAR},
    {"unix:/run/*/*", ODD_STAR},
    {"unix:/run/a\nb", NOT_PLAIN},
    {"unix:/run/a\x1b[2J", NOT_PLAIN},
    {"unix:/run/a\x7f", NOT_PLAIN},
    {"unix:/run/\xff", NOT_PLAIN},
    {"unix:/run/\xc0\xaf..", NOT_PLAIN},
    {"tcp:127.0.0.1:80\n", NOT_PLAIN},
    {"tcp:127.0.0.1\t:80", NOT_PLAIN},
};

/* What is bad is so as a pattern, too, and leaves the result as it was. */
static void test_bad_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct listen_address address = {.first = 7};
        struct crib_error err = {0};

        if (listen_parse(bad[i].text, true, &address, &err) != -EINVAL)
            fail_msg("not refused: %s", bad[i].text);
        assert_string_equal(err.detail, bad[i].why);
        assert_string_equal(err.step, "listen");
        assert_int_equal(err.code, -EINVAL);
        for (const char *at = err.subject; *at; at++)
            assert_true((unsigned char)*at >= ' ');
        assert_int_equal(address.first, 7);
        assert_int_equal(listen_parse(bad[i].text, false, &address, NULL), -EINVAL);
    }
}

static void test_lengths(void **state)
{
    char text[LISTEN_TEXT * 2] = "unix:/", *huge;
    struct listen_address address;
    struct crib_error err = {0};

    (void)state;
    /* 107 bytes and a NUL are what a socket's address holds */
    memset(text + 6, 'a', 106);
    assert_int_equal(strlen(text), 5 + 107);
    assert_string_equal(canonical(text, false), text);
    text[5 + 107] = 'a';
    assert_int_equal(listen_parse(text, true, &address, &err), -EINVAL);
    assert_string_equal(err.detail, "the path is too long for a socket");
    text[5 + 107] = '\0';
    strcpy(text + 5 + 105, "/*");
    assert_string_equal(canonical(text, true), text);
    memset(text + 6, 'a', sizeof(text) - 7);
    assert_int_equal(listen_parse(text, true, &address, &err), -EINVAL);
    assert_string_equal(err.detail, "the address is too long");
    huge = malloc(1 << 20);
    assert_non_null(huge);
    memset(huge, '1', 1 << 20);
    memcpy(huge, "tcp:127.0.0.1:", 14);
    huge[(1 << 20) - 1] = '\0';
    assert_int_equal(listen_parse(huge, true, &address, &err), -EINVAL);
    free(huge);
}

/* Both ways round, and what they have in common, "" for nothing. The one that is asked for need be
 * no pattern. */
static const struct {
    const char *allowed, *asked;
    bool covers;
    const char *common;
} pairs[] = {
    {"tcp:127.0.0.1:80", "tcp:127.0.0.1:80", true, "tcp:127.0.0.1:80"},
    {"tcp:127.0.0.1:80", "udp:127.0.0.1:80", false, ""},
    {"tcp:127.0.0.1:80", "tcp:127.0.0.1:81", false, ""},
    {"tcp:127.0.0.1:80", "tcp:127.0.0.2:80", false, ""},
    {"tcp:127.0.0.1:80", "tcp:[::1]:80", false, ""},
    {"tcp:127.0.0.1:80", "unix:/127.0.0.1:80", false, ""},
    /* the same four bytes of another family */
    {"tcp:[7f00:1::]:80", "tcp:127.0.0.1:80", false, ""},
    {"tcp:[::]:80", "tcp:0.0.0.0:80", false, ""},
    /* all addresses: only `*` has others in it, and has both */
    {"tcp:*:80", "tcp:127.0.0.1:80", true, "tcp:127.0.0.1:80"},
    {"tcp:*:80", "tcp:[::1]:80", true, "tcp:[::1]:80"},
    {"tcp:*:80", "tcp:0.0.0.0:80", true, "tcp:0.0.0.0:80"},
    {"tcp:*:80", "tcp:[::]:80", true, "tcp:[::]:80"},
    {"tcp:*:80", "tcp:*:80", true, "tcp:*:80"},
    {"tcp:0.0.0.0:80", "tcp:*:80", false, "tcp:0.0.0.0:80"},
    {"tcp:[::]:80", "tcp:*:80", false, "tcp:[::]:80"},
    {"tcp:127.0.0.1:80", "tcp:*:80", false, "tcp:127.0.0.1:80"},
    {"tcp:0.0.0.0:80", "tcp:127.0.0.1:80", false, ""},
    {"tcp:127.0.0.1:80", "tcp:0.0.0.0:80", false, ""},
    {"tcp:[::]:80", "tcp:[::1]:80", false, ""},
    {"udp:*:80", "tcp:*:80", false, ""},
    /* ports */
    {"tcp:127.0.0.1:*", "tcp:127.0.0.1:1", true, "tcp:127.0.0.1:1"},
    {"tcp:127.0.0.1:*", "tcp:127.0.0.1:65535", true, "tcp:127.0.0.1:65535"},
    {"tcp:127.0.0.1:*", "tcp:127.0.0.1:0", true, "tcp:127.0.0.1:0"},
    {"tcp:127.0.0.1:0", "tcp:127.0.0.1:0", true, "tcp:127.0.0.1:0"},
    {"tcp:127.0.0.1:0", "tcp:127.0.0.1:1", false, ""},
    {"tcp:127.0.0.1:1-65535", "tcp:127.0.0.1:0", false, ""},
    {"tcp:127.0.0.1:1-65535", "tcp:127.0.0.1:*", false, "tcp:127.0.0.1:1-65535"},
    {"tcp:127.0.0.1:*", "tcp:127.0.0.1:1-65535", true, "tcp:127.0.0.1:1-65535"},
    {"tcp:127.0.0.1:*", "tcp:127.0.0.1:*", true, "tcp:127.0.0.1:*"},
    {"tcp:127.0.0.1:0", "tcp:127.0.0.1:*", false, "tcp:127.0.0.1:0"},
    {"tcp:*:8000-8999", "tcp:127.0.0.1:8000", true, "tcp:127.0.0.1:8000"},
    {"tcp:*:8000-8999", "tcp:127.0.0.1:8999", true, "tcp:127.0.0.1:8999"},
    {"tcp:*:8000-8999", "tcp:127.0.0.1:7999", false, ""},
    {"tcp:*:8000-8999", "tcp:127.0.0.1:9000", false, ""},
    {"tcp:*:8000-8999", "tcp:127.0.0.1:8100-8200", true, "tcp:127.0.0.1:8100-8200"},
    {"tcp:*:8000-8999", "tcp:127.0.0.1:8500-9500", false, "tcp:127.0.0.1:8500-8999"},
    {"tcp:*:8000-8999", "tcp:[::1]:7000-8000", false, "tcp:[::1]:8000"},
    {"tcp:127.0.0.1:8000-8999", "tcp:*:8500-9500", false, "tcp:127.0.0.1:8500-8999"},
    /* paths */
    {"unix:/run/app", "unix:/run/app", true, "unix:/run/app"},
    {"unix:/run/app", "unix:/run/app2", false, ""},
    {"unix:/run/app", "unix:/run/app/a", false, ""},
    {"unix:/run/app/*", "unix:/run/app/a", true, "unix:/run/app/a"},
    {"unix:/run/app/*", "unix:/run/app/.a", true, "unix:/run/app/.a"},
    {"unix:/run/app/*", "unix:/run/app/a/b", false, ""},
    {"unix:/run/app/*", "unix:/run/app", false, ""},
    {"unix:/run/app/*", "unix:/run/app2", false, ""},
    {"unix:/run/app/*", "unix:/run/app2/a", false, ""},
    {"unix:/run/app/*", "unix:/run/a", false, ""},
    {"unix:/run/app/*", "unix:/run/app/*", true, "unix:/run/app/*"},
    {"unix:/run/app/*", "unix:/run/app/a/*", false, ""},
    {"unix:/run/app/*", "unix:/run/*", false, ""},
    {"unix:/run/app/a", "unix:/run/app/*", false, "unix:/run/app/a"},
    {"unix:/*", "unix:/a", true, "unix:/a"},
    {"unix:/*", "unix:/run/a", false, ""},
    {"unix:/run/a", "tcp:*:*", false, ""},
};

static void test_covering(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct listen_address allowed = read_one(pairs[i].allowed, true),
                              asked = read_one(pairs[i].asked, true), common = {.first = 7};
        char said[LISTEN_TEXT] = "";

        if (listen_covers(&allowed, &asked) != pairs[i].covers)
            fail_msg("%s and %s", pairs[i].allowed, pairs[i].asked);
        for (int turned = 0; turned < 2; turned++) {
            if (listen_common(turned ? &asked : &allowed, turned ? &allowed : &asked, &common))
                listen_text(&common, said);
            else
                assert_int_equal(common.first, 7);
            assert_string_equal(said, pairs[i].common);
        }
        if (!said[0])
            continue;
        /* what both have, each of them covers */
        assert_true(listen_covers(&allowed, &common) && listen_covers(&asked, &common));
        common = read_one(said, true);
        assert_true(listen_covers(&allowed, &common) && listen_covers(&asked, &common));
    }
}

/* Whatever an address is, it covers itself. */
static void test_every_one_covers_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        for (int n = 0; n < 2; n++) {
            struct listen_address one = read_one(n ? pairs[i].asked : pairs[i].allowed, true);

            assert_true(listen_covers(&one, &one));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_what_is_in_it),
        cmocka_unit_test(test_bad_ones),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_covering),
        cmocka_unit_test(test_every_one_covers_itself),
    };

    return test_run(tests);
}
