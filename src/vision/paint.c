/* SPDX-License-Identifier: Apache-2.0
 *
 * Paints a mask with a smooth edge. The mask is blurred by a Gaussian; across a straight edge the blurred level is then
 * a known function of the distance to the edge, so the level alone says how far a pixel is from the outline and how
 * much of it the line covers. Staircases of the pixel grid disappear in the blur. Work goes tile by tile, and tiles
 * without an edge nearby cost one look at the mask.
 */
#include "vision/paint.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define TILE 64
#define LEVELS 1024

enum { FILL_ALPHA = 112, BOX_ALPHA = 40, RIM_ALPHA = 110 };

static float clamp01(float v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

/* Distance from the edge, positive inside, at which a Gaussian of `sigma` blurs the mask to `level`. */
static float edge_distance(float level, float sigma)
{
    float low = -6, high = 6;
    for (int i = 0; i < 30; i++) {
        const float mid = (low + high) / 2;
        if (erfcf(-mid * 0.70710678f) / 2 < level)
            low = mid;
        else
            high = mid;
    }
    return low * sigma;
}

itx_status brush_init(struct brush *brush, int side, struct itx_error *err)
{
    const float half = fminf(fmaxf((float)side / 720, 0.9f), 6), rim = fmaxf(0.8f, half * 0.5f);
    const float sigma = fmaxf(1, (half + rim + 0.5f) / 2.2f);
    *brush = (struct brush){.radius = (int)ceilf(3 * sigma), .margin = (int)ceilf(half + rim) + 1};
    const size_t n = (size_t)(TILE + 2 * brush->radius);
    brush->kernel = mem_alloc((size_t)(2 * brush->radius + 1) * sizeof(float));
    brush->window = mem_alloc(n * n * sizeof(float));
    brush->across = mem_alloc(n * TILE * sizeof(float));
    brush->strokes = mem_alloc(LEVELS * sizeof brush->strokes[0]);
    if (brush->kernel == NULL || brush->window == NULL || brush->across == NULL ||
        brush->strokes == NULL) {
        brush_release(brush);
        return itx_fail(err, ITX_E_NOMEM, "out of memory for drawing");
    }
    float sum = 0;
    for (int i = -brush->radius; i <= brush->radius; i++)
        sum += brush->kernel[i + brush->radius] = expf(-(float)(i * i) / (2 * sigma * sigma));
    for (int i = 0; i <= 2 * brush->radius; i++) brush->kernel[i] /= sum;
    for (int i = 0; i < LEVELS; i++) {
        const float d = edge_distance((float)i / (LEVELS - 1), sigma);
        brush->strokes[i] = (struct stroke){
            (uint8_t)(255 * clamp01(d + 0.5f)),
            (uint8_t)(RIM_ALPHA * clamp01(half + rim + 0.5f - fabsf(d))),
            (uint8_t)(255 * clamp01(half + 0.5f - fabsf(d))),
        };
    }
    return ITX_OK;
}

void brush_release(struct brush *brush)
{
    mem_free(brush->kernel);
    mem_free(brush->window);
    mem_free(brush->across);
    mem_free(brush->strokes);
    *brush = (struct brush){0};
}

/* Row y of the mask as floats from x0 on; y and the columns are held inside the picture, so that an object that
 * the picture's border cuts gets no line there. */
static void mask_row(const struct draw_mask *m, const struct picture *p, int y, int x0, int n,
                     float *out)
{
    y = y < 0 ? 0 : y >= p->height ? p->height - 1 : y;
    const bool is_box = m->data == NULL, outside = y < m->y || y >= m->y + m->h;
    const uint8_t *row = is_box || outside ? NULL : m->data + (size_t)(y - m->y) * (size_t)m->w;
    for (int i = 0; i < n; i++) {
        int x = x0 + i;
        x = x < 0 ? 0 : x >= p->width ? p->width - 1 : x;
        const bool in = !outside && x >= m->x && x < m->x + m->w;
        out[i] = in && (row == NULL || row[x - m->x] != 0) ? 1 : 0;
    }
}

/* Fills the window for the tile at (x0, y0); says whether it is all of one value. */
static bool load_window(struct brush *b, const struct draw_mask *m, const struct picture *p, int x0,
                        int y0)
{
    const int n = TILE + 2 * b->radius;
    bool same = true;
    for (int y = 0; y < n; y++) {
        float *row = b->window + (size_t)y * (size_t)n;
        mask_row(m, p, y0 - b->radius + y, x0 - b->radius, n, row);
        same = same && row[0] == b->window[0] &&
               memcmp(row, row + 1, (size_t)(n - 1) * sizeof *row) == 0;
    }
    return same;
}

static void blur_across(struct brush *b)
{
    const int n = TILE + 2 * b->radius, taps = 2 * b->radius + 1;
    for (int y = 0; y < n; y++) {
        const float *in = b->window + (size_t)y * (size_t)n;
        float *out = b->across + (size_t)y * TILE;
        for (int x = 0; x < TILE; x++) out[x] = 0;
        for (int k = 0; k < taps; k++)
            for (int x = 0; x < TILE; x++) out[x] += b->kernel[k] * in[x + k];
    }
}

static void paint_pixel(uint8_t *rgb, struct stroke s, int fill_alpha, struct color c)
{
    const uint8_t to[3] = {c.r, c.g, c.b};
    const int fill = s.fill * fill_alpha / 255;
    for (int k = 0; k < 3; k++) {
        uint8_t v = color_mix(rgb[k], to[k], fill);
        v = color_mix(v, 0, s.rim);
        rgb[k] = color_mix(v, to[k], s.line);
    }
}

static void paint_row(const struct brush *b, uint8_t *rgb, const float *level, int n,
                      int fill_alpha, struct color color)
{
    for (int x = 0; x < n; x++, rgb += 3) {
        const struct stroke s = b->strokes[(int)(clamp01(level[x]) * (LEVELS - 1) + 0.5f)];
        if ((s.fill | s.rim | s.line) != 0) paint_pixel(rgb, s, fill_alpha, color);
    }
}

void brush_paint(struct brush *b, struct picture *picture, const struct draw_mask *mask,
                 struct color color)
{
    const int fill_alpha = mask->data != NULL ? FILL_ALPHA : BOX_ALPHA;
    const int left = mask->x > b->margin ? mask->x - b->margin : 0;
    const int top = mask->y > b->margin ? mask->y - b->margin : 0;
    int right = mask->x + mask->w + b->margin, bottom = mask->y + mask->h + b->margin;
    right = right < picture->width ? right : picture->width;
    bottom = bottom < picture->height ? bottom : picture->height;
    for (int y0 = top; y0 < bottom; y0 += TILE) {
        for (int x0 = left; x0 < right; x0 += TILE) {
            const bool flat = load_window(b, mask, picture, x0, y0);
            if (flat && b->window[0] == 0) continue;
            const int n = right - x0 < TILE ? right - x0 : TILE;
            float level[TILE];
            for (int x = 0; x < TILE; x++) level[x] = 1;
            if (!flat) blur_across(b);
            for (int y = y0; y < bottom && y < y0 + TILE; y++) {
                if (!flat) {
                    const float *in = b->across + (size_t)(y - y0) * TILE;
                    for (int x = 0; x < TILE; x++) level[x] = 0;
                    for (int k = 0; k <= 2 * b->radius; k++)
                        for (int x = 0; x < TILE; x++)
                            level[x] += b->kernel[k] * in[(size_t)k * TILE + (size_t)x];
                }
                paint_row(b, picture->rgb + (size_t)y * picture->stride + (size_t)x0 * 3, level, n,
                          fill_alpha, color);
            }
        }
    }
}
