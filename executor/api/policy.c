/* SPDX-License-Identifier: Apache-2.0 */
#include "api/policy.h"

#include <errno.h>
#include <stdlib.h>

#include "api/policies.h"
#include "base/buf.h"
#include "base/error.h"
#include "policy/load.h"
#include "text/text.h"

static crib_policy *new_policy(struct crib_error *err)
{
    crib_policy *policy = calloc(1, sizeof(*policy));

    if (policy)
        arena_init(&policy->arena, 0);
    else
        fail_sys(err, -ENOMEM, "policy", -1, NULL, NULL);
    return policy;
}

static int finish(crib_policy *policy, int r, crib_policy **ret)
{
    if (r < 0)
        crib_policy_free(policy);
    else
        *ret = policy;
    return r;
}

int crib_policy_load(const char *name, crib_policy **ret, struct crib_error *err)
{
    crib_policy *policy = new_policy(err);

    if (!policy)
        return -ENOMEM;
    return finish(
        policy,
        policy_load(name, policies_dirs, &policy->arena, &policy->policy, &policy->origins, err),
        ret);
}

int crib_policy_parse(const char *name, const void *text, size_t len, crib_policy **ret,
                      struct crib_error *err)
{
    crib_policy *policy = new_policy(err);

    if (!policy)
        return -ENOMEM;
    return finish(policy,
                  policy_parse(name, text, len, policies_dirs, &policy->arena, &policy->policy,
                               &policy->origins, err),
                  ret);
}

int crib_policy_decode(const void *data, size_t len, crib_policy **ret, struct crib_error *err)
{
    crib_policy *policy;
    Crib__Policy *message;
    int r;

    if (len > POLICY_MAX_BYTES)
        return fail_text(err, -EFBIG, "policy", -1, NULL, "it is larger than %d KiB",
                         POLICY_MAX_BYTES / 1024);
    policy = new_policy(err);
    if (!policy)
        return -ENOMEM;
    message = crib__policy__unpack(&policy->arena.pb, len, data);
    if (message)
        r = policy_resolve(message, policies_dirs, &policy->arena, &policy->policy,
                           &policy->origins, err);
    else
        r = fail_text(err, -EPROTO, "policy", -1, NULL, "the bytes are no Policy message");
    return finish(policy, r, ret);
}

int crib_policy_text(const crib_policy *policy, char **ret_text)
{
    struct buf text = {0};
    int r = text_write_yaml(&policy->policy->base, &text);

    if (r == 0)
        r = buf_append(&text, "", 1);
    if (r < 0) {
        buf_done(&text);
        return r;
    }
    /* Nothing was consumed, so data is where the allocation starts. */
    *ret_text = (char *)text.data;
    return 0;
}

void crib_policy_free(crib_policy *policy)
{
    if (!policy)
        return;
    arena_done(&policy->arena);
    free(policy);
}

const char *const *crib_policy_names(void)
{
    return policy_shipped();
}
