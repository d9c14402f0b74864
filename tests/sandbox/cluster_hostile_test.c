/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that say and do what good ones do not; and what the primary itself may run out of. */
#include "sandbox/ordered.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "sandbox/ahead.h"

#define NEVER_MS 60000 /* what no machine is slow enough for: only moving time ahead comes to it   \
                        */

/* Moves time ahead, a bit at a time as the primary's timers follow each other. */
static void pass(struct clustered *c, unsigned ms)
{
    for (unsigned i = 0; i < 10; i++) {
        ahead_ms += ms / 10;
        ordered_quiet(c);
    }
}

/* The worker's process is gone, with all its fds, before the loop turns. */
static void await_end(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    if (fd < 0)
        return; /* long since */
    assert_int_equal(poll(&polled, 1, LIVE_PATIENCE_MS), 1);
    close(fd);
}

/* --- taking connections --- */

/* What it took and said so is its own: nobody else gets it, whatever comes of the rest. */
static void test_what_was_taken_before_the_end(void **state)
{
    static const char *const orders[] = {"nothing", NULL};
    struct clustered c;
    char one[64], two[64];
    int first, second;
    pid_t pid;

    (void)state;
    ordered_open(&c, 2);
    ordered_start(&c, orders);
    clustered_until(&c, "online", 2);
    for (unsigned id = 1; id <= 2; id++) /* whose turns come in this order */
        assert_int_equal(ordered(&c, id, ROBIN), 0);
    first = clustered_connect(c.address);
    second = clustered_connect(c.address);
    ordered_holds(&c, 2);
    assert_int_equal(ordered(&c, 1, "take 0"), 0);
    close(clustered_connect(c.address)); /* so that worker 1 has one more, unread */
    ordered_holds(&c, 3);
    pid = crib_task_pid(crib_worker_task(ordered_worker(&c, 1)));
    ordered_tell(&c, 1, "ack 0");
    ordered_tell(&c, 1, "exit 0");
    await_end(pid); /* all of it has happened when the primary looks */
    clustered_until(&c, "exit1", 1);
    assert_int_equal(ordered(&c, 2, "serve"), 0);
    assert_string_equal(ordered_end(&c, first, one, sizeof(one)), "worker 1;");
    assert_string_equal(ordered_end(&c, second, two, sizeof(two)), "worker 2;");
    close(first);
    close(second);
    clustered_close(&c);
}

/* A connection that nobody took survives the end of any number of workers. */
static void test_many_ends(void **state)
{
    static const char *const orders[] = {ROBIN, NULL};
    struct clustered c;
    char text[64];
    int client;

    (void)state;
    ordered_open(&c, 1);
    c.options.back_off_ms = 1;
    ordered_start(&c, orders);
    clustered_until(&c, "listening1", 1);
    client = clustered_connect(c.address);
    for (unsigned id = 1; id <= 6; id++) {
        char word[32];

        ordered_holds(&c, 1);
        ordered_tell(&c, id, "exit 0");
        snprintf(word, sizeof(word), "listening%u ", id + 1);
        clustered_until(&c, word, 1);
    }
    assert_int_equal(ordered(&c, 7, "serve"), 0);
    assert_string_equal(ordered_end(&c, client, text, sizeof(text)), "worker 7;");
    close(client);
    clustered_close(&c);
}

/* One that takes nothing does not keep many waiting while the other one is idle. */
static void test_one_that_takes_nothing(void **state)
{
    static const char *const orders[] = {ROBIN, "!1:serve", NULL};
    struct clustered c;
    char text[64];
    int clients[40], served = 0;

    (void)state;
    ordered_open(&c, 2);
    ordered_start(&c, orders);
    clustered_until(&c, "listening", 2);
    for (int i = 0; i < 40; i++) {
        const struct part *idle = ordered_worker(&c, 1)->parts;
        bool heard = false;

        clients[i] = clustered_connect(c.address);
        while (!heard && (int)idle->n_given + served <= i) {
            clustered_turn(&c, clients[i]);
            heard = ordered_heard(clients[i], text, sizeof(text))[0] != '\0';
        }
        served += heard;
        ordered_quiet(&c); /* who has greeted has said that he took it */
    }
    for (int i = 0; i < 40; i++)
        close(clients[i]);
    assert_in_range(served, 35, 40);
    clustered_close(&c);
}

/* It took both, and says so of the second only: the first is what others get. */
static void test_the_second_is_answered(void **state)
{
    static const char *const orders[] = {ROBIN, NULL};
    struct clustered c;
    char one[64], two[64];
    int first, second;

    (void)state;
    ordered_open(&c, 1);
    ordered_start(&c, orders);
    clustered_until(&c, "listening1", 1);
    first = clustered_connect(c.address);
    second = clustered_connect(c.address);
    ordered_holds(&c, 2);
    assert_int_equal(ordered(&c, 1, "take 0"), 0);
    assert_int_equal(ordered(&c, 1, "take 0"), 0);
    assert_int_equal(ordered(&c, 1, "ack 0"), 0);
    ordered_tell(&c, 1, "exit 0");
    clustered_until(&c, "listening2", 1);
    assert_int_equal(ordered(&c, 2, "serve"), 0);
    assert_string_equal(ordered_end(&c, second, two, sizeof(two)), "worker 1;");
    assert_string_equal(ordered_end(&c, first, one, sizeof(one)), "worker 1;worker 2;");
    close(first);
    close(second);
    clustered_close(&c);
}

/* --- sockets --- */

/* What was closed can be asked for again, at once. */
static void test_closing_and_listening_again(void **state)
{
    static const char *const ways[] = {"round-robin", "socket", "reuseport"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        static const char *const orders[] = {"nothing", NULL};
        struct clustered c;
        char order[200], text[64], address[160];
        int client;

        ordered_open(&c, 1);
        ordered_start(&c, orders);
        clustered_until(&c, "online1", 1);
        snprintf(order, sizeof(order), "listen " LOOPBACK " %s", ways[i]);
        assert_int_equal(ordered(&c, 1, order), 0);
        snprintf(address, sizeof(address), "%s", c.address);
        assert_int_equal(ordered(&c, 1, "close 0"), 0);
        snprintf(order, sizeof(order), "listen %s %s", address, ways[i]);
        assert_int_equal(ordered(&c, 1, order), 1);
        assert_int_equal(ordered(&c, 1, "serve"), 0);
        pass(&c, 2 * CLUSTER_SWEEP_MS); /* nothing of the first remains that could end the second */
        client = clustered_connect(address);
        assert_true(client >= 0);
        assert_string_equal(ordered_end(&c, client, text, sizeof(text)), "worker 1;");
        close(client);
        assert_int_equal(c.errors, 0);
        clustered_close(&c);
    }
}

/* Port 0 is any free one: asked for twice, two; and for all workers the same two. */
static void test_port_0_twice(void **state)
{
    static const char *const orders[] = {"nothing", NULL};
    struct clustered c;
    char addresses[4][160];

    (void)state;
    ordered_open(&c, 2);
    ordered_start(&c, orders);
    clustered_until(&c, "online", 2);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(ordered(&c, 1 + i % 2, i < 2 ? ROBIN : SHARED), i / 2);
        memcpy(addresses[i], c.address, sizeof(addresses[i]));
    }
    assert_string_equal(addresses[0], addresses[1]);
    assert_string_equal(addresses[2], addresses[3]);
    assert_string_not_equal(addresses[0], addresses[2]);
    assert_int_equal(c.errors, 0);
    clustered_close(&c);
}

/* Sockets of workers that are gone make room for those of others. */
static void test_sockets_of_the_dead(void **state)
{
    static const char *const orders[] = {"nothing", NULL};
    char *dir = test_dir(), all[200];
    const struct crib_listen listen[] = {{.address = all}};
    struct clustered c;

    (void)state;
    snprintf(all, sizeof(all), "unix:%s/*", dir);
    ordered_open(&c, 1);
    c.options.listen = listen;
    c.options.back_off_ms = 1;
    c.options.crash_limit = 100;
    ordered_start(&c, orders);
    for (unsigned id = 1; id <= CLUSTER_MAX_SOCKETS / 60 + 1; id++) {
        char word[32];

        snprintf(word, sizeof(word), "online%u ", id);
        clustered_until(&c, word, 1);
        c.log[0] = '\0';
        for (int i = 0; i < 60; i++) {
            char order[300];

            snprintf(order, sizeof(order), "listen unix:%s/%u.%d socket", dir, id, i);
            assert_int_equal(ordered(&c, id, order), i);
            c.log[0] = '\0';
        }
        ordered_tell(&c, id, "exit 0");
    }
    assert_int_equal(c.errors, 0);
    clustered_close(&c);
    free(dir);
}

/* A path that somebody else has taken over meanwhile is his. */
static void test_a_path_of_somebody_else(void **state)
{
    char *dir = test_dir(), address[200];
    const char *const orders[] = {"nothing", NULL};
    const struct crib_listen listen[] = {{.address = address}};
    struct clustered c;
    char order[300];

    (void)state;
    snprintf(address, sizeof(address), "unix:%s/socket", dir);
    snprintf(order, sizeof(order), "listen %s any", address);
    ordered_open(&c, 1);
    c.options.listen = listen;
    ordered_start(&c, orders);
    clustered_until(&c, "online1", 1);
    assert_int_equal(ordered(&c, 1, order), 0);
    assert_int_equal(unlink(address + 5), 0);
    test_write(address + 5, "his", 3, 0644);
    clustered_close(&c);
    assert_int_equal(access(address + 5, F_OK), 0);
    assert_int_equal(unlink(address + 5), 0);
    free(dir);
}

/* Another socket, even one that has the number which ours had. */
static void test_a_socket_of_somebody_else(void **state)
{
    char *dir = test_dir(), address[200];
    const char *const orders[] = {"nothing", NULL};
    const struct crib_listen allowed[] = {{.address = address}};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct clustered c;
    char order[300];
    int his = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    snprintf(address, sizeof(address), "unix:%s/socket", dir);
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", address + 5);
    snprintf(order, sizeof(order), "listen %s any", address);
    ordered_open(&c, 1);
    c.options.listen = allowed;
    ordered_start(&c, orders);
    clustered_until(&c, "online1", 1);
    assert_int_equal(ordered(&c, 1, order), 0);
    assert_int_equal(unlink(address + 5), 0);
    usleep(20000);
    assert_int_equal(bind(his, (struct sockaddr *)&un, sizeof(un)), 0);
    clustered_close(&c);
    assert_int_equal(access(address + 5, F_OK), 0);
    assert_int_equal(unlink(address + 5), 0);
    close(his);
    free(dir);
}

/* What a primary that was killed has left is no hindrance; what others serve is theirs. */
static void test_a_socket_that_was_left(void **state)
{
    char *dir = test_dir(), address[200];
    const char *const orders[] = {"nothing", NULL};
    const struct crib_listen allowed[] = {{.address = address}};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct clustered c;
    char order[300];
    int his = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    snprintf(address, sizeof(address), "unix:%s/socket", dir);
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", address + 5);
    snprintf(order, sizeof(order), "listen %s any", address);
    assert_int_equal(bind(his, (struct sockaddr *)&un, sizeof(un)), 0);
    assert_int_equal(listen(his, 1), 0);
    ordered_open(&c, 1);
    c.options.listen = allowed;
    ordered_start(&c, orders);
    clustered_until(&c, "online1", 1);
    assert_int_equal(ordered(&c, 1, order), -EADDRINUSE);
    close(his);
    assert_int_equal(ordered(&c, 1, order), 0);
    clustered_close(&c);
    assert_int_equal(access(address + 5, F_OK), -1);
    free(dir);
}

/* --- what is said --- */

/* A way to share that there is not. */
static void test_odd_asks(void **state)
{
    static const char *const orders[] = {"nothing", NULL};
    struct clustered c;

    (void)state;
    ordered_open(&c, 1);
    ordered_start(&c, orders);
    clustered_until(&c, "online1", 1);
    /* listen { seq: 9 address: "tcp:127.0.0.1:0" sharing: 99 } */
    assert_int_equal(ordered(&c, 1,
                             "say 1215080912"
                             "0f7463703a3132372e302e302e313a30"
                             "1863"),
                     0);
    assert_int_equal(ordered_count(&c, "listening"), 0);
    assert_int_equal(c.error.code, -EINVAL);
    clustered_close(&c);
}

/* It asks and asks, and reads no answer: the primary does not keep them for it. */
static void test_a_flood_of_asks(void **state)
{
    /* listen { seq: 9 address: "x" } */
    static const char *const orders[] = {"1:flood 12050809120178 200000", NULL};
    struct clustered c;

    (void)state;
    ordered_open(&c, 1);
    c.options.back_off_ms = 1;
    ordered_start(&c, orders);
    clustered_until(&c, "fork2", 1);
    assert_int_equal(c.error.code, -ENOBUFS);
    clustered_close(&c);
}

/* Each kind of wrong is told, and none without end. */
static void test_kinds_of_wrong(void **state)
{
    static const char *const orders[] = {"nothing", NULL};
    struct clustered c;
    unsigned errors;

    (void)state;
    ordered_open(&c, 1);
    c.options.ping_ms = 50;
    c.options.pong_ms = NEVER_MS;
    ordered_start(&c, orders);
    clustered_until(&c, "online1", 1);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(ordered(&c, 1, "listen tcp:0.0.0.0:80 any"), -EACCES);
        assert_int_equal(ordered(&c, 1, "say ffff"), 0);
    }
    errors = c.errors;
    assert_in_range(errors, 2, 40);
    ordered_tell(&c, 1, "hang");
    while (c.errors == errors) {
        ahead_ms += NEVER_MS / 10;
        ordered_quiet(&c);
    }
    clustered_until(&c, "crashed1", 1);
    assert_int_equal(c.errors, errors + 1);
    assert_int_equal(c.error.code, -ETIMEDOUT);
    clustered_close(&c);
}

/* One that is told to leave while it starts did nothing wrong. */
static void test_told_to_leave_while_it_asks(void **state)
{
    static const char *const orders[] = {"nothing", NULL};
    struct clustered c;

    (void)state;
    ordered_open(&c, 2);
    ordered_start(&c, orders);
    clustered_until(&c, "online", 2);
    ordered_tell(&c, 1, ROBIN);
    usleep(100000); /* it has asked, mostly */
    assert_int_equal(crib_cluster_scale(c.cluster, 1), 0);
    clustered_until(&c, "left1", 1);
    assert_int_equal(c.errors, 0);
    clustered_close(&c);
}

/* One that hangs before it is online is noticed, too. */
static void test_hanging_from_the_start(void **state)
{
    static const char *const orders[] = {"hang first", NULL};
    struct clustered c;

    (void)state;
    ordered_open(&c, 1);
    c.options.back_off_ms = 1;
    c.options.ping_ms = 50;
    c.options.pong_ms = NEVER_MS;
    c.options.ready_ms = NEVER_MS;
    ordered_start(&c, orders);
    clustered_until(&c, "fork1", 1);
    ahead_ms += NEVER_MS;
    clustered_until(&c, "fork2", 1);
    assert_int_equal(c.error.code, -ETIMEDOUT);
    clustered_close(&c);
}

/* A primary that was kept from its loop has itself to blame, not those who answered meanwhile. */
static void test_a_primary_that_is_late(void **state)
{
    static const char *const orders[] = {"nothing", NULL};
    struct clustered c;

    (void)state;
    ordered_open(&c, 1);
    c.options.ping_ms = 20;
    c.options.pong_ms = NEVER_MS;
    c.options.ready_ms = NEVER_MS;
    ordered_start(&c, orders);
    clustered_until(&c, "fork1", 1);
    ordered_quiet(&c);
    for (int i = 0; i < 4; i++) {
        while (ordered_worker(&c, 1)->waits == WAITS_PING)
            clustered_turn(&c, -1);
        ordered_await(&c); /* that it is online, then what it answers */
        ahead_ms += NEVER_MS;
        ordered_quiet(&c);
        assert_int_equal(ordered_worker(&c, 1)->waits, WAITS_PING);
    }
    assert_int_equal(c.errors, 0);
    clustered_close(&c);
}

/* The same in a restart: the successor is not to blame. */
static void test_a_restart_that_is_late(void **state)
{
    static const char *const orders[] = {"1:" ROBIN, NULL};
    struct clustered c;

    (void)state;
    ordered_open(&c, 1);
    c.options.ready_ms = NEVER_MS;
    ordered_start(&c, orders);
    clustered_until(&c, "listening1", 1);
    assert_int_equal(crib_cluster_restart(c.cluster), 0);
    clustered_until(&c, "online2", 1);
    ordered_quiet(&c);
    ordered_tell(&c, 2, ROBIN);
    ordered_await(&c);
    ahead_ms += NEVER_MS;
    clustered_until(&c, "restarted", 1);
    assert_int_equal(c.errors, 0);
    clustered_close(&c);
}

/* --- what the primary runs out of --- */

/* Connections wait while no fd is left, which is told once. */
static void test_no_fds_for_connections(void **state)
{
    static const char *const orders[] = {ROBIN, "serve", NULL};
    struct clustered c;
    struct rlimit before;
    char text[64];
    int client;

    (void)state;
    ordered_open(&c, 2);
    ordered_start(&c, orders);
    clustered_until(&c, "listening", 2);
    client = clustered_connect(c.address);
    before = ordered_few_fds(0);
    clustered_until(&c, "error0", 1);
    pass(&c, 2000);
    assert_int_equal(c.error.code, -EMFILE);
    assert_int_equal(c.errors, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    test_contains(ordered_end(&c, client, text, sizeof(text)), "worker ");
    close(client);
    clustered_close(&c);
}

/* A worker that asks is answered, even where there is no fd for it. */
static void test_no_fds_for_answers(void **state)
{
    static const char *const orders[] = {"nothing", NULL};
    struct clustered c;
    struct rlimit before;
    char order[200];

    (void)state;
    ordered_open(&c, 2);
    ordered_start(&c, orders);
    clustered_until(&c, "online", 2);
    assert_int_equal(ordered(&c, 1, SHARED), 0);
    snprintf(order, sizeof(order), "listen %s socket", c.address);
    for (unsigned more = 0; more < 2; more++) {
        before = ordered_few_fds(more);
        assert_int_equal(ordered(&c, 2, order), -EMFILE);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    }
    assert_int_equal(ordered(&c, 2, order), 0);
    clustered_close(&c);
}

/* Two parts end at once, and a connection comes that there is no fd for. */
static void test_parts_that_end_without_fds(void **state)
{
    static const char *const orders[] = {"nothing", NULL};
    struct clustered c;
    struct rlimit before;
    char addresses[2][160], text[64];
    int clients[2];

    (void)state;
    ordered_open(&c, 2);
    ordered_start(&c, orders);
    clustered_until(&c, "online", 2);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(ordered(&c, 1 + i % 2, ROBIN), i / 2);
        memcpy(addresses[i / 2], c.address, sizeof(c.address));
    }
    ordered_tell(&c, 1, "close 0");
    ordered_tell(&c, 1, "close 1");
    while (c.cluster->n_shut < 2)
        clustered_turn(&c, -1);
    for (int i = 0; i < 2; i++)
        clients[i] = clustered_connect(addresses[i]);
    before = ordered_few_fds(0);
    pass(&c, 2 * CLUSTER_SWEEP_MS);
    assert_int_equal(c.cluster->n_shut, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(ordered(&c, 2, "serve"), 0);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(ordered_end(&c, clients[i], text, sizeof(text)), "worker 2;");
        close(clients[i]);
    }
    clustered_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_taken_before_the_end),
        cmocka_unit_test(test_many_ends),
        cmocka_unit_test(test_one_that_takes_nothing),
        cmocka_unit_test(test_the_second_is_answered),
        cmocka_unit_test(test_closing_and_listening_again),
        cmocka_unit_test(test_port_0_twice),
        cmocka_unit_test(test_sockets_of_the_dead),
        cmocka_unit_test(test_a_path_of_somebody_else),
        cmocka_unit_test(test_a_socket_of_somebody_else),
        cmocka_unit_test(test_a_socket_that_was_left),
        cmocka_unit_test(test_odd_asks),
        cmocka_unit_test(test_a_flood_of_asks),
        cmocka_unit_test(test_kinds_of_wrong),
        cmocka_unit_test(test_told_to_leave_while_it_asks),
        cmocka_unit_test(test_hanging_from_the_start),
        cmocka_unit_test(test_a_primary_that_is_late),
        cmocka_unit_test(test_a_restart_that_is_late),
        cmocka_unit_test(test_no_fds_for_connections),
        cmocka_unit_test(test_no_fds_for_answers),
        cmocka_unit_test(test_parts_that_end_without_fds),
    };

    return sandbox_test_run(tests);
}
