/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/subject.h"

#include <stdlib.h>

#include "base/mem.h"

itx_status subject_open(struct subject *s, const char *path, const char *like,
                        const struct subject_options *o, struct itx_error *err)
{
    s->path = path;
    s->finder.net.fed = o->fed;
    s->finder.net.max_constants = o->max_constants;
    return finder_open(&s->finder, path, like, o->decode, o->input, o->range, o->set, err);
}

itx_status subject_compare(struct subject *s, struct subject *reference,
                           const struct subject_options *o, struct itx_error *err)
{
    struct itx_session_options demo = *o->decode;
    decode_demo(&demo);
    s->reference = reference;
    if (!finder_is_open(&reference->demo) && !decode_alike(o->decode, &demo))
        ITX_TRY(finder_follow(&reference->demo, &reference->finder, &demo, o->set, err));
    return against_open(&s->against, &reference->finder, &s->finder, o->decode, o->set, err);
}

itx_status subject_run(struct subject *s, const struct coco_dataset *set,
                       const struct picture *picture, int image, struct itx_error *err)
{
    struct itx_timing timing;
    ITX_TRY(finder_run(&s->finder, set, picture, image, err));
    ITX_TRY(net_timing(&s->finder.net, &timing, err));
    if (!vec_push(&s->network_ns, timing.network_ns))
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (finder_is_open(&s->demo)) ITX_TRY(finder_run(&s->demo, set, picture, image, err));
    return s->reference != NULL ? against_run(&s->against, set, picture, image, err) : ITX_OK;
}

static int by_time(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

itx_status subject_compute(struct subject *s, const struct truth_list *truth, struct pool *pool,
                           struct itx_error *err)
{
    const struct coco_detection *found = s->finder.found.data;
    if (s->network_ns.len > 0)
        qsort(s->network_ns.data, s->network_ns.len, sizeof *s->network_ns.data, by_time);
    ITX_TRY(scores_compute(&s->scores, truth, found, s->finder.found.len,
                           finder_has_masks(&s->finder), pool, err));
    const struct subject *r = s->reference;
    if (r == NULL) return ITX_OK;
    const struct against_lists lists = {
        .candidate = &s->finder,
        .reference = &r->finder,
        .demo = finder_is_open(&r->demo) ? &r->demo : &r->finder,
        .has_masks = s->scores.has_masks && r->scores.has_masks,
    };
    const itx_status rc = against_compute(&s->against, &lists, truth, pool, err);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", r->path);
    return rc;
}

void subject_release(struct subject *s)
{
    against_release(&s->against);
    finder_close(&s->demo);
    finder_close(&s->finder);
    scores_release(&s->scores);
    vec_release(&s->network_ns);
    *s = (struct subject){0};
}

double subject_median_ms(const struct subject *s)
{
    const size_t n = s->network_ns.len;
    return n > 0 ? (double)s->network_ns.data[(n - 1) / 2] / 1e6 : 0;
}
