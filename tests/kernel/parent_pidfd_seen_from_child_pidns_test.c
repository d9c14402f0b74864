/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a pidfd of a process is readable at its end also in a child pid namespace, where it
 * has no number; it tells the end of the process, not of its main thread.
 * Source: pidfd_open(2), pid_namespaces(7)
 * crib: init watches its caller by such a pidfd, so the task dies with the process and not
 * with the thread that spawned it.
 */
#include <poll.h>
#include <pthread.h>

#include "apart.h"

/* The body makes a parent with two threads, and that a watcher in a new pid namespace. */
struct scene {
    int pidfd;     /* the parent's, in the watcher */
    int end[2];    /* a byte: the parent's second thread shall end the process */
    int go[2];     /* a byte: the parent's main thread has ended */
    int answer[2]; /* what the watcher saw, one byte each time */
};

static int readable(int pidfd, int timeout)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    return poll(&end, 1, timeout) == 1 && end.revents & POLLIN;
}

static int watch(void *arg)
{
    struct scene *scene = arg;
    char byte;

    CHECK(getpid() == 1);
    CHECK(read(scene->go[0], &byte, 1) == 1);
    CHECK(write(scene->answer[1], readable(scene->pidfd, 100) ? "y" : "n", 1) == 1);
    CHECK(write(scene->answer[1], readable(scene->pidfd, 5000) ? "y" : "n", 1) == 1);
    return 0;
}

static void *second_thread(void *arg)
{
    struct scene *scene = arg;
    char byte;

    _exit(read(scene->end[0], &byte, 1) == 1 ? 0 : 1);
}

static int be_parent(void *arg)
{
    struct scene *scene = arg;
    pthread_t thread;
    pid_t watcher;

    scene->pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    CHECK(scene->pidfd >= 0);
    watcher = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (watcher == 0) {
        alarm(30);
        _exit(watch(scene));
    }
    CHECK(watcher > 0);
    CHECK(pthread_create(&thread, NULL, second_thread, scene) == 0);
    syscall(SYS_exit, 0);
    return 1;
}

/* Waits until the main thread of @pid has ended. */
static int main_thread_ended(pid_t pid)
{
    char path[64], text[512], *state;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 5000; i++, usleep(1000)) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, text, sizeof(text) - 1);

        close(fd);
        text[n > 0 ? n : 0] = '\0';
        state = strrchr(text, ')');
        if (state && state[2] == 'Z')
            return 1;
    }
    return 0;
}

static int body(void *arg)
{
    struct scene scene;
    char answer;
    pid_t pid;

    (void)arg;
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    CHECK(pipe(scene.end) == 0 && pipe(scene.go) == 0 && pipe(scene.answer) == 0);
    pid = apart_start(be_parent, &scene);
    CHECK(main_thread_ended(pid));
    CHECK(write(scene.go[1], "g", 1) == 1);
    CHECK(read(scene.answer[0], &answer, 1) == 1 && answer == 'n');
    CHECK(write(scene.end[1], "e", 1) == 1);
    CHECK(read(scene.answer[0], &answer, 1) == 1 && answer == 'y');
    CHECK(apart_end(pid) == 0);
    CHECK(waitpid(-1, NULL, 0) > 0); /* the watcher */
    return 0;
}

static void test_the_end_of_the_process_is_seen(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_of_the_process_is_seen),
    };

    return test_run(tests);
}
