/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of candidates, and the suppression of boxes that overlap stronger ones.
 */
#include "yolo/decode_internal.h"

#include <string.h>

static void insertion_sort(yolo_key *key, int n)
{
    for (int i = 1; i < n; i++) {
        const yolo_key k = key[i];
        int j = i;
        for (; j > 0 && key[j - 1] > k; j--) key[j] = key[j - 1];
        key[j] = k;
    }
}

/* Radix sort, one byte at a time from the lowest; bytes in which all keys agree are left out. */
void yolo_sort(yolo_key *key, yolo_key *scratch, int n)
{
    if (n <= 48) { /* fewer than the counters that each pass would clear */
        insertion_sort(key, n);
        return;
    }
    yolo_key *from = key, *to = scratch;
    yolo_key all = key[0], any = key[0];
    for (int i = 1; i < n; i++) {
        all &= key[i];
        any |= key[i];
    }
    for (int shift = 0; shift < 64; shift += 8) {
        if (((all ^ any) >> shift & 255) == 0) continue;
        int place[256] = {0};
        for (int i = 0; i < n; i++) place[from[i] >> shift & 255]++;
        for (int b = 0, sum = 0; b < 256; b++) {
            const int count = place[b];
            place[b] = sum;
            sum += count;
        }
        for (int i = 0; i < n; i++) to[place[from[i] >> shift & 255]++] = from[i];
        yolo_key *const swap = from;
        from = to;
        to = swap;
    }
    if (from != key) memcpy(key, from, (size_t)n * sizeof *key);
}

void yolo_candidates_reset(struct yolo_candidates *list)
{
    list->n = 0;
    list->end = UINT64_MAX;
}

void yolo_candidates_finish(struct yolo_candidates *list)
{
    yolo_sort(list->key, list->scratch, list->n);
    if (list->n < list->max) return;
    list->n = list->max;
    list->end = list->key[list->max - 1];
}

void yolo_candidates_add(struct yolo_candidates *list, yolo_key key)
{
    if (key >= list->end) return;
    if (list->n == list->cap) {
        yolo_candidates_finish(list);
        if (key >= list->end) return;
    }
    list->key[list->n++] = key;
}

/* In doubles, so that sums and products of the float coordinates hardly round: inter / (a + b - inter + 1e-9). */
static double overlap(const float a[4], const float b[4])
{
    const double w = (double)(a[2] < b[2] ? a[2] : b[2]) - (double)(a[0] > b[0] ? a[0] : b[0]);
    const double h = (double)(a[3] < b[3] ? a[3] : b[3]) - (double)(a[1] > b[1] ? a[1] : b[1]);
    const double inter = w * h;
    const double area_a = ((double)a[2] - a[0]) * ((double)a[3] - a[1]);
    const double area_b = ((double)b[2] - b[0]) * ((double)b[3] - b[1]);
    return inter / (area_a + area_b - inter + 1e-9);
}

bool yolo_nms_keep(const struct yolo_nms *nms, int class_id, const float box[4], double iou)
{
    float(*const kept)[4] = nms->kept + nms->first[class_id];
    const int n = nms->n[class_id];
    for (int i = 0; i < n; i++) {
        const float *k = kept[i];
        /* one test, not four branches: which side fails is unpredictable */
        if (!((k[0] < box[2]) & (box[0] < k[2]) & (k[1] < box[3]) & (box[1] < k[3]))) continue;
        if (overlap(k, box) > iou) return false;
    }
    memcpy(kept[n], box, sizeof kept[n]);
    nms->n[class_id]++;
    return true;
}
