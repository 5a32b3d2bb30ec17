/* SPDX-License-Identifier: Apache-2.0
 *
 * See the header for the method. Matrices of weights lie with a column for each row of the problem ([k, rows]), so that
 * loops over rows are vector code. h is symmetric, in the order in which columns are rounded: the last one first.
 */
#include "quant/rounding.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "float/gemm.h"

#define TILE 128 /* columns of h that one worker takes at a time */
#define PANEL 64 /* rows of the factor made at a time */
#define LANES 16 /* problems that go through nearest_plane together */

struct block {
    const struct rounding *p;
    const struct rounding_options *o;
    int first, k;   /* columns [first, first + k) of the problem */
    float *x;       /* [n, k] less its mean */
    float *h;       /* [k, k], damped for rounding */
    float *factor;  /* [k, k]: upper triangle u with u^T u = h + damping */
    float *w;       /* [k, rows]: the best real weights */
    float *q;       /* [k, rows]: the rounded ones */
    float *plane;   /* [k, rows]: those of the nearest plane, while others are tried */
    float *g;       /* [k, rows]: gradients, differences */
    double *mean;   /* [k] of x */
    int *order;     /* [k]: which column of x is column i of h */
    float *lanes;   /* [workers, k, LANES] */
    float *descent; /* [workers, k] */
    size_t panel;   /* first row of the panel at work */
    bool is_broken; /* not positive definite */
};

static int tiles(int n, int size)
{
    return (n + size - 1) / size;
}

static size_t tile_end(size_t begin, int size, size_t n)
{
    return n - begin < (size_t)size ? n : begin + (size_t)size;
}

/* ---- moments ---- */

static void load_columns(void *ctx, int worker, int n_workers)
{
    const struct block *const b = ctx;
    const size_t k = (size_t)b->k;
    for (int t = worker; t < tiles(b->k, TILE); t += n_workers) {
        const size_t begin = (size_t)t * TILE, end = tile_end(begin, TILE, k);
        for (size_t j = begin; j < end; j++) b->mean[j] = 0;
        for (size_t i = 0; i < b->p->n; i++) {
            const int16_t *const x = b->p->x + i * (size_t)b->p->k + (size_t)b->first;
            for (size_t j = begin; j < end; j++) b->mean[j] += x[j];
        }
        for (size_t j = begin; j < end; j++) b->mean[j] /= (double)b->p->n;
        for (size_t i = 0; i < b->p->n; i++) {
            const int16_t *const x = b->p->x + i * (size_t)b->p->k + (size_t)b->first;
            for (size_t j = begin; j < end; j++) b->x[i * k + j] = (float)(x[j] - b->mean[j]);
        }
    }
}

/* factor := x^T x / n, its upper triangle; q := x^T rest / n. */
static void multiply_columns(void *ctx, int worker, int n_workers)
{
    const struct block *const b = ctx;
    const size_t k = (size_t)b->k, rows = (size_t)b->p->rows;
    const float share = 1 / (float)b->p->n;
    for (int t = worker; t < tiles(b->k, TILE); t += n_workers) {
        const size_t begin = (size_t)t * TILE, end = tile_end(begin, TILE, k);
        struct float_product m = {
            .m = (int)(end - begin),
            .n = (int)(k - begin),
            .k = (int)b->p->n,
            .alpha = share,
            .a = {b->x + begin, k, MATRIX_TRANSPOSED},
            .b = {b->x + begin, k, MATRIX_PLAIN},
            .c = b->factor + begin * k + begin,
            .c_stride = k,
        };
        float_gemm(&m);
        m.n = b->p->rows;
        m.b = (struct float_matrix){b->p->target, rows, MATRIX_PLAIN};
        m.c = b->q + begin * rows;
        m.c_stride = rows;
        float_gemm(&m);
    }
}

/* Smallest diagonal first, so that the largest is rounded first; equal ones stay in order. */
static void sort_columns(const struct block *b, const float *h)
{
    const size_t k = (size_t)b->k;
    for (int i = 0; i < b->k; i++) {
        const float d = h[(size_t)i * (k + 1)];
        int j = i;
        for (; j > 0 && h[(size_t)b->order[j - 1] * (k + 1)] > d; j--)
            b->order[j] = b->order[j - 1];
        b->order[j] = i;
    }
}

/* h and g in order, from what multiply_columns left. */
static void put_in_order(void *ctx, int worker, int n_workers)
{
    const struct block *const b = ctx;
    const size_t k = (size_t)b->k, rows = (size_t)b->p->rows;
    for (size_t i = (size_t)worker; i < k; i += (size_t)n_workers) {
        const size_t from = (size_t)b->order[i];
        for (size_t j = 0; j < k; j++) {
            const size_t other = (size_t)b->order[j];
            b->h[i * k + j] =
                from < other ? b->factor[from * k + other] : b->factor[other * k + from];
        }
        memcpy(b->g + i * rows, b->q + from * rows, rows * sizeof *b->g);
    }
}

/* ---- the factor ---- */

static void update_trailing(void *ctx, int worker, int n_workers)
{
    const struct block *const b = ctx;
    const size_t k = (size_t)b->k, end = tile_end(b->panel, PANEL, k);
    for (int t = worker; t < tiles((int)(k - end), TILE); t += n_workers) {
        const size_t c = end + (size_t)t * TILE;
        float_gemm(&(struct float_product){
            .m = (int)(tile_end(c, TILE, k) - c),
            .n = (int)(k - c),
            .k = (int)(end - b->panel),
            .alpha = -1,
            .beta = 1,
            .a = {b->factor + b->panel * k + c, k, MATRIX_TRANSPOSED},
            .b = {b->factor + b->panel * k + c, k, MATRIX_PLAIN},
            .c = b->factor + c * k + c,
            .c_stride = k,
        });
    }
}

static void make_panel(struct block *b)
{
    const size_t k = (size_t)b->k, end = tile_end(b->panel, PANEL, k);
    for (size_t i = b->panel; i < end; i++) {
        float *const row = b->factor + i * k;
        if (!(row[i] > 0)) b->is_broken = true;
        const float inverse = 1 / sqrtf(row[i]);
        for (size_t j = i; j < k; j++) row[j] *= inverse;
        for (size_t l = i + 1; l < end; l++) {
            float *const below = b->factor + l * k;
            const float f = row[l];
            for (size_t j = l; j < k; j++) below[j] -= f * row[j];
        }
    }
}

/* What `relative` damping adds to each element of the diagonal; never nothing, so that inputs that are always zero do no
 * harm. */
static float damping_of(const struct block *b, float relative)
{
    double trace = 0;
    for (size_t i = 0; i < (size_t)b->k; i++) trace += (double)b->h[i * ((size_t)b->k + 1)];
    return (float)(relative * trace / b->k + 1e-6);
}

static itx_status make_factor(struct block *b, float damping, struct pool *pool,
                              struct itx_error *err)
{
    const size_t k = (size_t)b->k;
    memcpy(b->factor, b->h, k * k * sizeof *b->factor);
    for (size_t i = 0; i < k; i++) b->factor[i * (k + 1)] += damping;
    for (b->panel = 0; b->panel < k && !b->is_broken; b->panel += PANEL) {
        make_panel(b);
        pool_run(pool, update_trailing, b);
    }
    if (!b->is_broken) return ITX_OK;
    return itx_fail(err, ITX_E_RANGE, "its inputs are not finite, or too far apart to solve for");
}

/* g := (u^T u)^-1 g, then w. */
static void solve_target(void *ctx, int worker, int n_workers)
{
    const struct block *const b = ctx;
    const size_t k = (size_t)b->k, rows = (size_t)b->p->rows;
    for (int t = worker; t < tiles((int)rows, LANES); t += n_workers) {
        const size_t begin = (size_t)t * LANES, end = tile_end(begin, LANES, rows);
        for (size_t i = 0; i < k; i++) {
            const float *const u = b->factor + i * k;
            float *const to = b->g + i * rows;
            for (size_t c = begin; c < end; c++) to[c] /= u[i];
            for (size_t j = i + 1; j < k; j++)
                for (size_t c = begin; c < end; c++) b->g[j * rows + c] -= u[j] * to[c];
        }
        for (size_t i = k; i-- > 0;) {
            const float *const u = b->factor + i * k;
            float *const to = b->g + i * rows;
            for (size_t j = i + 1; j < k; j++)
                for (size_t c = begin; c < end; c++) to[c] -= u[j] * b->g[j * rows + c];
            for (size_t c = begin; c < end; c++) to[c] /= u[i];
        }
        for (size_t i = 0; i < k; i++) {
            const size_t from = (size_t)b->first + (size_t)b->order[i];
            for (size_t c = begin; c < end; c++)
                b->w[i * rows + c] = b->p->w[c * (size_t)b->p->k + from] + b->g[i * rows + c];
        }
    }
}

/* ---- rounding ---- */

struct lanes {
    int n;
    int row[LANES];
    float scale[LANES];
    double error[LANES]; /* out */
};

static float nearest(float v)
{
    return fminf(127, fmaxf(-127, rintf(v)));
}

/* `lost` [k, LANES] is scratch; q (may be NULL) [k, LANES] gets the integers. */
static void nearest_plane(const struct block *b, struct lanes *l, float *lost, float *q)
{
    const size_t k = (size_t)b->k, rows = (size_t)b->p->rows;
    memset(l->error, 0, sizeof l->error);
    for (size_t i = k; i-- > 0;) {
        const float *const u = b->factor + i * k;
        float sum[LANES] = {0};
        for (size_t j = i + 1; j < k; j++)
            for (int c = 0; c < LANES; c++) sum[c] += u[j] * lost[j * LANES + (size_t)c];
        for (int c = 0; c < LANES; c++) lost[i * LANES + (size_t)c] = 0;
        for (int c = 0; c < l->n; c++) {
            const float w = b->w[i * rows + (size_t)l->row[c]], wanted = w + sum[c] / u[i];
            const float v = nearest(wanted / l->scale[c]);
            const double miss = (double)(wanted - v * l->scale[c]) * (double)u[i];
            l->error[c] += miss * miss;
            lost[i * LANES + (size_t)c] = w - v * l->scale[c];
            if (q != NULL) q[i * rows + (size_t)l->row[c]] = v;
        }
    }
}

/* Below 1 large weights are cut off for the sake of finer steps. */
static const float ladder[ROUNDING_MAX_SCALES] = {1, 0.95f, 0.9f, 0.85f, 0.8f, 0.75f, 0.7f, 0.6f};

static void choose_scales(void *ctx, int worker, int n_workers)
{
    const struct block *const b = ctx;
    const struct rounding *const p = b->p;
    float *const lost = b->lanes + (size_t)worker * (size_t)b->k * LANES;
    for (int g = worker; g < p->rows / p->rows_per_scale; g += n_workers) {
        double error[ROUNDING_MAX_SCALES] = {0};
        for (int r = 0; r < p->rows_per_scale; r++) {
            struct lanes l = {.n = b->o->n_scales};
            for (int s = 0; s < l.n; s++) {
                l.row[s] = g * p->rows_per_scale + r;
                l.scale[s] = p->scale[g] * ladder[s];
            }
            nearest_plane(b, &l, lost, NULL);
            for (int s = 0; s < l.n; s++) error[s] += l.error[s];
        }
        int best = 0;
        for (int s = 1; s < b->o->n_scales; s++)
            if (error[s] < error[best]) best = s;
        p->scale[g] *= ladder[best];
    }
}

static void round_rows(void *ctx, int worker, int n_workers)
{
    const struct block *const b = ctx;
    float *const lost = b->lanes + (size_t)worker * (size_t)b->k * LANES;
    for (int t = worker; t < tiles(b->p->rows, LANES); t += n_workers) {
        struct lanes l = {.n = 0};
        for (int r = t * LANES; r < b->p->rows && l.n < LANES; r++, l.n++) {
            l.row[l.n] = r;
            l.scale[l.n] = b->p->scale[r / b->p->rows_per_scale];
        }
        nearest_plane(b, &l, lost, b->q);
    }
}

/* ---- coordinate descent ---- */

static float scale_of(const struct block *b, size_t r)
{
    return b->p->scale[r / (size_t)b->p->rows_per_scale];
}

static float lost_at(const struct block *b, size_t i, size_t r, float q)
{
    return b->w[i * (size_t)b->p->rows + r] - q * scale_of(b, r);
}

/* One row; gradient [k] is h (w - scale q). True when something moved. */
static bool sweep(const struct block *b, size_t r, float *gradient)
{
    const size_t k = (size_t)b->k, rows = (size_t)b->p->rows;
    const float scale = scale_of(b, r);
    bool moved = false;
    for (size_t i = 0; i < k; i++) {
        const float *const h = b->h + i * k;
        float *const q = &b->q[i * rows + r];
        const float v = nearest(*q + gradient[i] / (h[i] * scale));
        if (v == *q) continue;
        const float by = (v - *q) * scale;
        for (size_t j = 0; j < k; j++) gradient[j] -= by * h[j];
        *q = v;
        moved = true;
    }
    return moved;
}

/* gradient [rows of the tile, k] := h (w - scale q). */
static void find_gradients(const struct block *b, size_t begin, size_t end, float *gradient)
{
    const size_t k = (size_t)b->k, rows = (size_t)b->p->rows;
    for (size_t i = 0; i < k; i++)
        for (size_t r = begin; r < end; r++)
            b->g[i * rows + r] = lost_at(b, i, r, b->q[i * rows + r]);
    float_gemm(&(struct float_product){
        .m = (int)(end - begin),
        .n = b->k,
        .k = b->k,
        .alpha = 1,
        .a = {b->g + begin, rows, MATRIX_TRANSPOSED},
        .b = {b->h, k, MATRIX_PLAIN},
        .c = gradient,
        .c_stride = k,
    });
}

static double row_error(const struct block *b, size_t r, const float *gradient)
{
    const size_t rows = (size_t)b->p->rows;
    double sum = 0;
    for (size_t i = 0; i < (size_t)b->k; i++)
        sum += (double)lost_at(b, i, r, b->q[i * rows + r]) * (double)gradient[i];
    return sum;
}

/* From the nearest plane, unless each weight's nearest integer does better, which happens with few columns. */
static void descend(void *ctx, int worker, int n_workers)
{
    const struct block *const b = ctx;
    const size_t k = (size_t)b->k, rows = (size_t)b->p->rows;
    float *const gradient = b->descent + (size_t)worker * k * LANES;
    for (int t = worker; t < tiles((int)rows, LANES); t += n_workers) {
        const size_t begin = (size_t)t * LANES, end = tile_end(begin, LANES, rows);
        double error[LANES];
        find_gradients(b, begin, end, gradient);
        for (size_t r = begin; r < end; r++) {
            float *const own = gradient + (r - begin) * k;
            for (int s = 0; s < b->o->n_sweeps && sweep(b, r, own); s++) {
            }
            error[r - begin] = row_error(b, r, own);
        }
        for (size_t i = 0; i < k; i++)
            for (size_t r = begin; r < end; r++) {
                float *const q = &b->q[i * rows + r];
                b->plane[i * rows + r] = *q;
                *q = nearest(b->w[i * rows + r] / scale_of(b, r));
            }
        find_gradients(b, begin, end, gradient);
        for (size_t r = begin; r < end; r++) {
            float *const own = gradient + (r - begin) * k;
            if (row_error(b, r, own) < error[r - begin])
                for (int s = 0; s < b->o->n_sweeps && sweep(b, r, own); s++) {
                }
            else
                for (size_t i = 0; i < k; i++) b->q[i * rows + r] = b->plane[i * rows + r];
        }
    }
}

/* ---- the whole ---- */

/* target -= x g, where g [k, rows] is in the order of the problem's columns. */
static void subtract_product(void *ctx, int worker, int n_workers)
{
    const struct block *const b = ctx;
    const size_t k = (size_t)b->k, rows = (size_t)b->p->rows;
    for (size_t at = (size_t)worker * TILE; at < b->p->n; at += (size_t)n_workers * TILE)
        float_gemm(&(struct float_product){
            .m = (int)(tile_end(at, TILE, b->p->n) - at),
            .n = b->p->rows,
            .k = b->k,
            .alpha = -1,
            .beta = 1,
            .a = {b->x + at * k, k, MATRIX_PLAIN},
            .b = {b->g, rows, MATRIX_PLAIN},
            .c = b->p->target + at * rows,
            .c_stride = rows,
        });
}

/* The target becomes what the real weights leave of it, about its mean, which goes into the shift. */
static void subtract_real(struct block *b, struct pool *pool)
{
    const size_t rows = (size_t)b->p->rows;
    for (size_t i = 0; i < (size_t)b->k; i++)
        for (size_t r = 0; r < rows; r++)
            b->g[i * rows + r] = b->p->w[r * (size_t)b->p->k + (size_t)b->first + i];
    pool_run(pool, load_columns, b);
    pool_run(pool, subtract_product, b);
}

static void center_target(const struct rounding *p)
{
    const size_t rows = (size_t)p->rows;
    memset(p->shift, 0, rows * sizeof *p->shift);
    for (size_t i = 0; i < p->n; i++)
        for (size_t r = 0; r < rows; r++) p->shift[r] += (double)p->target[i * rows + r];
    for (size_t r = 0; r < rows; r++) p->shift[r] /= (double)p->n;
    for (size_t i = 0; i < p->n; i++)
        for (size_t r = 0; r < rows; r++)
            p->target[i * rows + r] = (float)((double)p->target[i * rows + r] - p->shift[r]);
}

/* Puts the integers where they belong, and what they change into g. */
static void take_weights(struct block *b)
{
    const struct rounding *const p = b->p;
    const size_t rows = (size_t)p->rows;
    for (size_t i = 0; i < (size_t)b->k; i++) {
        const size_t to = (size_t)b->order[i];
        for (size_t r = 0; r < rows; r++) {
            const size_t at = r * (size_t)p->k + (size_t)b->first + to;
            const float q = b->q[i * rows + r], w = q * scale_of(b, r);
            p->q[at] = (int8_t)q;
            p->shift[r] -= b->mean[to] * (double)w;
            b->g[to * rows + r] = w - p->w[at];
        }
    }
}

static itx_status solve_block(struct block *b, struct pool *pool, struct itx_error *err)
{
    const size_t k = (size_t)b->k;
    pool_run(pool, load_columns, b);
    pool_run(pool, multiply_columns, b);
    sort_columns(b, b->factor);
    pool_run(pool, put_in_order, b);
    ITX_TRY(make_factor(b, damping_of(b, b->o->target_damping), pool, err));
    pool_run(pool, solve_target, b);
    const float damping = damping_of(b, b->o->damping);
    ITX_TRY(make_factor(b, damping, pool, err));
    if (b->first == 0) pool_run(pool, choose_scales, b);
    pool_run(pool, round_rows, b);
    for (size_t i = 0; i < k; i++) b->h[i * (k + 1)] += damping;
    pool_run(pool, descend, b);
    take_weights(b);
    pool_run(pool, subtract_product, b);
    return ITX_OK;
}

itx_status rounding_solve(struct rounding *p, const struct rounding_options *o, struct pool *pool,
                          struct itx_error *err)
{
    const int columns = p->k < o->max_columns ? p->k : o->max_columns;
    const size_t k = (size_t)columns, rows = (size_t)p->rows;
    const size_t workers = pool != NULL ? (size_t)pool_n_threads(pool) : 1;
    struct block b = {
        .p = p,
        .o = o,
        .x = mem_calloc(p->n, k * sizeof(float)),
        .h = mem_calloc(k, k * sizeof(float)),
        .factor = mem_calloc(k, k * sizeof(float)),
        .w = mem_calloc(k, rows * sizeof(float)),
        .q = mem_calloc(k, rows * sizeof(float)),
        .plane = mem_calloc(k, rows * sizeof(float)),
        .g = mem_calloc(k, rows * sizeof(float)),
        .mean = mem_alloc(k * sizeof(double)),
        .order = mem_alloc(k * sizeof(int)),
        .lanes = mem_calloc(workers * k, LANES * sizeof(float)),
        .descent = mem_calloc(workers * k, LANES * sizeof(float)),
    };
    itx_status rc = ITX_OK;
    if (b.x == NULL || b.h == NULL || b.factor == NULL || b.w == NULL || b.q == NULL ||
        b.plane == NULL || b.g == NULL || b.mean == NULL || b.order == NULL || b.lanes == NULL ||
        b.descent == NULL)
        rc = itx_fail(err, ITX_E_NOMEM, "out of memory for %d weights a channel", p->k);
    if (rc == ITX_OK) center_target(p);
    for (size_t r = 0; rc == ITX_OK && r < rows; r++)
        if (!isfinite(p->shift[r]))
            rc = itx_fail(err, ITX_E_RANGE, "the float network gives numbers that are not finite");
    for (int pass = 0; pass < 2; pass++)
        for (b.first = 0; rc == ITX_OK && b.first < p->k; b.first += columns) {
            b.k = p->k - b.first < columns ? p->k - b.first : columns;
            if (pass == 0)
                subtract_real(&b, pool);
            else
                rc = solve_block(&b, pool, err);
        }
    mem_free(b.x);
    mem_free(b.h);
    mem_free(b.factor);
    mem_free(b.w);
    mem_free(b.q);
    mem_free(b.plane);
    mem_free(b.g);
    mem_free(b.mean);
    mem_free(b.order);
    mem_free(b.lanes);
    mem_free(b.descent);
    return rc;
}
