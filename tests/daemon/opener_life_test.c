/* SPDX-License-Identifier: Apache-2.0 */
/* The life of opener processes: how many there are, when they go, and who may end them. */
#include "opening.h"

#include <sys/prctl.h>

#define PATIENT_MS 60000

/* However slow this machine is, nobody is taken for one that hangs. */
static void patient_start(struct opening *o)
{
    opening_start(o);
    openers_times(o->openers, PATIENT_MS, PATIENT_MS);
}

static void one_process_serves_many(void **state)
{
    struct peer me = self();
    Crib__HostPath__Kind kind;
    struct opening o;
    pid_t first, last;
    int fds;

    (void)state;
    patient_start(&o);
    assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
    assert_int_equal(children(&first, 1), 1);
    fds = test_count_fds(getpid());
    for (int i = 0; i < 500; i++) {
        assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
        assert_int_equal(open_file(&o, &me, "/dev/null", O_RDONLY), 0);
    }
    assert_int_equal(test_count_fds(getpid()), fds);
    assert_int_equal(children(&last, 1), 1);
    assert_int_equal(first, last);
    opening_stop(&o);
    assert_int_equal(children(NULL, 0), 0);
    peer_done(&me);
}

static void many_at_once_wait_for_it(void **state)
{
    static struct asked asked[200];
    struct peer me = self();
    struct opening o;

    (void)state;
    patient_start(&o);
    for (size_t i = 0; i < 200; i++)
        ask_path(&o, &asked[i], &me, "/usr");
    assert_int_equal(children(NULL, 0), 1);
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(answered(&o, &asked[i]), 0);
        asked_done(&asked[i]);
    }
    assert_true(children(NULL, 0) <= OPENER_MAX_OF_UID);
    opening_stop(&o);
    peer_done(&me);
}

/* More identities than there may be processes; an ordinary daemon knows but one. */
static void every_identity_gets_its_turn(void **state)
{
    static struct asked asked[3 * OPENER_MAX];
    size_t count = geteuid() == 0 ? 3 * OPENER_MAX : 1;
    struct peer peer = self();
    struct opening o;

    (void)state;
    patient_start(&o);
    for (size_t i = 0; i < count; i++) {
        if (count > 1)
            peer.uid = peer.gid = (uid_t)(OTHER_ID + i);
        ask_path(&o, &asked[i], &peer, "/usr");
        assert_true(children(NULL, 0) <= OPENER_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(answered(&o, &asked[i]), 0);
        assert_int_equal(asked[i].host.n_paths, 1);
        asked_done(&asked[i]);
    }
    opening_stop(&o);
    peer_done(&peer);
}

static void it_goes_when_idle(void **state)
{
    struct peer me = self();
    Crib__HostPath__Kind kind;
    struct opening o;

    (void)state;
    patient_start(&o);
    assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
    assert_int_equal(children(NULL, 0), 1);
    uv_run(&o.loop, UV_RUN_DEFAULT); /* nothing keeps the loop but the process */
    assert_int_equal(children(NULL, 0), 0);
    assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
    opening_stop(&o);
    peer_done(&me);
}

static void cancelled_ones_are_not_answered(void **state)
{
    struct opener_file file = {"/dev/null", O_RDONLY};
    struct peer me = self();
    const char *path = "/usr";
    Crib__HostPath__Kind kind;
    struct opening o;
    int fds;

    (void)state;
    patient_start(&o);
    assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
    fds = test_count_fds(getpid());
    for (int i = 0; i < 300; i++) {
        struct asked a, behind;

        assert_int_equal(ask_all(&o, &a, &me, &path, 1, &file, 1), 0);
        assert_int_equal(ask_all(&o, &behind, &me, &path, 1, &file, 1), 0);
        opener_cancel(i % 2 ? behind.request : a.request);
        if (i % 2) { /* the arena goes at once: nobody may write there */
            asked_done(&behind);
            assert_int_equal(answered(&o, &a), 0);
            asked_done(&a);
        } else {
            asked_done(&a);
            assert_int_equal(answered(&o, &behind), 0);
            asked_done(&behind);
        }
    }
    assert_int_equal(test_count_fds(getpid()), fds);
    assert_int_equal(children(NULL, 0), 1);
    opening_stop(&o);
    peer_done(&me);
}

static void closing_answers_all(void **state)
{
    struct peer me = self();
    struct asked asked[20];
    struct opening o;
    struct asked late;

    (void)state;
    patient_start(&o);
    for (size_t i = 0; i < 20; i++)
        ask_path(&o, &asked[i], &me, "/usr");
    opener_cancel(asked[0].request);
    opener_cancel(asked[19].request);
    openers_close(o.openers, opening_on_closed, &o);
    assert_int_equal(ask_all(&o, &late, &me, NULL, 0, NULL, 0), -ECANCELED);
    for (size_t i = 0; i < 20; i++) {
        bool cancelled = i == 0 || i == 19;

        assert_int_equal(asked[i].answers, cancelled ? 0 : 1);
        assert_int_equal(asked[i].answer.code, cancelled ? 0 : -ECANCELED);
        asked_done(&asked[i]);
    }
    uv_run(&o.loop, UV_RUN_DEFAULT);
    assert_true(o.closed);
    assert_int_equal(uv_loop_close(&o.loop), 0);
    assert_int_equal(children(NULL, 0), 0);
    peer_done(&me);
}

struct chain {
    struct opening *o;
    struct peer *peer;
    struct asked asked, victim;
    int left;
};

/* An answer asks again, and cancels another, which waits behind it. */
static void on_chain(struct opener_answer *answer, void *data)
{
    struct chain *chain = data;
    const char *path = "/usr";

    assert_int_equal(answer->code, 0);
    host_fds_done(&answer->fds);
    free(answer->files);
    opener_cancel(chain->victim.request);
    assert_int_equal(chain->victim.answers, 0);
    asked_done(&chain->victim);
    if (chain->left-- == 0)
        return;
    assert_int_equal(opener_ask(chain->o->openers, chain->peer, &path, 1, &chain->asked.arena,
                                &chain->asked.host, NULL, 0, on_chain, chain, &chain->asked.request,
                                NULL),
                     0);
    ask_path(chain->o, &chain->victim, chain->peer, path);
}

static void asking_from_an_answer(void **state)
{
    struct peer me = self();
    struct opening o;
    struct chain chain = {.o = &o, .peer = &me, .left = 50};
    const char *path = "/usr";

    (void)state;
    patient_start(&o);
    asked_init(&chain.asked);
    assert_int_equal(opener_ask(o.openers, &me, &path, 1, &chain.asked.arena, &chain.asked.host,
                                NULL, 0, on_chain, &chain, &chain.asked.request, NULL),
                     0);
    ask_path(&o, &chain.victim, &me, path);
    while (chain.left >= 0)
        uv_run(&o.loop, UV_RUN_ONCE);
    arena_done(&chain.asked.arena);
    opening_stop(&o);
    peer_done(&me);
}

/* Kills every child of its parent but itself, over and over. */
static void kill_all_the_time(pid_t parent)
{
    char path[64], text[4096];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
    for (;;) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, text, sizeof(text) - 1);
        char *end;

        close(fd);
        text[n > 0 ? n : 0] = '\0';
        for (char *at = text; *at; at = end) {
            long pid = strtol(at, &end, 10);

            if (end == at)
                break;
            if (pid != getpid())
                kill((pid_t)pid, SIGKILL);
        }
    }
}

/* A client can end the process that is himself, and gets an answer all the same. */
static void somebody_kills_it(void **state)
{
    struct peer me = self();
    pid_t parent = getpid(), killer = fork();
    struct opening o;
    int lost = 0;

    (void)state;
    if (killer == 0)
        kill_all_the_time(parent);
    patient_start(&o);
    for (int i = 0; i < 300; i++) {
        Crib__HostPath__Kind kind;
        int r = look_at(&o, &me, "/usr", &kind);

        assert_true(r == 0 || r == -ECONNRESET);
        lost += r < 0;
    }
    print_message("%d of 300 answers were lost\n", lost);
    kill(killer, SIGKILL);
    waitpid(killer, NULL, 0);
    assert_int_equal(open_file(&o, &me, "/dev/null", O_RDONLY), 0);
    opening_stop(&o);
    peer_done(&me);
}

static void killed_once_it_is_asked_again(void **state)
{
    struct peer me = self();
    Crib__HostPath__Kind kind;
    struct opening o;
    struct asked a;
    pid_t pid;

    (void)state;
    patient_start(&o);
    assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
    assert_int_equal(children(&pid, 1), 1);
    kill(pid, SIGSTOP);
    ask_path(&o, &a, &me, "/usr");
    kill(pid, SIGKILL);
    assert_int_equal(answered(&o, &a), 0);
    asked_done(&a);
    opening_stop(&o);
    peer_done(&me);
}

/* Return: whether that process is there, and more than a zombie. */
static bool lives(pid_t pid)
{
    char path[64], text[512], *at;
    int fd;
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    at = strrchr(text, ')');
    return at && at[2] != 'Z';
}

/* A daemon of its own, which is killed. */
static void it_does_not_outlive_the_daemon(void **state)
{
    struct peer client = ordinary();
    int pair[2];
    pid_t daemon, opener = 0;

    (void)state;
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    daemon = fork();
    if (daemon == 0) {
        Crib__HostPath__Kind kind;
        struct opening o;

        patient_start(&o);
        look_at(&o, &client, "/usr", &kind);
        children(&opener, 1);
        kill(opener, SIGSTOP); /* the end of its socket would not be seen */
        if (write(pair[1], &opener, sizeof(opener)) == sizeof(opener))
            pause();
        _exit(1);
    }
    assert_int_equal(read(pair[0], &opener, sizeof(opener)), sizeof(opener));
    assert_true(lives(opener));
    kill(daemon, SIGKILL);
    assert_int_equal(waitpid(daemon, NULL, 0), daemon);
    while (lives(opener))
        usleep(1000);
    close(pair[0]);
    close(pair[1]);
    peer_done(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_process_serves_many),
        cmocka_unit_test(many_at_once_wait_for_it),
        cmocka_unit_test(every_identity_gets_its_turn),
        cmocka_unit_test(it_goes_when_idle),
        cmocka_unit_test(cancelled_ones_are_not_answered),
        cmocka_unit_test(closing_answers_all),
        cmocka_unit_test(asking_from_an_answer),
        cmocka_unit_test(somebody_kills_it),
        cmocka_unit_test(killed_once_it_is_asked_again),
        cmocka_unit_test(it_does_not_outlive_the_daemon),
    };

    warm_up();
    return test_run(tests);
}
