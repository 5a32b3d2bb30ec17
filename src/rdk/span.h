/* SPDX-License-Identifier: Apache-2.0
 *
 * Times of one thing over many frames, in nanoseconds. Zero-initialised is valid and empty.
 */
#ifndef RDK_SPAN_H
#define RDK_SPAN_H

#include <stdint.h>

struct rdk_span {
    uint64_t sum, least, most;
};

static inline void rdk_span_join(struct rdk_span *s, const struct rdk_span *other)
{
    if (other->sum == 0) return;
    if (s->sum == 0 || other->least < s->least) s->least = other->least;
    if (other->most > s->most) s->most = other->most;
    s->sum += other->sum;
}

static inline void rdk_span_add(struct rdk_span *s, uint64_t ns)
{
    rdk_span_join(s, &(struct rdk_span){ns, ns, ns});
}

static inline double rdk_span_mean_ms(const struct rdk_span *s, int n)
{
    return n > 0 ? (double)s->sum / 1e6 / n : 0;
}

#endif
