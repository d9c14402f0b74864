/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing to say against.
 *
 * Runs in: any process.
 */
#ifndef BASE_GOOD_H
#define BASE_GOOD_H
#endif
