/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "support/support.h"

static struct listen_address of(const char *text, bool pattern)
{
    struct listen_address address;

    assert_int_equal(listen_parse(text, pattern, &address, NULL), 0);
    return address;
}

static void test_what_is_allowed(void **state)
{
    static const struct {
        const char *allowed, *asked, *got; /* got NULL: refused */
    } rows[] = {
        {"tcp:127.0.0.1:*", "tcp:127.0.0.1:80", "tcp:127.0.0.1:80"},
        {"tcp:127.0.0.1:*", "tcp:*:80", "tcp:127.0.0.1:80"},
        {"tcp:[::1]:80", "tcp:*:80", "tcp:[::1]:80"},
        {"tcp:[::1]:80", "tcp:*:81", NULL},
        {"tcp:*:80", "tcp:*:80", "tcp:*:80"},
        {"tcp:*:80", "tcp:127.0.0.1:80", "tcp:127.0.0.1:80"},
        {"tcp:127.0.0.1:80", "tcp:0.0.0.0:80", NULL},
        {"tcp:127.0.0.1:80", "udp:127.0.0.1:80", NULL},
        {"udp:127.0.0.1:80", "tcp:*:80", NULL},
        {"unix:/run/a", "unix:/run/b", NULL},
        {"unix:/run/a", "tcp:*:80", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct listen_address allowed = of(rows[i].allowed, true), asked = of(rows[i].asked, false);
        char text[LISTEN_TEXT];
        int r = address_allowed(&allowed, 1, &asked, NULL);

        if (r != (rows[i].got ? 0 : -EACCES))
            fail_msg("%s of %s: %d", rows[i].asked, rows[i].allowed, r);
        listen_text(&asked, text);
        if (rows[i].got)
            assert_string_equal(text, rows[i].got);
    }
    {
        struct listen_address asked = of("tcp:*:80", false);

        assert_int_equal(address_allowed(NULL, 0, &asked, NULL), -EACCES);
    }
}

static void test_binding(void **state)
{
    static const char *const texts[] = {"tcp:127.0.0.1:0", "tcp:[::1]:0", "tcp:*:0",
                                        "udp:127.0.0.1:0"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct listen_address address = of(texts[i], false), again;
        int fd = address_bind(&address, false, NULL), other;

        assert_true(fd >= 0);
        assert_true(address.first > 0);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        if (address.kind == LISTEN_TCP)
            assert_int_equal(listen(fd, 1), 0);
        again = address;
        other = address_bind(&again, false, NULL);
        assert_int_equal(other, -EADDRINUSE);
        close(fd);
    }
}

/* One for both families: an IPv4 client reaches `*`. */
static void test_any_host_is_both(void **state)
{
    struct listen_address address = of("tcp:*:0", false);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = address_bind(&address, false, NULL), client = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(listen(fd, 1), 0);
    to.sin_port = htons(address.first);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
    close(client);
    close(fd);
}

static void test_beside_each_other(void **state)
{
    struct listen_address address = of("tcp:127.0.0.1:0", false), again;
    int fd = address_bind(&address, true, NULL), other;

    (void)state;
    again = address;
    other = address_bind(&again, true, NULL);
    assert_true(fd >= 0 && other >= 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(listen(other, 1), 0);
    close(fd);
    close(other);
}

static void test_paths(void **state)
{
    char *dir = test_dir(), text[300];
    struct listen_address address;
    struct address_file file;
    struct crib_error error;
    int fd, other;

    (void)state;
    snprintf(text, sizeof(text), "unix:%s/socket", dir);
    address = of(text, false);
    fd = address_bind(&address, false, NULL);
    assert_true(fd >= 0);
    file = address_file(&address);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(access(text + 5, F_OK), 0);
    assert_int_equal(address_bind(&address, false, &error), -EADDRINUSE);
    test_contains(error.subject, "/socket");
    close(fd); /* now nobody is there */
    usleep(20000);
    other = address_bind(&address, false, NULL);
    assert_true(other >= 0);
    address_unlink(&address, &file); /* the first one's, which is gone */
    assert_int_equal(access(text + 5, F_OK), 0);
    file = address_file(&address);
    address_unlink(&address, &file);
    assert_int_equal(access(text + 5, F_OK), -1);
    address_unlink(&address, &file);
    close(other);
    test_write(text + 5, "his", 3, 0644);
    assert_int_equal(address_bind(&address, false, NULL), -EADDRINUSE);
    snprintf(text, sizeof(text), "unix:%s/none/socket", dir);
    address = of(text, false);
    assert_int_equal(address_bind(&address, false, NULL), -ENOENT);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_allowed),
        cmocka_unit_test(test_binding),
        cmocka_unit_test(test_any_host_is_both),
        cmocka_unit_test(test_beside_each_other),
        cmocka_unit_test(test_paths),
    };

    return test_run(tests);
}
