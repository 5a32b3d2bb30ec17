/* SPDX-License-Identifier: Apache-2.0
 *
 * Times of one thing over many frames, in nanoseconds. Zero-initialised is valid and empty.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdint.h>

struct span {
    uint64_t sum, least, most;
};

static inline void span_join(struct span *s, const struct span *other)
{
    if (other->sum == 0) return;
    if (s->sum == 0 || other->least < s->least) s->least = other->least;
    if (other->most > s->most) s->most = other->most;
    s->sum += other->sum;
}

static inline void span_add(struct span *s, uint64_t ns)
{
    span_join(s, &(struct span){ns, ns, ns});
}

static inline double span_mean_ms(const struct span *s, int n)
{
    return n > 0 ? (double)s->sum / 1e6 / n : 0;
}

#endif
