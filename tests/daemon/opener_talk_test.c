/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of an opener that somebody else gives: nothing is believed that was not asked. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/opener_talk.h"
#include "opener.pb-c.h"

#define PATHS 3

/* An answer to be spoilt: two paths that are there, one that is not, one file. */
struct fixture {
    struct arena arena;
    Crib__Host host;
    struct opener_talk talk;
    Crib__OpenerTold told;
    Crib__Host told_host;
    Crib__HostPath paths[PATHS], *list[PATHS];
    protobuf_c_boolean opened[PATHS];
    size_t nfds;
};

static const char *const asked[PATHS] = {"/a", "/missing", "/b"};

static ProtobufCBinaryData bytes(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

static void good_answer(struct fixture *f)
{
    crib__opener_told__init(&f->told);
    crib__host__init(&f->told_host);
    for (int i = 0; i < PATHS; i++) {
        Crib__HostPath *fact = f->list[i] = &f->paths[i];

        crib__host_path__init(fact);
        fact->path = bytes(asked[i]);
        fact->real = bytes(asked[i]);
        fact->has_path = fact->has_kind = true;
        f->opened[i] = fact->has_real = fact->has_dev = fact->has_ino = i != 1;
        fact->kind = i == 1 ? CRIB__HOST_PATH__KIND__missing : CRIB__HOST_PATH__KIND__dir;
    }
    f->told_host.paths = f->list;
    f->told_host.n_paths = f->told.n_opened = PATHS;
    f->told.host = &f->told_host;
    f->told.opened = f->opened;
    f->told.has_files_done = f->told.files_done = true;
    f->nfds = 3;
}

static void start(struct fixture *f)
{
    static uint8_t packet[PACKET_MAX_BYTES];
    const struct opener_file file = {"/f", O_RDONLY};

    memset(f, 0, sizeof(*f));
    arena_init(&f->arena, 0);
    crib__host__init(&f->host);
    assert_int_equal(opener_talk_init(&f->talk, asked, PATHS, &file, 1, &f->arena, &f->host, NULL),
                     0);
    assert_true(opener_talk_ask(&f->talk, packet) > 0);
    good_answer(f);
}

static int take(struct fixture *f)
{
    static uint8_t packet[PACKET_MAX_BYTES];
    int fds[PACKET_MAX_FDS];

    for (size_t i = 0; i < f->nfds; i++) {
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(fds[i] >= 0);
    }
    return opener_talk_take(&f->talk, packet, crib__opener_told__pack(&f->told, packet), fds,
                            f->nfds);
}

static void done(struct fixture *f)
{
    opener_talk_done(&f->talk);
    arena_done(&f->arena);
}

static void what_was_asked_is_taken(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    assert_int_equal(take(&f), 1);
    assert_int_equal(f.host.n_paths, PATHS);
    assert_int_equal(f.talk.answer.fds.count, PATHS);
    assert_true(f.talk.answer.fds.fd[0] >= 0);
    assert_int_equal(f.talk.answer.fds.fd[1], -1);
    assert_int_equal(f.talk.answer.n_files, 1);
    done(&f);
}

static void in_parts(void **state)
{
    static uint8_t packet[PACKET_MAX_BYTES];
    struct fixture f;

    (void)state;
    start(&f);
    f.told_host.n_paths = f.told.n_opened = 1;
    f.told.has_files_done = false;
    f.told.files_done = false;
    f.nfds = 1;
    assert_int_equal(take(&f), 0);
    assert_true(opener_talk_ask(&f.talk, packet) > 0);
    good_answer(&f);
    f.told_host.paths = f.list + 1;
    f.told.opened = f.opened + 1;
    f.told_host.n_paths = f.told.n_opened = 2;
    f.nfds = 2;
    assert_int_equal(take(&f), 1);
    assert_int_equal(f.host.n_paths, PATHS);
    done(&f);
}

static void fewer_fds(struct fixture *f)
{
    f->nfds = 2;
}

static void more_fds(struct fixture *f)
{
    f->nfds = 4;
}

static void another_path(struct fixture *f)
{
    f->paths[2].path = bytes("/c");
}

static void no_path(struct fixture *f)
{
    f->paths[2].has_path = false;
}

static void another_order(struct fixture *f)
{
    f->list[0] = &f->paths[2];
    f->list[2] = &f->paths[0];
}

static void fewer_marks(struct fixture *f)
{
    f->told.n_opened = 2;
}

static void an_fd_of_what_is_missing(struct fixture *f)
{
    f->opened[1] = true;
    f->opened[2] = false;
}

static void nowhere(struct fixture *f)
{
    f->paths[0].real = bytes("etc");
}

static void an_unknown_kind(struct fixture *f)
{
    f->paths[0].kind = (Crib__HostPath__Kind)99;
}

static void no_host(struct fixture *f)
{
    f->told.host = NULL;
}

static void files_too_early(struct fixture *f)
{
    f->told_host.n_paths = f->told.n_opened = 1;
    f->nfds = 2;
}

static void nothing_new(struct fixture *f)
{
    f->told_host.n_paths = f->told.n_opened = 0;
    f->told.files_done = false;
    f->nfds = 0;
}

static void a_code_and_fds(struct fixture *f)
{
    f->told.has_code = true;
    f->told.code = -EIO;
}

static void a_positive_code(struct fixture *f)
{
    f->told.has_code = true;
    f->told.code = 5;
}

static void no_errno(struct fixture *f)
{
    f->told.has_code = true;
    f->told.code = -5000;
    f->nfds = 0;
}

static void a_file_that_is_none(struct fixture *f)
{
    f->told.has_code = f->told.has_failed_file = true;
    f->told.code = -EIO;
    f->told.failed_file = 1;
    f->nfds = 0;
}

/* The runner finds an fd that is not closed. */
static void all_else_is_refused(void **state)
{
    static void (*const spoil[])(struct fixture *) = {
        fewer_fds,
        more_fds,
        another_path,
        no_path,
        another_order,
        fewer_marks,
        an_fd_of_what_is_missing,
        nowhere,
        an_unknown_kind,
        no_host,
        files_too_early,
        nothing_new,
        a_code_and_fds,
        a_positive_code,
        no_errno,
        a_file_that_is_none,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
        struct fixture f;

        start(&f);
        spoil[i](&f);
        if (take(&f) != -EPROTO)
            fail_msg("answer %zu was taken", i);
        assert_int_equal(f.host.n_paths, 0);
        done(&f);
    }
}

/* Cut anywhere, or with any byte changed: an error, or an answer to what was asked. */
static void broken_bytes(void **state)
{
    static uint8_t packet[PACKET_MAX_BYTES];
    struct fixture f;
    size_t len;

    (void)state;
    start(&f);
    len = crib__opener_told__pack(&f.told, packet);
    done(&f);
    for (size_t i = 0; i < len * 9; i++) {
        size_t at = i / 9, bit = i % 9;
        int fds[3], r;

        start(&f);
        for (int j = 0; j < 3; j++)
            fds[j] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        crib__opener_told__pack(&f.told, packet);
        if (bit < 8)
            packet[at] ^= (uint8_t)(1u << bit);
        r = opener_talk_take(&f.talk, packet, bit < 8 ? len : at, fds, 3);
        assert_true(r == -EPROTO || r == 1);
        if (r == 1)
            assert_int_equal(f.talk.answer.fds.count, PATHS);
        done(&f);
    }
}

static void a_failure_is_of_its_file(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    a_file_that_is_none(&f);
    f.told.failed_file = 0;
    assert_int_equal(take(&f), 1);
    assert_int_equal(f.talk.answer.code, -EIO);
    assert_int_equal(f.talk.answer.failed_file, 0);
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_is_taken),  cmocka_unit_test(in_parts),
        cmocka_unit_test(all_else_is_refused),      cmocka_unit_test(broken_bytes),
        cmocka_unit_test(a_failure_is_of_its_file),
    };

    return test_run(tests);
}
