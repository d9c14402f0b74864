/* SPDX-License-Identifier: Apache-2.0 */
#include "api/script.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "api/options.h"
#include "base/error.h"

bool script_is(const char *module)
{
    static const char *const endings[] = {".js", ".cjs", ".mjs"};
    const char *dot = module ? strrchr(module, '.') : NULL;

    for (size_t i = 0; dot && i < sizeof(endings) / sizeof(endings[0]); i++)
        if (strcmp(dot, endings[i]) == 0)
            return true;
    return false;
}

static size_t count_of(const char *const *list)
{
    size_t count = 0;

    while (list && list[count])
        count++;
    return count;
}

/* Where it really is: Node looks there for what it requires. */
static int find(struct script *script, const char *module, struct crib_error *err)
{
    script->path = realpath(module, NULL);
    if (!script->path)
        return fail_sys(err, -errno, "program", -1, module, "open");
    script->dir = strdup(script->path);
    if (!script->dir)
        return -ENOMEM;
    dirname(script->dir);
    return 0;
}

/* In the root directory is everything: then only the script. */
static int bind_it(struct script *script)
{
    size_t count = script->options.bind_count;
    const char *seen = strcmp(script->dir, "/") == 0 ? script->path : script->dir;

    script->binds = calloc(count + 1, sizeof(*script->binds));
    if (!script->binds)
        return -ENOMEM;
    script->binds[0].source = seen;
    if (count)
        memcpy(script->binds + 1, script->options.binds, count * sizeof(*script->binds));
    script->options.binds = script->binds;
    script->options.bind_count = count + 1;
    return 0;
}

static int name_it(struct script *script, const char *const *args)
{
    size_t count = count_of(args);

    script->args = calloc(count + 2, sizeof(*script->args));
    if (!script->args)
        return -ENOMEM;
    script->args[0] = script->path;
    if (count)
        memcpy(script->args + 1, args, count * sizeof(*args));
    return 0;
}

int script_init(struct script *ret, const char *module, const char *const *args,
                const struct crib_options *options, struct crib_error *err)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    r = options_read(options, &ret->options, err);
    if (r < 0)
        return r;
    ret->options.size = sizeof(ret->options);
    if (ret->options.channel == CRIB_CHANNEL_CRIB)
        ret->options.channel = CRIB_CHANNEL_NODE;
    if (!ret->options.policy && !ret->options.policy_message)
        ret->options.policy = "node";
    r = find(ret, module, err);
    if (r == 0)
        r = bind_it(ret);
    if (r == 0)
        r = name_it(ret, args);
    return r == -ENOMEM ? fail_sys(err, r, "program", -1, module, NULL) : r;
}

void script_done(struct script *script)
{
    free(script->args);
    free(script->binds);
    free(script->path);
    free(script->dir);
}
