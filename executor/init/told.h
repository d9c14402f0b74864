/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told of the calls that came to init, and how often: counted for each rule and window, so
 * that a flood of them is a few messages and a number.
 *
 * Runs in: sandbox.
 * Owns: copies of what has not been told yet, in a table of fixed size.
 */
#ifndef INIT_TOLD_H
#define INIT_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGHTING_TEXT 1024 /* bytes of a path that are told */

/* Where a path leads, as Report.File has it. */
struct sighting_file {
    bool known; /* false: the rest is not */
    int code;
    bool read_only, no_exec;
    uint32_t mode, uid, gid;
    size_t path_len, there_len;
    char path[SIGHTING_TEXT], there[SIGHTING_TEXT];
};

/* One call, and what could be found out about it. Lengths say what of the texts is valid. */
struct sighting {
    uint32_t pid;
    int number, answer, by; /* as in Report.Refused */
    uint64_t args[6];
    size_t program_len; /* 0: not known */
    char program[16];
    int kind; /* of the object, as in Report.Object; 0: none */
    unsigned arg;
    size_t object_len;
    char object[SIGHTING_TEXT];
    struct sighting_file file;
};

/* Copies what of @from is valid. */
void sighting_copy(struct sighting *to, const struct sighting *from);

/* What counts as the same: the rule (position of the answer; -1: none, then the call), the answer,
 * and of a traced call also where it leads. */
struct told_key {
    int by, number, answer;
    bool traced;
    uint64_t where;
};

/* Sends one. Return: 0; negative errno, it was not sent. */
typedef int told_send(void *data, const struct sighting *sighting, uint64_t count);

struct told;
struct told_slot;

/* Return: NULL without memory. @data is handed to @send. */
struct told *told_new(told_send *send, void *data);
void told_free(struct told *told);

/**
 * told_open() - The place where calls of a key are counted
 * @now: clock_us()
 *
 * Return: good until the next call of told_open() or told_flush(); NULL: there is no room, give
 *         NULL to told_add(), which counts it as lost
 */
struct told_slot *told_open(struct told *told, const struct told_key *key, uint64_t now);

/* Return: whether one more look into the caller's memory is worth its cost; it is counted. */
bool told_look(struct told *told, struct told_slot *slot, uint64_t now);

/* Tells @sighting, or counts it. */
void told_add(struct told *told, struct told_slot *slot, const struct sighting *sighting,
              uint64_t now);

/* Return: milliseconds until told_flush() has something to do; -1: nothing is waiting. */
int told_due(const struct told *told, uint64_t now);

/* Tells what was counted in windows that have ended. */
void told_flush(struct told *told, uint64_t now);

/* Tells all that was counted, at the end. What cannot be sent is lost. */
void told_finish(struct told *told);

/* Counts some that will not be told. */
void told_lose(struct told *told, uint64_t count);
uint64_t told_lost(const struct told *told);

#endif
