/* SPDX-License-Identifier: Apache-2.0 */
#include "build_network.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "vision/files.h"

static itx_status read_whole(const char *path, void **data, size_t *size, struct itx_error *err)
{
    struct file_bytes map;
    ITX_TRY(file_read(&map, path, SIZE_MAX, err));
    void *copy = mem_alloc(map.size);
    if (copy != NULL) memcpy(copy, map.data, map.size);
    const size_t n = map.size;
    file_bytes_release(&map);
    if (copy == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    *data = copy;
    *size = n;
    return ITX_OK;
}

itx_status build_network(const char *onnx_path, const struct build_with *with, void **data,
                         size_t *size, struct itx_error *err)
{
    const int n_photos = with->n_photos;
    struct file_list list = {0};
    char path[] = "/tmp/intarsia_golden_XXXXXX";
    itx_status rc = file_list_add(&list, with->photos, err);
    const int file = rc == ITX_OK ? mkstemp(path) : -1;
    if (rc == ITX_OK && file < 0) rc = itx_fail_errno(err, "%s", path);
    if (rc == ITX_OK) {
        struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
        o.images = (const char *const *)list.paths.data;
        o.n_images =
            n_photos > 0 && (size_t)n_photos < list.paths.len ? n_photos : (int)list.paths.len;
        o.name = "golden";
        o.n_threads = with->n_threads;
        o.effort = with->effort;
        o.int16_nodes = with->int16_nodes;
        o.n_int16_nodes = with->n_int16_nodes;
        rc = itx_build(onnx_path, path, &o, NULL, err);
    }
    if (rc == ITX_OK) rc = read_whole(path, data, size, err);
    if (file >= 0) {
        close(file);
        unlink(path);
    }
    file_list_release(&list);
    return rc;
}

struct itx_image frame_of(const struct picture *picture)
{
    return (struct itx_image){.format = ITX_IMAGE_RGB,
                              .width = picture->width,
                              .height = picture->height,
                              .plane = {picture->rgb},
                              .stride = {picture->stride}};
}
