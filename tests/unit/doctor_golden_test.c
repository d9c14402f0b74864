/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `crib doctor` says of made-up hosts, golden/doctor/NAME.survey.yaml with NAME.task.yaml for
 * what came of the task, compared with NAME.txt. CRIB_GOLDEN_UPDATE=1 writes the texts anew.
 */
#include "support/support.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"
#include "text/text.h"

#define GOLDEN TEST_SOURCE_DIR "/tests/unit/golden/doctor/"

static ProtobufCMessage *read_message(const ProtobufCMessageDescriptor *type, const char *name,
                                      const char *ending, struct arena *arena)
{
    struct crib_error err = {0};
    ProtobufCMessage *msg;
    char path[512], why[1024], *text;
    size_t len;

    snprintf(path, sizeof(path), GOLDEN "%s.%s.yaml", name, ending);
    text = test_read(path, &len);
    if (text_read(type, path, text, len, arena, NULL, &msg, &err) < 0)
        fail_msg("%s", crib_error_text(&err, why, sizeof(why)));
    free(text);
    return msg;
}

static Crib__Diagnosis *diagnose(const char *name, struct arena *arena)
{
    ProtobufCMessage *survey = read_message(&crib__survey__descriptor, name, "survey", arena);
    Crib__Diagnosis *diagnosis =
        (Crib__Diagnosis *)read_message(&crib__diagnosis__descriptor, name, "task", arena);

    assert_int_equal(doctor_findings((Crib__Survey *)survey, arena, diagnosis), 0);
    assert_int_equal(doctor_conclude(arena, diagnosis), 0);
    return diagnosis;
}

/* Whatever is said: what is not ok has its remedy, and docs/doctor.md has the finding. */
static void check_findings(const char *name, const Crib__Diagnosis *diagnosis)
{
    char *doc = test_read(TEST_SOURCE_DIR "/docs/doctor.md", NULL);

    for (size_t i = 0; i < diagnosis->n_findings; i++) {
        const Crib__Finding *finding = diagnosis->findings[i];
        char heading[128];

        snprintf(heading, sizeof(heading), "| `%s` |", finding->name);
        if (!strstr(doc, heading) && strncmp(finding->name, "policy.", 7) != 0)
            fail_msg("%s: docs/doctor.md has no row `%s`", name, finding->name);
        if (!finding->what[0] || !finding->n_needed_by)
            fail_msg("%s: %s says nothing", name, finding->name);
        if (finding->state != CRIB__FINDING__STATE__ok && (!finding->remedy || !finding->remedy[0]))
            fail_msg("%s: %s has no remedy", name, finding->name);
    }
    free(doc);
}

static void compare(const char *name, const char *got)
{
    char path[512], *want;

    snprintf(path, sizeof(path), GOLDEN "%s.txt", name);
    if (getenv("CRIB_GOLDEN_UPDATE"))
        test_write(path, got, strlen(got), 0644);
    want = test_read(path, NULL);
    if (strcmp(got, want) != 0)
        fail_msg("golden/doctor/%s.txt: CRIB_GOLDEN_UPDATE=1 takes this for right:\n%s", name, got);
    free(want);
}

/* Whether a file is of that kind; @name is set to what stands before. */
static bool is_of(const char *file, const char *ending, char *name, size_t size)
{
    size_t len = strlen(file), end = strlen(ending);

    if (len <= end || strcmp(file + len - end, ending) != 0)
        return false;
    snprintf(name, size, "%.*s", (int)(len - end), file);
    return true;
}

static void test_hosts_are_told_as_they_were(void **state)
{
    DIR *dir = opendir(GOLDEN);
    struct dirent *entry;
    char name[256];
    int count = 0;

    (void)state;
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        struct buf out = {0};
        struct arena arena;
        Crib__Diagnosis *diagnosis;

        if (!is_of(entry->d_name, ".survey.yaml", name, sizeof(name)))
            continue;
        arena_init(&arena, 0);
        diagnosis = diagnose(name, &arena);
        check_findings(name, diagnosis);
        assert_int_equal(doctor_show(diagnosis, &out), 0);
        assert_int_equal(buf_append(&out, "", 1), 0);
        compare(name, (char *)out.data);
        buf_done(&out);
        arena_done(&arena);
        count++;
    }
    closedir(dir);
    assert_true(count >= 15);
}

static void test_no_golden_file_is_left_over(void **state)
{
    DIR *dir = opendir(GOLDEN);
    struct dirent *entry;
    char name[256], *survey;

    (void)state;
    while ((entry = readdir(dir))) {
        char path[1024];

        if (!is_of(entry->d_name, ".txt", name, sizeof(name)) &&
            !is_of(entry->d_name, ".task.yaml", name, sizeof(name)))
            continue;
        snprintf(path, sizeof(path), GOLDEN "%s.survey.yaml", name);
        survey = test_read(path, NULL);
        free(survey);
    }
    closedir(dir);
}

/* Nothing of the host is believed to be harmless on a terminal. */
static void test_control_characters_are_tamed(void **state)
{
    Crib__Finding finding = CRIB__FINDING__INIT, *list[] = {&finding};
    Crib__Diagnosis diagnosis = CRIB__DIAGNOSIS__INIT;
    struct buf out = {0};

    (void)state;
    finding.name = (char *)"proc";
    finding.state = CRIB__FINDING__STATE__missing;
    finding.what = (char *)"mounted over: /proc/\033[2J";
    finding.remedy = (char *)"umount \r/proc/\x9b";
    diagnosis.policy = (char *)"a\033b";
    diagnosis.findings = list;
    diagnosis.n_findings = 1;
    assert_int_equal(doctor_show(&diagnosis, &out), 0);
    for (size_t i = 0; i < out.len; i++)
        assert_true(out.data[i] == '\n' || (out.data[i] >= ' ' && out.data[i] != 0x7f));
    buf_done(&out);
}

static void test_json_reads_as_the_message(void **state)
{
    struct crib_error err = {0};
    struct buf json = {0}, again = {0};
    struct arena arena;
    Crib__Diagnosis *diagnosis;
    ProtobufCMessage *back;

    (void)state;
    arena_init(&arena, 0);
    diagnosis = diagnose("docker", &arena);
    assert_int_equal(text_write_json(&diagnosis->base, &json), 0);
    assert_int_equal(text_read(&crib__diagnosis__descriptor, "x.json", json.data, json.len, &arena,
                               NULL, &back, &err),
                     0);
    assert_int_equal(text_write_json(back, &again), 0);
    assert_int_equal(json.len, again.len);
    assert_memory_equal(json.data, again.data, json.len);
    buf_done(&json);
    buf_done(&again);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_are_told_as_they_were),
        cmocka_unit_test(test_no_golden_file_is_left_over),
        cmocka_unit_test(test_control_characters_are_tamed),
        cmocka_unit_test(test_json_reads_as_the_message),
    };

    return test_run(tests);
}
