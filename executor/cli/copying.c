/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/copying.h"

#include <string.h>

#include "cli/say.h"
#include "text/units.h"

/* Takes `A:B[:REST]` apart. Return: NULL; the complaint. */
static const char *split(char *text, const char **ret_one, const char **ret_other,
                         const char **ret_rest)
{
    char *colon = strchr(text, ':');

    *ret_rest = NULL;
    if (!colon || colon == text)
        return "is not SRC:DST";
    *colon = '\0';
    *ret_one = text;
    *ret_other = colon + 1;
    colon = strchr(colon + 1, ':');
    if (colon) {
        *colon = '\0';
        *ret_rest = colon + 1;
    }
    return **ret_other ? NULL : "is not SRC:DST";
}

const char *copy_in_read(const char *text, struct arena *arena, struct crib_copy_in *ret)
{
    char *copy = arena_text(arena, text), why[UNIT_WHY];
    const char *mode, *wrong;
    uint64_t number;

    if (!copy)
        return "out of memory";
    ret->kind = CRIB_COPY_PATH;
    wrong = split(copy, &ret->source, &ret->path, &mode);
    if (wrong)
        return wrong;
    if (ret->path[0] != '/')
        return "DST must be absolute: it is inside the sandbox";
    if (!mode)
        return NULL;
    if (unit_read(unit_find("crib.CopyIn", "mode"), mode, &number, why) < 0)
        return arena_text(arena, why);
    if (number == 0 || number > 0777)
        return "the mode is not from 0001 to 0777";
    ret->mode = (unsigned)number;
    return NULL;
}

const char *copy_out_read(const char *text, struct arena *arena, struct crib_copy_out *ret)
{
    char *copy = arena_text(arena, text), why[UNIT_WHY];
    const char *max, *wrong;

    if (!copy)
        return "out of memory";
    wrong = split(copy, &ret->path, &ret->target, &max);
    if (wrong)
        return wrong;
    if (ret->path[0] != '/')
        return "SRC must be absolute: it is inside the sandbox";
    ret->kind = strcmp(ret->target, "-") == 0 ? CRIB_COPY_CONTENT : CRIB_COPY_PATH;
    if (!max)
        return NULL;
    if (unit_read(unit_find("crib.CopyOut", "max"), max, &ret->max, why) < 0)
        return arena_text(arena, why);
    return ret->max ? NULL : "a cap of nothing";
}

int copying_show_task(const crib_task *task, const struct crib_options *options)
{
    int missing = 0;

    for (size_t i = 0; i < options->copy_out_count; i++) {
        struct crib_copied copied;

        if (crib_task_copied(task, i, &copied) < 0)
            continue;
        if (copied.error.code)
            say_error(&copied.error);
        else if (copied.data && say_out(copied.data, copied.size) < 0)
            copied.there = false;
        missing += copied.error.code || (copied.data && !copied.there);
    }
    return missing;
}
