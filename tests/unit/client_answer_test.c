/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/answer.h"
#include "ttrpc.pb-c.h"

static void every_code_is_an_errno(void **state)
{
    (void)state;
    assert_int_equal(answer_code(0), 0);
    assert_int_equal(answer_code(3), -EINVAL);
    assert_int_equal(answer_code(4), -ETIMEDOUT);
    assert_int_equal(answer_code(5), -ENOENT);
    assert_int_equal(answer_code(7), -EACCES);
    assert_int_equal(answer_code(8), -EDQUOT);
    assert_int_equal(answer_code(12), -EOPNOTSUPP);
    assert_int_equal(answer_code(14), -ESHUTDOWN);
    for (int code = -3; code < 100; code++)
        if (code)
            assert_in_range(-answer_code(code), 1, 4095);
    assert_true(answer_code(INT32_MIN) < 0 && answer_code(INT32_MAX) < 0);
}

static struct crib_error error_of(int code, const char *step, int sys, int index)
{
    Crib__Error message = CRIB__ERROR__INIT;
    struct crib_error error;

    message.has_code = message.has_sys = message.has_index = true;
    message.code = code;
    message.sys = sys;
    message.index = index;
    message.step = (char *)step;
    message.detail = (char *)"why";
    answer_error(&message, &error);
    return error;
}

static void an_error_has_a_code_that_is_one(void **state)
{
    static const int odd[] = {0, 1, 22, INT32_MAX, INT32_MIN, -4096, -100000};

    (void)state;
    assert_int_equal(error_of(-ENOENT, "cwd", ENOENT, -1).code, -ENOENT);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct crib_error error = error_of(odd[i], "cwd", odd[i], odd[i]);

        assert_in_range(-error.code, 1, 4095);
        assert_in_range(error.sys, 0, 4095);
        assert_true(error.index >= -1);
    }
}

static void a_long_text_is_cut(void **state)
{
    static char text[100000];
    Crib__Error message = CRIB__ERROR__INIT;
    struct crib_error error;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    message.text = message.subject = message.detail = text;
    answer_error(&message, &error);
    assert_int_equal(strlen(error.detail), sizeof(error.detail) - 1);
    assert_int_equal(strlen(error.subject), sizeof(error.subject) - 1);
    message.subject = message.detail = NULL;
    answer_error(&message, &error);
    assert_int_equal(strlen(error.detail), sizeof(error.detail) - 1);
    message.text = NULL;
    answer_error(&message, &error);
    assert_string_equal(error.detail, "");
}

/* A step is good for ever, so it is kept; but not as many as a daemon likes to make up. */
static void steps_are_kept(void **state)
{
    const char *mounts = error_of(-1, "mounts", 0, -1).step;
    char name[64];
    int kept = 0;

    (void)state;
    snprintf(name, sizeof(name), "mounts");
    assert_ptr_equal(error_of(-1, name, 0, -1).step, mounts);
    memset(name, 0, sizeof(name));
    assert_string_equal(mounts, "mounts");
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "made up %d", i);
        kept += error_of(-1, name, 0, -1).step != NULL;
    }
    assert_in_range(kept, 100, 300);
    assert_null(error_of(-1, "", 0, -1).step);
    assert_null(error_of(-1, NULL, 0, -1).step);
    assert_null(
        error_of(-1, "a step whose name is longer than that of any there can be", 0, -1).step);
    assert_ptr_equal(error_of(-1, "mounts", 0, -1).step, mounts);
}

/* Only what says that it is a crib.Error is read as one. */
static void another_detail_is_passed_over(void **state)
{
    Crib__Ttrpc__Response response = CRIB__TTRPC__RESPONSE__INIT;
    Crib__Ttrpc__Status status = CRIB__TTRPC__STATUS__INIT;
    Crib__Ttrpc__Any any = CRIB__TTRPC__ANY__INIT, *details[] = {&any};
    Crib__Error inner = CRIB__ERROR__INIT;
    ProtobufCMessage *message = NULL;
    struct crib_error error;
    uint8_t value[256], data[1024];
    struct arena arena;

    (void)state;
    inner.detail = (char *)"the detail";
    any.value = (ProtobufCBinaryData){crib__error__pack(&inner, value), value};
    status.code = 9;
    status.message = (char *)"the message";
    status.details = details;
    status.n_details = 1;
    response.status = &status;
    for (int i = 0; i < 3; i++) {
        static const char *const urls[] = {"type.googleapis.com/google.rpc.RetryInfo", "crib.Error",
                                           "type.googleapis.com/crib.Error"};

        any.type_url = (char *)urls[i];
        arena_init(&arena, 0);
        assert_true(answer_read(RPC_INFO, data, crib__ttrpc__response__pack(&response, data),
                                &arena, &message, &error) < 0);
        assert_string_equal(error.detail, i < 2 ? "the message" : "the detail");
        assert_null(message);
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_an_errno),
        cmocka_unit_test(an_error_has_a_code_that_is_one),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(steps_are_kept),
        cmocka_unit_test(another_detail_is_passed_over),
    };

    return test_run(tests);
}
