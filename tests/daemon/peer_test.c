/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/peer.h"

static void read_self(struct peer *peer)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(peer_read(pair[0], peer), 0);
    close(pair[0]);
    close(pair[1]);
}

static void it_is_who_the_kernel_says(void **state)
{
    struct peer peer;
    int n = getgroups(0, NULL);
    gid_t *groups = calloc(n ? (size_t)n : 1, sizeof(*groups));

    (void)state;
    read_self(&peer);
    assert_int_equal(peer.pid, getpid());
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.gid, getegid());
    assert_int_equal(getgroups(n, groups), n);
    assert_int_equal(peer.n_groups, n);
    assert_memory_equal(peer.groups, groups, (size_t)n * sizeof(*groups));
    free(groups);
    peer_done(&peer);
    peer_done(&peer);
}

/* More groups than anybody guesses; only root may take them. */
static int with_groups(int count)
{
    gid_t *groups = calloc((size_t)count, sizeof(*groups));
    struct peer peer;
    int ok;

    for (int i = 0; i < count; i++)
        groups[i] = (gid_t)(1000 + i);
    if (geteuid() == 0 && setgroups((size_t)count, groups) < 0)
        return 1;
    count = getgroups(0, NULL);
    read_self(&peer);
    ok = peer.n_groups == (size_t)count && (count == 0 || peer.groups[count - 1] != 0);
    peer_done(&peer);
    free(groups);
    return ok ? 0 : 1;
}

static void any_number_of_groups(void **state)
{
    static const int counts[] = {1, 63, 64, 65, 1000, 65536};

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        pid_t pid = fork();
        int status = -1;

        if (pid == 0)
            _exit(with_groups(counts[i]));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

static void same_is_all_the_same(void **state)
{
    struct peer one, other;

    (void)state;
    read_self(&one);
    free(one.groups);
    one.groups = calloc(2, sizeof(gid_t));
    one.n_groups = 2;
    one.groups[1] = 7;
    assert_int_equal(peer_copy(&one, &other), 0);
    assert_true(one.groups != other.groups);
    assert_true(peer_same(&one, &other));
    other.pid++; /* of no matter */
    assert_true(peer_same(&one, &other));
    other.groups[1] = 8;
    assert_false(peer_same(&one, &other));
    other.groups[1] = 7;
    other.n_groups = 1;
    assert_false(peer_same(&one, &other));
    other.n_groups = 2;
    other.uid++;
    assert_false(peer_same(&one, &other));
    other.uid--;
    other.gid++;
    assert_false(peer_same(&one, &other));
    peer_done(&one);
    peer_done(&other);
}

static void no_peer(void **state)
{
    struct peer peer;
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), null = dup(2);

    (void)state;
    assert_int_equal(peer_read(sock, &peer), -ENOTCONN);
    close(sock);
    assert_int_equal(peer_read(null, &peer) < 0, 1);
    close(null);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_who_the_kernel_says),
        cmocka_unit_test(any_number_of_groups),
        cmocka_unit_test(same_is_all_the_same),
        cmocka_unit_test(no_peer),
    };

    return test_run(tests);
}
