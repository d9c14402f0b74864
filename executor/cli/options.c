/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "text/text.h"
#include "text/units.h"

const struct option_row option_rows[OPTION_COUNT] = {
#define OPTION(id, name, letter, argument, commands, help)                                         \
    [OPTION_##id] = {name, letter, argument, commands, help},
#include "cli/options.def"
#undef OPTION
};

struct reading {
    char *const *words;
    int next; /* word to be read next */
    unsigned commands;
    option_take take;
    void *to;
    struct crib_error *err;
};

static int find_name(const char *name, size_t len, unsigned commands)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if ((option_rows[i].commands & commands) && strncmp(option_rows[i].name, name, len) == 0 &&
            option_rows[i].name[len] == '\0')
            return i;
    return -1;
}

static int find_letter(char letter, unsigned commands)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if ((option_rows[i].commands & commands) && option_rows[i].letter == letter)
            return i;
    return -1;
}

static int unknown_name(struct reading *r, const char *name, size_t len)
{
    const char *known[OPTION_COUNT + 1];
    size_t count = 0;
    char word[64] = "";
    const char *near = NULL;

    for (int i = 0; i < OPTION_COUNT; i++)
        if (option_rows[i].commands & r->commands)
            known[count++] = option_rows[i].name;
    known[count] = NULL;
    if (len < sizeof(word)) {
        memcpy(word, name, len);
        near = text_nearest(word, known);
    }
    if (near)
        return fail_text(r->err, -EINVAL, NULL, -1, NULL,
                         "unknown option '--%.*s', did you mean '--%s'?", (int)len, name, near);
    return fail_text(r->err, -EINVAL, NULL, -1, NULL, "unknown option '--%.*s'", (int)len, name);
}

/* Takes the next word for the value of a row whose value was not in the same word. */
static int take_with_next(struct reading *r, int id, const char *shown)
{
    const struct option_row *row = &option_rows[id];

    if (!r->words[r->next])
        return fail_text(r->err, -EINVAL, NULL, -1, NULL, "option '%s' needs %s", shown,
                         row->argument);
    return r->take(r->to, (enum option_id)id, r->words[r->next++], r->err);
}

static int read_long(struct reading *r, const char *word)
{
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    int id = find_name(name, len, r->commands);

    if (id < 0)
        return unknown_name(r, name, len);
    if (!option_rows[id].argument && equals)
        return fail_text(r->err, -EINVAL, NULL, -1, NULL, "option '--%s' takes no value",
                         option_rows[id].name);
    if (!option_rows[id].argument)
        return r->take(r->to, (enum option_id)id, NULL, r->err);
    if (equals)
        return r->take(r->to, (enum option_id)id, equals + 1, r->err);
    return take_with_next(r, id, word);
}

static int read_letters(struct reading *r, const char *word)
{
    for (const char *at = word + 1; *at; at++) {
        char shown[3] = {'-', *at, '\0'};
        int id = find_letter(*at, r->commands), ret;

        if (id < 0)
            return fail_text(r->err, -EINVAL, NULL, -1, NULL, "unknown option '%s'", shown);
        if (option_rows[id].argument && at[1])
            return r->take(r->to, (enum option_id)id, at + 1, r->err);
        if (option_rows[id].argument)
            return take_with_next(r, id, shown);
        ret = r->take(r->to, (enum option_id)id, NULL, r->err);
        if (ret < 0)
            return ret;
    }
    return 0;
}

int cli_options_read(char *const *words, unsigned commands, option_take take, void *to,
                     struct crib_error *err)
{
    struct reading r = {words, 0, commands, take, to, err};

    for (;;) {
        const char *word = words[r.next];
        int ret;

        if (!word || word[0] != '-' || word[1] == '\0')
            return r.next;
        r.next++;
        if (strcmp(word, "--") == 0)
            return r.next;
        ret = word[1] == '-' ? read_long(&r, word) : read_letters(&r, word);
        if (ret < 0)
            return ret;
    }
}

int bad_value(struct crib_error *err, enum option_id id, const char *value, const char *wanted)
{
    return fail_text(err, -EINVAL, NULL, -1, NULL, "--%s '%s': %s", option_rows[id].name, value,
                     wanted);
}

int take_fd(int *ret, enum option_id id, const char *value, const char *taken,
            struct crib_error *err)
{
    char why[UNIT_WHY], text[UNIT_WHY];
    uint64_t number;
    int fd, flags;

    if (unit_read(NULL, value, &number, why) < 0 || number > INT_MAX)
        return bad_value(err, id, value, "is no file descriptor");
    fd = (int)number;
    if (fd <= STDERR_FILENO) {
        snprintf(text, sizeof(text), "%s; use 3 or higher", taken);
        return bad_value(err, id, value, text);
    }
    flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return bad_value(err, id, value, "is not open");
    if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH))
        return bad_value(err, id, value, "is not open for writing");
    *ret = fd;
    return 0;
}
