/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines of a receipt mean that a host could not do what a policy asked. */
#include "support/support.h"

#include <stdbool.h>
#include <string.h>

#include "doctor/doctor.h"

static Crib__Finding make(const char *name, Crib__Finding__State state)
{
    Crib__Finding finding = CRIB__FINDING__INIT;

    finding.name = (char *)name;
    finding.state = state;
    finding.what = (char *)"what";
    finding.remedy = (char *)"the remedy of it";
    return finding;
}

static void test_lines_fall_short_or_not(void **state)
{
    static const struct {
        const char *mechanism, *asked, *applied;
        const char *lacking; /* the finding that is not ok */
        bool falls_short;
    } rows[] = {
        {"landlock", "preferred", "ABI 6", NULL, false},
        {"landlock", "preferred", "not available: this kernel has no Landlock", NULL, true},
        {"landlock", "preferred", "ABI 4; not available: scopes", NULL, true},
        {"limits.pids", "512", "not available: no group can be made", NULL, true},
        {"limits.open_files", "4096", "256, the caller's own hard limit", NULL, true},
        {"limits.open_files", "256", "256 each process", NULL, false},
        {"limits.core", "yes", "up to the caller's own hard limit", NULL, false},
        {"limits.core", "no", "0, the caller's own hard limit; a core_pattern", NULL, false},
        {"limits.core", "no", "0, the caller's own hard limit; a core_pattern", "core_dumps", true},
        {"mounts[4]", "/lib32, optional", "skipped: missing", NULL, false},
        {"ids.groups", "preferred", "kept 3", NULL, false},
        {"ids.groups", "preferred", "kept 3", "groups", true},
        {"ids.groups", "preferred", "kept 3", "landlock", false},
        {"ids.groups", "preferred", "cleared", "groups", false},
        {"usage", "the whole task", "not available: no cgroup counts", NULL, false},
        {"net.loopback", "up", "not reached", NULL, true},
        {"syscalls.reasons", "preferred", NULL, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        Crib__Finding finding =
            make(rows[i].lacking ? rows[i].lacking : "", CRIB__FINDING__STATE__limited);
        Crib__Finding *list[] = {&finding};
        Crib__Diagnosis diagnosis = CRIB__DIAGNOSIS__INIT;
        Crib__Receipt line = CRIB__RECEIPT__INIT;

        diagnosis.findings = list;
        diagnosis.n_findings = rows[i].lacking ? 1 : 0;
        line.mechanism = (char *)rows[i].mechanism;
        line.asked = (char *)rows[i].asked;
        line.applied = (char *)rows[i].applied;
        if (doctor_falls_short(&line, &diagnosis) != rows[i].falls_short)
            fail_msg("row %zu: %s: %s", i, rows[i].mechanism, rows[i].applied);
    }
}

/* Return: the remedy of the finding `policy`. */
static const char *remedy_of(const char *step, const char *subject, const char *lacking,
                             Crib__Finding__State how, struct arena *arena)
{
    static Crib__Finding finding;
    Crib__Diagnosis diagnosis = CRIB__DIAGNOSIS__INIT;
    Crib__Error error = CRIB__ERROR__INIT;

    finding = make(lacking, how);
    assert_int_equal(arena_push(arena, &diagnosis.findings, &diagnosis.n_findings, &finding), 0);
    error.step = (char *)step;
    error.subject = (char *)subject;
    error.text = (char *)"the sentence";
    diagnosis.policy = (char *)"mine";
    diagnosis.refused = &error;
    assert_int_equal(doctor_conclude(arena, &diagnosis), 0);
    assert_false(diagnosis.enforceable);
    assert_int_equal(diagnosis.n_findings, 2);
    assert_string_equal(diagnosis.findings[1]->name, "policy");
    test_contains(diagnosis.findings[1]->what, "mine: its task does not start: the sentence");
    return diagnosis.findings[1]->remedy;
}

static void test_a_refusal_has_the_remedy_of_its_finding(void **state)
{
    static const struct {
        const char *step, *subject, *lacking, *part;
        Crib__Finding__State how;
    } rows[] = {
        {"namespaces", NULL, "user_namespaces", "the remedy of it", CRIB__FINDING__STATE__missing},
        {"clone", NULL, "namespaces.net", "the remedy of it", CRIB__FINDING__STATE__missing},
        {"mounts", NULL, "proc", "the remedy of it", CRIB__FINDING__STATE__missing},
        {"init", NULL, "memfd", "the remedy of it", CRIB__FINDING__STATE__missing},
        {"limits", "memory", "cgroup.memory", "the remedy of it", CRIB__FINDING__STATE__missing},
        {"limits", "memory", "cgroup.pids", "lines above", CRIB__FINDING__STATE__missing},
        {"exec", NULL, "proc", "lines above", CRIB__FINDING__STATE__missing},
        {"mounts", NULL, "proc", "nothing that is looked at", CRIB__FINDING__STATE__ok},
        {NULL, NULL, "proc", "nothing that is looked at", CRIB__FINDING__STATE__limited},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;

        arena_init(&arena, 0);
        test_contains(
            remedy_of(rows[i].step, rows[i].subject, rows[i].lacking, rows[i].how, &arena),
            rows[i].part);
        arena_done(&arena);
    }
}

/* No receipt and no refusal is no proof of anything. */
static void test_nothing_heard_is_not_enforceable(void **state)
{
    Crib__Diagnosis diagnosis = CRIB__DIAGNOSIS__INIT;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    diagnosis.policy = (char *)"default";
    assert_int_equal(doctor_conclude(&arena, &diagnosis), 0);
    assert_true(diagnosis.has_enforceable);
    assert_false(diagnosis.enforceable);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_fall_short_or_not),
        cmocka_unit_test(test_a_refusal_has_the_remedy_of_its_finding),
        cmocka_unit_test(test_nothing_heard_is_not_enforceable),
    };

    return test_run(tests);
}
