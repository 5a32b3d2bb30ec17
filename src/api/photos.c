/* SPDX-License-Identifier: Apache-2.0
 *
 * The limits were set so that they are far from ordinary photographs: of data/parts/calib and of 200 pictures of COCO
 * train2017 the two most alike differ by 13, the flattest covers 41 levels of luma, the greyest has colour in 12 % of
 * its pixels (COCO's own grey pictures: in none).
 */
#include "api/photos.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/mem.h"

#define ALIKE 4   /* mean difference of two thumbnails, levels */
#define BLACK 40  /* 99 % of the pixels are darker */
#define WHITE 215 /* 99 % are brighter */
#define FLAT 16   /* levels that 98 % of the pixels lie within */
#define GREY 8    /* difference of a pixel's channels that compression leaves in grey pictures */
#define BLUER 4   /* blue over red, mean of all photos; COCO: -19, its photos swapped: 19 */
#define NO_SCORE 0.05f
#define LEAST_SCORE 0.001f

/* ---- one photo ---- */

itx_status photo_scorer_create(struct photo_scorer *s, const struct network *n,
                               struct itx_error *err)
{
    if (n->head.task == HEAD_RAW) return ITX_OK;
    const struct yolo_head head = network_head(n);
    return instances_create(&s->instances, &head, 1, err);
}

void photo_scorer_release(struct photo_scorer *s)
{
    instances_release(&s->instances);
}

/* Luma at the 1 % and the 99 % of the grid's pixels; whether they are grey; their means in cells. */
static void look_at_pixels(struct photo_facts *facts, const struct picture *p)
{
    enum { N = PHOTO_GRID * PHOTO_GRID, CELL = PHOTO_GRID / PHOTO_THUMB };
    int histogram[256] = {0}, n_colored = 0;
    int sum[PHOTO_THUMB * PHOTO_THUMB * 3] = {0};
    for (int i = 0; i < PHOTO_GRID; i++) {
        const size_t y = (size_t)((2 * (int64_t)i + 1) * p->height / (2 * PHOTO_GRID));
        for (int j = 0; j < PHOTO_GRID; j++) {
            const size_t x = (size_t)((2 * (int64_t)j + 1) * p->width / (2 * PHOTO_GRID));
            const uint8_t *const v = p->rgb + y * p->stride + 3 * x;
            const int most = v[0] > v[1] ? v[0] : v[1], least = v[0] < v[1] ? v[0] : v[1];
            n_colored += (most > v[2] ? most : v[2]) - (least < v[2] ? least : v[2]) > GREY;
            histogram[(77 * v[0] + 150 * v[1] + 29 * v[2]) >> 8]++;
            for (int c = 0; c < 3; c++) sum[((i / CELL) * PHOTO_THUMB + j / CELL) * 3 + c] += v[c];
        }
    }
    for (int i = 0; i < PHOTO_THUMB * PHOTO_THUMB * 3; i++)
        facts->thumb[i] = (uint8_t)(sum[i] / (CELL * CELL));
    int below = 0, above = 0;
    for (facts->darkest = 0; (below += histogram[facts->darkest]) <= N / 100;) facts->darkest++;
    for (facts->brightest = 255; (above += histogram[facts->brightest]) <= N / 100;)
        facts->brightest--;
    facts->is_grey = n_colored <= N / 100;
}

static float best_score(struct photo_scorer *s, const struct network *n,
                        const struct float_run *run)
{
    const struct yolo_params params = {
        .conf = LEAST_SCORE, .iou = 0.7, .max_det = 1, .labels = YOLO_BEST_LABEL};
    network_head_data(&s->instances.head, n, run->exec);
    instances_decode(&s->instances, &params, &run->frame.letterbox);
    return s->instances.n > 0 ? s->instances.item[0].score : 0;
}

void photo_look(struct photo_facts *facts, struct photo_scorer *s, const struct network *n,
                const struct float_run *run, const struct picture *picture)
{
    *facts =
        (struct photo_facts){.is_used = true, .width = picture->width, .height = picture->height};
    look_at_pixels(facts, picture);
    facts->has_score = s->instances.decoder != NULL;
    if (facts->has_score) facts->best_score = best_score(s, n, run);
}

void photo_note_values(struct photo_facts *facts, float least, float most)
{
    facts->has_values = true;
    facts->least = least;
    facts->most = most;
}

itx_status photo_look_swapped(struct photo_facts *facts, struct photo_scorer *s,
                              const struct network *n, struct float_run *run, struct itx_error *err)
{
    struct frame *const f = &run->frame;
    const size_t n_pixels = (size_t)f->width * (size_t)f->height;
    for (size_t i = 0; i < n_pixels; i++) {
        const uint8_t red = f->rgb[3 * i];
        f->rgb[3 * i] = f->rgb[3 * i + 2];
        f->rgb[3 * i + 2] = red;
    }
    ITX_TRY(float_run_input(run, NULL, NULL, err));
    facts->was_swapped = true;
    facts->swapped_score = best_score(s, n, run);
    return ITX_OK;
}

/* ---- all photos ---- */

/* Sums over those that were used. */
struct sight {
    int n, n_unit, n_outside, n_black, n_white, n_flat, n_grey, n_small, n_scored;
    float best_score;
};

ITX_PRINTF(2, 3) static void warn(struct photo_warnings *w, const char *fmt, ...)
{
    va_list args;
    if (w->n == PHOTOS_MAX_WARNINGS) ITX_BUG();
    va_start(args, fmt);
    format_textv(w->text[w->n++], sizeof w->text[0], fmt, args);
    va_end(args);
}

static void add_facts(struct sight *s, const struct photo_facts *f, int input_w, int input_h)
{
    s->n++;
    s->n_unit += f->has_values && f->least >= 0 && f->most <= 1;
    s->n_outside += f->has_values && (f->least < -0.5f || f->most > 255.5f);
    s->n_black += f->brightest < BLACK;
    s->n_white += f->darkest > WHITE;
    s->n_flat += f->brightest - f->darkest < FLAT;
    s->n_grey += f->is_grey;
    s->n_small += 2 * (int64_t)f->width < input_w && 2 * (int64_t)f->height < input_h;
    s->n_scored += f->has_score;
    if (f->has_score && f->best_score > s->best_score) s->best_score = f->best_score;
}

bool photos_are_blue(const struct photo_facts *facts, int n_photos)
{
    int64_t sum = 0, n = 0;
    for (int i = 0; i < n_photos; i++) {
        if (!facts[i].is_used) continue;
        for (size_t k = 0; k < sizeof facts[i].thumb; k += 3)
            sum += facts[i].thumb[k + 2] - facts[i].thumb[k];
        n += sizeof facts[i].thumb / 3;
    }
    return sum > BLUER * n;
}

static bool are_alike(const struct photo_facts *a, const struct photo_facts *b)
{
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof a->thumb; i++) sum += abs(a->thumb[i] - b->thumb[i]);
    return sum < (int64_t)(ALIKE * sizeof a->thumb);
}

/* Photos unlike each one before them that is itself unlike; `enough` of them end the search. */
static int count_different(const struct photo_facts *facts, int n_photos, int enough)
{
    const struct photo_facts **different = mem_calloc((size_t)enough, sizeof *different);
    int n = 0;
    if (different == NULL) return enough; /* nothing is said without memory */
    for (int i = 0; i < n_photos && n < enough; i++) {
        bool is_new = facts[i].is_used;
        for (int k = 0; k < n && is_new; k++) is_new = !are_alike(&facts[i], different[k]);
        if (is_new) different[n++] = &facts[i];
    }
    mem_free(different);
    return n;
}

static void judge_number(struct photo_warnings *w, const struct sight *s,
                         const struct photo_facts *facts, int n_photos)
{
    if (s->n < PHOTOS_FEW)
        warn(w,
             "%d calibration photo%s: thresholds depend on what they happen to show, with fewer "
             "than "
             "%d; 50 are good",
             s->n, s->n == 1 ? "" : "s", PHOTOS_FEW);
    if (s->n < 2) return;
    const int few = s->n / 4 > 1 ? s->n / 4 : 1;
    const int n = count_different(facts, n_photos, few + 1);
    if (n > few) return;
    if (n == 1)
        warn(w, "the %d calibration photos all show nearly the same: take different ones", s->n);
    else
        warn(w,
             "the %d calibration photos show only %d different pictures, the others are nearly the "
             "same: take different ones",
             s->n, n);
}

static void judge_values(struct photo_warnings *w, const struct sight *s, int n_channels)
{
    if (s->n_unit == s->n) {
        warn(w,
             "all calibration files have values from 0 to 1: pixel values 0 to 255 are expected, "
             "before mean and scale");
        return;
    }
    if (s->n_outside > 0)
        warn(w,
             "%d of %d calibration files have values outside 0 to 255, which were cut off: pixel "
             "values are expected, before mean and scale",
             s->n_outside, s->n);
    const struct {
        int n;
        const char *what;
    } kinds[] = {
        {s->n_black, "nearly black"},
        {s->n_white, "nearly white"},
        {s->n_flat - s->n_black - s->n_white, "of nearly one shade"},
    };
    for (int i = 0; i < 3; i++)
        if (2 * kinds[i].n > s->n)
            warn(w, "%d of %d calibration photos are %s: were their values scaled?", kinds[i].n,
                 s->n, kinds[i].what);
    if (s->n_grey == s->n && n_channels == 3)
        warn(w, "no calibration photo has colours: will the network see grey pictures only?");
}

/* Is the network surer of what it finds when red and blue are exchanged, by more than chance would have it? Student's t
 * of the differences; on COCO's photos, swapped, it is about 3.2 for 24 of them. */
static void judge_order(struct photo_warnings *w, const struct photo_facts *facts, int n_photos)
{
    double sum[2] = {0, 0}, change = 0, square = 0;
    int n = 0, n_surer = 0;
    for (int i = 0; i < n_photos; i++) {
        if (!facts[i].is_used || !facts[i].was_swapped) continue;
        const double d = (double)facts[i].swapped_score - (double)facts[i].best_score;
        sum[0] += (double)facts[i].best_score;
        sum[1] += (double)facts[i].swapped_score;
        change += d;
        square += d * d;
        n_surer += d > 0;
        n++;
    }
    if (n < 4 || change <= 0) return;
    const double mean = change / n, variance = (square - change * mean) / (n - 1);
    if (mean * mean * n > 2.5 * 2.5 * variance)
        warn(w,
             "red and blue of the calibration photos look exchanged: with both swapped the float "
             "network is surer in %d of %d photos (mean of the best scores %.2f, not %.2f)",
             n_surer, n, sum[1] / n, sum[0] / n);
}

void photos_judge(struct photo_warnings *w, const struct photo_facts *facts, int n_photos,
                  const struct network *n)
{
    const int input_w = n->width, input_h = n->height;
    struct sight s = {0};
    *w = (struct photo_warnings){0};
    for (int i = 0; i < n_photos; i++)
        if (facts[i].is_used) add_facts(&s, &facts[i], input_w, input_h);
    if (s.n == 0) return;
    judge_number(w, &s, facts, n_photos);
    judge_values(w, &s, n->feed.n_channels);
    if (2 * s.n_small > s.n)
        warn(
            w,
            "%d of %d calibration photos have less than half the size of the network's input (%d x "
            "%d): the network will see sharper ones",
            s.n_small, s.n, input_w, input_h);
    judge_order(w, facts, n_photos);
    if (s.n_scored == s.n && s.best_score < NO_SCORE)
        warn(w,
             "the float network finds nothing in any calibration photo (best score %.3f): do they "
             "show what it was trained for?",
             (double)s.best_score);
}
