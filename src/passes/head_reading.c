/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the two or three maps of a level holds classes, boxes and coefficients. Every order of them that the numbers
 * of channels allow is a reading; what else is known rules readings out, the surest first, as long as one is left:
 *   1. the words in the names of outputs, nodes and weights (cv2.0, cls, box, ...);
 *   2. the number of class names in the metadata;
 *   3. depthwise convolutions, which only the class branch has (YOLO11);
 *   4. the widths that Ultralytics gives the branches (below);
 *   5. a distribution over 16 bins, which all published networks but those of the form of YOLO26 have.
 * The order of the outputs tells nothing: exporters differ.
 */
#include "passes/find_head.h"

enum { N_ORDERS = 6 };

/* orders[k][role]: place of the map that has the role; the first two are those of heads without coefficients. */
static const int orders[N_ORDERS][FOUND_ROLES] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1},
                                                  {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

/* Bits: orders that are possible at each level. */
struct readings {
    unsigned level[HEAD_MAX_LEVELS];
};

static const struct map *part(const struct levels *l, int level, int order, enum found_role role)
{
    return l->map[level][orders[order][role]];
}

static bool has_same_channels(const struct levels *l, int a, int order_a, int b, int order_b)
{
    for (int role = 0; role < l->n_parts; role++)
        if (part(l, a, order_a, role)->c != part(l, b, order_b, role)->c) return false;
    return true;
}

/* Some order of every level gives each role as many channels as `order` of `level` does. */
static bool fits_all_levels(const struct levels *l, const struct readings *r, int level, int order)
{
    for (int i = 0; i < l->n_levels; i++) {
        bool any = false;
        for (int k = 0; k < N_ORDERS; k++)
            any |= (r->level[i] >> k & 1) != 0 && has_same_channels(l, level, order, i, k);
        if (!any) return false;
    }
    return true;
}

typedef bool fits_fn(const struct levels *l, int level, int order);

/* Keeps the orders that `fits` accepts, where that leaves one at each level and all levels agree. */
static bool keep(const struct levels *l, struct readings *r, fits_fn *fits)
{
    struct readings kept = {0}, agreed = {0};
    for (int i = 0; i < l->n_levels; i++)
        for (int k = 0; k < N_ORDERS; k++)
            if ((r->level[i] >> k & 1) != 0 && fits(l, i, k)) kept.level[i] |= 1u << k;
    for (int i = 0; i < l->n_levels; i++)
        for (int k = 0; k < N_ORDERS; k++)
            if ((kept.level[i] >> k & 1) != 0 && fits_all_levels(l, &kept, i, k))
                agreed.level[i] |= 1u << k;
    if (agreed.level[0] == 0) return false; /* then no level has one */
    *r = agreed;
    return true;
}

/* ---- what is known ---- */

static bool fits_channels(const struct levels *l, int level, int order)
{
    const int n_box = part(l, level, order, FOUND_BOX)->c;
    if (n_box % 4 != 0 || n_box > 4 * 64) return false;
    return l->n_parts == 2 || part(l, level, order, FOUND_COEF)->c == l->n_coefs;
}

static bool fits_words(const struct levels *l, int level, int order)
{
    for (int role = 0; role < l->n_parts; role++) {
        const int told = part(l, level, order, role)->role;
        if (told != MAP_UNKNOWN && told != role) return false;
    }
    return true;
}

static bool fits_names(const struct levels *l, int level, int order)
{
    return part(l, level, order, FOUND_CLS)->c == l->n_names;
}

static bool fits_depthwise(const struct levels *l, int level, int order)
{
    for (int role = 0; role < l->n_parts; role++)
        if (part(l, level, order, role)->has_depthwise != (role == FOUND_CLS)) return false;
    return true;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* Class Detect and Segment of Ultralytics, with ch the channels that the head reads at its first level: boxes
 * max(16, ch / 4, their channels), classes max(ch, min(their number, 100)), coefficients max(ch / 4, their number). */
static bool fits_widths(const struct levels *l, int level, int order)
{
    int first = 0;
    for (int i = 1; i < l->n_levels; i++)
        if (l->map[i][0]->stride < l->map[first][0]->stride) first = i;
    const int ch = l->map[first][0]->entry;
    for (int k = 1; k < l->n_parts; k++)
        if (l->map[first][k]->entry != ch) return false;
    const struct map *const cls = part(l, level, order, FOUND_CLS);
    const struct map *const box = part(l, level, order, FOUND_BOX);
    if (box->width != larger(larger(16, ch / 4), box->c)) return false;
    if (cls->width != larger(ch, cls->c < 100 ? cls->c : 100)) return false;
    if (l->n_parts == 2) return true;
    const struct map *const coef = part(l, level, order, FOUND_COEF);
    return coef->width == larger(ch / 4, coef->c);
}

static bool fits_16_bins(const struct levels *l, int level, int order)
{
    return part(l, level, order, FOUND_BOX)->c == 4 * 16;
}

/* ---- */

static bool is_single(const struct levels *l, const struct readings *r)
{
    for (int i = 0; i < l->n_levels; i++)
        if ((r->level[i] & (r->level[i] - 1)) != 0) return false;
    return true;
}

static bool has_same_classes(const struct levels *l, const struct readings *r)
{
    int n = 0;
    for (int k = 0; k < N_ORDERS; k++) {
        if ((r->level[0] >> k & 1) == 0) continue;
        const int c = part(l, 0, k, FOUND_CLS)->c;
        if (n != 0 && c != n) return false;
        n = c;
    }
    return true;
}

enum reading head_read_levels(struct levels *l)
{
    static fits_fn *const known[] = {fits_words, fits_names, fits_depthwise, fits_widths,
                                     fits_16_bins};
    struct readings r;
    for (int i = 0; i < l->n_levels; i++) r.level[i] = l->n_parts == 2 ? 3u : (1u << N_ORDERS) - 1;
    if (!keep(l, &r, fits_channels)) return READING_NONE;
    for (size_t i = 0; i < sizeof known / sizeof known[0] && !is_single(l, &r); i++)
        (void)keep(l, &r, known[i]);
    l->same_classes = has_same_classes(l, &r);
    if (!is_single(l, &r)) return READING_AMBIGUOUS;
    for (int i = 0; i < l->n_levels; i++) {
        int order = 0;
        while ((r.level[i] >> order & 1) == 0) order++;
        for (int role = 0; role < l->n_parts; role++) l->map[i][orders[order][role]]->role = role;
    }
    return READING_ONE;
}
