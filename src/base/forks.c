/* SPDX-License-Identifier: Apache-2.0 */
#include "base/forks.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_uint n_forks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void count(void)
{
    atomic_fetch_add_explicit(&n_forks, 1, memory_order_relaxed);
}

static void watch(void)
{
    pthread_atfork(NULL, NULL, count);
}

unsigned forks_count(void)
{
    pthread_once(&once, watch);
    return atomic_load_explicit(&n_forks, memory_order_relaxed);
}
