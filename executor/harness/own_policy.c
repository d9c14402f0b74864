/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policy a case runs under: one that is named, or one that is written in the case itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "harness/suite.h"
#include "policy/find.h"

#define PATH_BYTES 400 /* hold the path of any field of a case */

static int no_memory(const struct suite *suite, struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, NULL, -1, suite->path, NULL);
}

/* Told at the place of the case's field; where a policy file has a place of its own, that too. */
static int refuse(struct suite *suite, size_t index, const char *field,
                  const struct crib_error *found, struct crib_error *err)
{
    char path[PATH_BYTES], text[1024];

    snprintf(path, sizeof(path), "cases[%zu].%.300s", index, field);
    return suite_refuse(suite, err, path, "%s", crib_error_text(found, text, sizeof(text)));
}

static int keep(struct suites *suites, const char *name, crib_policy *policy)
{
    struct suite_policy kept = {name, policy};

    if (arena_push_value(&suites->arena, &suites->policies, &suites->policy_count, &kept,
                         sizeof(kept)) == 0)
        return 0;
    crib_policy_free(policy);
    return -ENOMEM;
}

static int named(struct suites *suites, struct suite *suite, const char *name, size_t index,
                 crib_policy **ret, struct crib_error *err)
{
    const char *path = policy_is_path(name) ? suite_path(suite, name) : name;
    struct crib_error found = {0};

    if (!path)
        return no_memory(suite, err);
    for (size_t i = 0; i < suites->policy_count; i++)
        if (suites->policies[i].name && strcmp(suites->policies[i].name, path) == 0) {
            *ret = suites->policies[i].policy;
            return 0;
        }
    if (crib_policy_load(path, ret, &found) < 0)
        return refuse(suite, index, "policy", &found, err);
    return keep(suites, path, *ret) < 0 ? no_memory(suite, err) : 0;
}

/* Bases named by a path start at the case file, not at the directory crib was started in. */
static int place_bases(struct suite *suite, Crib__Policy *policy)
{
    for (size_t i = 0; i < policy->n_extends; i++)
        if (policy_is_path(policy->extends[i])) {
            policy->extends[i] = (char *)suite_path(suite, policy->extends[i]);
            if (!policy->extends[i])
                return -ENOMEM;
        }
    return 0;
}

/* `policy: mounts[2].target` is how a message without a text is told of. */
static int refuse_own(struct suite *suite, size_t index, struct crib_error *found,
                      struct crib_error *err)
{
    static const char head[] = "policy: ";
    char field[PATH_BYTES] = "own_policy";

    if (strncmp(found->subject, head, sizeof(head) - 1) == 0) {
        snprintf(field, sizeof(field), "own_policy.%s", found->subject + sizeof(head) - 1);
        found->subject[0] = '\0';
    } else if (strcmp(found->subject, "policy") == 0) {
        found->subject[0] = '\0';
    }
    return refuse(suite, index, field, found, err);
}

static int own(struct suites *suites, struct suite *suite, Crib__Policy *policy, size_t index,
               crib_policy **ret, struct crib_error *err)
{
    AUTO_FREE uint8_t *packed = NULL;
    struct crib_error found = {0};
    int r = place_bases(suite, policy);

    if (r == 0)
        packed = malloc(crib__policy__get_packed_size(policy) + 1);
    if (!packed)
        return no_memory(suite, err);
    r = crib_policy_decode(packed, crib__policy__pack(policy, packed), ret, &found);
    if (r < 0)
        return refuse_own(suite, index, &found, err);
    return keep(suites, NULL, *ret) < 0 ? no_memory(suite, err) : 0;
}

int suite_policy(struct suites *suites, struct suite *suite, Crib__Case *test, size_t index,
                 crib_policy **ret, struct crib_error *err)
{
    if (test->own_policy)
        return own(suites, suite, test->own_policy, index, ret, err);
    return named(suites, suite, test->policy ? test->policy : "default", index, ret, err);
}
