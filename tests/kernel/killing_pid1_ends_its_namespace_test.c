/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: when the init of a pid namespace is killed, every process in it is killed, in
 * whatever session it is; and without a handler it takes no signal but SIGKILL and SIGSTOP,
 * and these only from outside.
 * Source: pid_namespaces(7)
 * crib: SIGKILL to init is how a whole task is ended; and the task itself is not pid 1, so
 * that SIGTERM works on it as usual.
 */
#include "apart.h"

struct scene {
    int held[2];  /* held open by everything inside */
    int ready[2]; /* a byte: init's child runs */
};

static int descendant(void *arg)
{
    struct scene *scene = arg;

    prctl(PR_SET_PDEATHSIG, 0);
    CHECK(setsid() > 0);
    CHECK(write(scene->ready[1], "r", 1) == 1);
    for (;;)
        pause();
}

static int as_init(void *arg)
{
    CHECK(getpid() == 1);
    CHECK(kill(1, SIGTERM) == 0 && kill(1, SIGKILL) == 0);
    CHECK(apart_start(descendant, arg) > 0);
    for (;;)
        pause();
}

static int body(void *arg)
{
    struct scene scene;
    int status = 0;
    pid_t init;
    char byte;

    (void)arg;
    CHECK(pipe(scene.held) == 0 && pipe(scene.ready) == 0);
    CHECK(enter_new(CLONE_NEWPID) == 0);
    init = apart_start(as_init, &scene);
    close(scene.held[1]);
    CHECK(read(scene.ready[0], &byte, 1) == 1);
    CHECK(kill(init, SIGTERM) == 0);
    CHECK(waitpid(init, &status, WNOHANG) == 0);
    CHECK(kill(init, SIGKILL) == 0);
    CHECK(waitpid(init, &status, 0) == init && WTERMSIG(status) == SIGKILL);
    CHECK(read(scene.held[0], &byte, 1) == 0); /* nobody is left who holds the other end */
    return 0;
}

static void test_all_go_with_init(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_go_with_init),
    };

    return test_run(tests);
}
