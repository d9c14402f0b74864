/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes of a policy that this host cannot hold.
 *
 * Runs in: tests, in the guest.
 */
#ifndef GUEST_REFUSAL_H
#define GUEST_REFUSAL_H

#include "sandbox/sandbox.h"

#include <stdio.h>
#include <string.h>

/* It is refused before anything runs, at the mechanism @step, with @part in the sentence. */
static inline void refused(const char *rules, const char *step, const char *part)
{
    char text[2048];
    struct sandbox box;

    sandbox_init(&box);
    box.rules = rules;
    sandbox_probe(&box, "echo ran");
    if (!box.error.code)
        fail_msg("accepted: %s", rules);
    assert_false(box.spawned);
    assert_string_equal(box.out, "");
    assert_string_equal(box.error.step, step);
    test_contains(crib_error_text(&box.error, text, sizeof(text)), part);
    sandbox_done(&box);
}

/* It runs, and the receipt's line of @mechanism says that it is not available. */
static inline void reported(const char *rules, const char *mechanism)
{
    char start[128], *line;
    struct sandbox box;

    sandbox_init(&box);
    box.rules = rules;
    sandbox_expect(&box, "echo ran", 0);
    assert_string_equal(box.out, "ran\n");
    snprintf(start, sizeof(start), "\"mechanism\":\"%s\"", mechanism);
    line = strstr(box.json, start);
    if (!line)
        fail_msg("no %s in %s", start, box.json);
    line[strcspn(line, "}")] = '\0';
    test_contains(line, "not available");
    sandbox_done(&box);
}

#endif
