/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in: any process.
 */
#ifndef WIRE_UTF8_H
#define WIRE_UTF8_H

#include <stdbool.h>

/* Return: true if @text is UTF-8: shortest forms only, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(const char *text);

#endif
