/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/receipt.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "api/result.h"
#include "cli/say.h"
#include "text/utf8.h"

#define WIDEST 40 /* characters; what is longer pushes its own line aside, not the others */

struct line {
    char *cell[3];
    int width[3]; /* characters */
};

/* Tamed already, so that every character begins with a byte that is no continuation. */
static int width_of(const char *text)
{
    int width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static int read_line(const Crib__Receipt *from, struct arena *arena, struct line *ret)
{
    const char *const cells[3] = {from->mechanism, from->asked, from->applied};

    for (int i = 0; i < 3; i++) {
        ret->cell[i] = arena_text(arena, cells[i] ? cells[i] : "");
        if (!ret->cell[i])
            return -ENOMEM;
        ret->width[i] = width_of(utf8_tame(ret->cell[i]));
    }
    return 0;
}

/* What a person should look at: docs/policy.md has the words. */
static bool is_short_of(const char *applied)
{
    static const char *const words[] = {"not available", "not reached", "refused"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strstr(applied, words[i]))
            return true;
    return false;
}

static void write_lines(const struct line *lines, size_t count)
{
    static const struct line head = {{"mechanism", "asked", "applied"}, {9, 5, 7}};
    int wide[2] = {head.width[0], head.width[1]};

    for (size_t i = 0; i < count; i++)
        for (int c = 0; c < 2; c++)
            if (lines[i].width[c] > wide[c] && lines[i].width[c] <= WIDEST)
                wide[c] = lines[i].width[c];
    for (size_t i = 0; i <= count; i++) {
        const struct line *line = i ? &lines[i - 1] : &head;
        int pad[2];

        for (int c = 0; c < 2; c++)
            pad[c] = line->width[c] < wide[c] ? wide[c] - line->width[c] : 0;
        say("%c %s%*s  %s%*s  %s", is_short_of(line->cell[2]) ? '!' : ' ', line->cell[0], pad[0],
            "", line->cell[1], pad[1], "", line->cell[2]);
    }
}

static int show(const Crib__Result *result, struct arena *arena)
{
    struct line *lines = arena_alloc(arena, result->n_receipt * sizeof(*lines));
    int r = lines ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < result->n_receipt; i++)
        r = read_line(result->receipt[i], arena, &lines[i]);
    if (r == 0)
        write_lines(lines, result->n_receipt);
    return r;
}

int receipt_show(const Crib__Result *result)
{
    struct arena arena;
    int r;

    if (!result || !result->n_receipt) {
        say("receipt: nothing was applied");
        return 0;
    }
    arena_init(&arena, 0);
    r = show(result, &arena);
    arena_done(&arena);
    if (r < 0)
        say("receipt: %s", strerror(-r));
    return r;
}

int receipt_show_task(const crib_task *task)
{
    struct arena arena;
    Crib__Result *result = NULL;
    int r;

    arena_init(&arena, 0);
    r = result_message(task, &arena, &result);
    if (r == 0)
        r = receipt_show(result);
    else
        say("receipt: %s", strerror(-r));
    arena_done(&arena);
    return r;
}
