/* SPDX-License-Identifier: Apache-2.0 */
void run(void)
{
    printf("yes");
    atoi("1");
    exit(0);
}
