/* SPDX-License-Identifier: Apache-2.0
 *
 * Two masks at once, run by run; neither is decoded.
 */
#include "base/mem.h"
#include "yolo/rle.h"

/* Walks along a mask; run i has `left` pixels more. */
struct cursor {
    const struct rle *rle;
    size_t i;
    uint32_t left;
};

/* To a run with pixels in it; false at the end of the mask. */
static bool settle(struct cursor *c)
{
    while (c->left == 0) {
        if (c->i + 1 >= c->rle->run.len) return false;
        c->left = c->rle->run.data[++c->i];
    }
    return true;
}

static struct cursor cursor_at_start(const struct rle *rle)
{
    return (struct cursor){rle, 0, rle->run.len > 0 ? rle->run.data[0] : 0};
}

/* Both move over the pixels in which neither changes; their number. */
static uint32_t step(struct cursor *a, struct cursor *b)
{
    const uint32_t n = a->left < b->left ? a->left : b->left;
    a->left -= n;
    b->left -= n;
    return n;
}

/* A run of ones, from `begin` to before `end`. */
struct span {
    const struct rle *rle;
    size_t i; /* of the run that comes next */
    uint64_t begin, end;
};

/* To the next run of ones; false at the end of the mask. */
static bool next_span(struct span *s)
{
    const uint32_t *run = s->rle->run.data;
    if (s->i + 1 >= s->rle->run.len) return false;
    s->begin = s->end + run[s->i];
    s->end = s->begin + run[s->i + 1];
    s->i += 2;
    return true;
}

uint64_t rle_intersection(const struct rle *a, const struct rle *b)
{
    struct span x = {.rle = a}, y = {.rle = b};
    uint64_t area = 0;
    bool is_more = next_span(&x) && next_span(&y);
    while (is_more) {
        const uint64_t begin = x.begin > y.begin ? x.begin : y.begin;
        const uint64_t end = x.end < y.end ? x.end : y.end;
        if (begin < end) area += end - begin;
        is_more = next_span(x.end < y.end ? &x : &y);
    }
    return area;
}

itx_status rle_union(struct rle *rle, const struct rle *a, const struct rle *b,
                     struct itx_error *err)
{
    struct cursor x = cursor_at_start(a), y = cursor_at_start(b);
    bool is_one = false, ok = true;
    uint32_t length = 0;
    rle->h = a->h;
    rle->w = a->w;
    rle->run.len = 0;
    while (ok && settle(&x) && settle(&y)) {
        const bool is_next = (x.i | y.i) & 1;
        if (is_next != is_one) {
            ok = vec_push(&rle->run, length);
            length = 0;
            is_one = is_next;
        }
        length += step(&x, &y);
    }
    if (ok && vec_push(&rle->run, length)) return ITX_OK;
    rle_release(rle);
    return itx_fail(err, ITX_E_NOMEM, "out of memory for a mask's code");
}
