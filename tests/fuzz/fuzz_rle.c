/* SPDX-License-Identifier: Apache-2.0
 *
 * The first two bytes are a size, the rest is the text of a run-length code. One that is accepted fills a mask of that size, and the
 * code of that mask has the same area and bounds; writing and reading it again gives the same lengths.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "yolo/rle.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rle a = {0}, b = {0};
    struct strbuf text = {0};
    if (size < 2) return -1;
    const int h = data[0], w = data[1];
    if (rle_parse(&a, (struct str){(const char *)data + 2, size - 2}, h, w, NULL) != ITX_OK)
        return 0;
    const struct yolo_rect all = {0, 0, w, h}, bounds = rle_bounds(&a);
    uint8_t *mask = mem_alloc((size_t)w * (size_t)h);
    if (mask == NULL) abort();
    rle_decode(&a, mask, (size_t)w);
    if (rle_encode(&b, mask, (size_t)w, &all, h, w, NULL) != ITX_OK) abort();
    const struct yolo_rect again = rle_bounds(&b);
    if (rle_area(&a) != rle_area(&b) || memcmp(&bounds, &again, sizeof bounds) != 0) abort();
    rle_text(&a, &text);
    if (rle_parse(&b, (struct str){text.data, text.len}, h, w, NULL) != ITX_OK) abort();
    if (a.run.len != b.run.len || memcmp(a.run.data, b.run.data, a.run.len * sizeof(uint32_t)) != 0)
        abort();
    mem_free(mask);
    strbuf_release(&text);
    rle_release(&b);
    rle_release(&a);
    return 0;
}
