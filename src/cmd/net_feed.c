/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/net_feed.h"

#include <string.h>

#include "cmd/json.h"

/* Up to three numbers of an array; how many. */
static int read_floats(const json_t *options, const char *key, float *v)
{
    const json_t *const array = json_object_get(options, key);
    const size_t n = json_array_size(array);
    for (size_t i = 0; n <= 3 && i < n; i++)
        v[i] = (float)json_number_value(json_array_get(array, i));
    return n <= 3 ? (int)n : 0;
}

static enum itx_image_format read_format(const char *name)
{
    return strcmp(name, "rgb") == 0      ? ITX_IMAGE_RGB
           : strcmp(name, "bgr") == 0    ? ITX_IMAGE_BGR
           : strcmp(name, "gray") == 0   ? ITX_IMAGE_GRAY
           : strcmp(name, "yuv444") == 0 ? ITX_IMAGE_YUV444
                                         : ITX_IMAGE_NONE;
}

bool net_feed_read(struct net_feed *feed, const char *meta)
{
    const struct itx_build_options defaults = ITX_BUILD_OPTIONS_INIT;
    json_t *const root = json_loads(meta, 0, NULL);
    const json_t *const options = json_object_get(root, "options");
    struct net_feed f = {.options = defaults};
    f.options.train_format = read_format(json_text_of(options, "train"));
    f.options.n_mean = read_floats(options, "mean", f.mean);
    f.options.n_scale = read_floats(options, "scale", f.scale);
    const enum itx_image_format given = read_format(json_text_of(options, "input"));
    const bool is_given = f.options.train_format != ITX_IMAGE_NONE || f.options.n_mean > 0 ||
                          f.options.n_scale > 0 || given == ITX_IMAGE_GRAY;
    json_decref(root);
    if (!is_given) return false;
    /* What it is given does not matter to the float network, but that it fits. */
    f.options.input_format = given == ITX_IMAGE_GRAY                      ? ITX_IMAGE_GRAY
                             : f.options.train_format == ITX_IMAGE_YUV444 ? ITX_IMAGE_YUV444
                                                                          : ITX_IMAGE_RGB;
    *feed = f;
    feed->options.mean = feed->mean;
    feed->options.scale = feed->scale;
    return true;
}
