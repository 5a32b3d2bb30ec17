/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of hb_sys.h as the rest of libdnn sees it.
 */
#ifndef DNN_SYS_H
#define DNN_SYS_H

#include <stdbool.h>
#include <stddef.h>

#include "dnn/hb_sys.h"

struct sys_block;

/* Keeps the `size` bytes at mem->virAddr from being freed until sys_unpin. *block becomes NULL for memory that is the
 * program's own, which is believed. False when they are not there: no address, fewer bytes, or freed before. */
bool sys_pin(const hbSysMem *mem, size_t size, struct sys_block **block);
void sys_unpin(struct sys_block *block); /* accepts NULL */

/* The lock of the table of blocks; nothing else is locked inside. */
void sys_lock(void);
void sys_unlock(void);

#endif
