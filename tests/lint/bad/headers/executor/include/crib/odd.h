/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRIB_ODD_H
#define CRIB_ODD_H
static inline int odd(int a)
{
    return ({ a; });
}
#endif
