/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a picture: whatever the bytes, a picture whose every pixel can be touched or one line of refusal.
 */
#include "vision/picture.h"

#include "base/compiler.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 16) return -1;
    struct picture p = {0};
    struct itx_error err = {0};
    if (picture_read_memory(&p, data, size, 0, &err) != ITX_OK) {
        if (err.text[0] == '\0' || p.rgb != NULL) ITX_BUG();
        return 0;
    }
    if (p.width < 1 || p.height < 1 || p.stride < 3 * (size_t)p.width) ITX_BUG();
    static volatile uint8_t touched;
    for (int y = 0; y < p.height; y++) touched = p.rgb[(size_t)y * p.stride + p.stride - 1];
    (void)touched;
    picture_release(&p);
    return 0;
}
