/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether this process is the child of one that made an object: its threads are not here then.
 */
#ifndef BASE_FORKS_H
#define BASE_FORKS_H

/* Differs in a child from what its parent had. Cheap. fork's handlers count, so a child made without them is not seen. */
unsigned forks_count(void);

#endif
