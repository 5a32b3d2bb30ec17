/* SPDX-License-Identifier: Apache-2.0 */
#include "vision/codec.h"

#include <string.h>

#include "base/mem.h"

itx_status turn_init(struct turn *t, struct picture *picture, int orientation, int64_t width,
                     int64_t height, int64_t max_pixels, struct itx_error *err)
{
    const bool swaps = orientation >= 5;
    ITX_TRY(picture_check_size(width, height, max_pixels, err));
    ITX_TRY(picture_create(picture, swaps ? height : width, swaps ? width : height, err));
    *t = (struct turn){picture, orientation, (int)width, (int)height, 0, NULL};
    if (orientation == 1) return ITX_OK;
    t->strip = mem_alloc(turn_stride(t) * TURN_ROWS);
    return t->strip != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory for a picture");
}

void turn_release(struct turn *t)
{
    mem_free(t->strip);
    *t = (struct turn){0};
}

size_t turn_stride(const struct turn *t)
{
    return (size_t)t->width * 3;
}

/* Where the stored pixel x, y is in the picture. */
static uint8_t *turned(const struct turn *t, int x, int y)
{
    const struct picture *const p = t->picture;
    const int o = t->orientation;
    const int u = o >= 5 ? y : x, v = o >= 5 ? x : y;
    const bool mirror_x = o == 2 || o == 3 || o == 6 || o == 7;
    const bool mirror_y = o == 3 || o == 4 || o == 7 || o == 8;
    return p->rgb + (size_t)(mirror_y ? p->height - 1 - v : v) * p->stride +
           (size_t)(mirror_x ? p->width - 1 - u : u) * 3;
}

/* Exchanges n rows of the strip with the picture. Goes along columns where rows become columns, so that it walks along
 * the picture's rows. */
static void move_strip(const struct turn *t, int n, bool to_picture)
{
    const bool swaps = t->orientation >= 5;
    const int n_outer = swaps ? t->width : n, n_inner = swaps ? n : t->width;
    for (int i = 0; i < n_outer; i++) {
        for (int j = 0; j < n_inner; j++) {
            const int x = swaps ? i : j, y = swaps ? j : i;
            uint8_t *const in_strip = t->strip + (size_t)y * turn_stride(t) + (size_t)x * 3;
            uint8_t *const in_picture = turned(t, x, t->first + y);
            memcpy(to_picture ? in_picture : in_strip, to_picture ? in_strip : in_picture, 3);
        }
    }
}

uint8_t *turn_row(struct turn *t, int y, bool keeps)
{
    if (t->orientation == 1) return t->picture->rgb + (size_t)y * t->picture->stride;
    if (y % TURN_ROWS == 0) {
        const int left = t->height - y;
        t->first = y;
        if (keeps) move_strip(t, left < TURN_ROWS ? left : TURN_ROWS, false);
    }
    return t->strip + (size_t)(y - t->first) * turn_stride(t);
}

void turn_row_done(struct turn *t, int y)
{
    if (t->orientation == 1) return;
    const int n = y - t->first + 1;
    if (n == TURN_ROWS || y == t->height - 1) move_strip(t, n, true);
}
