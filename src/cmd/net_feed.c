/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/net_feed.h"

#include <math.h>
#include <string.h>

#include "base/format.h"
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

/* One number, or three between commas; how many, 0: it is something else. */
static int parse_floats(const char *text, float *v)
{
    for (int n = 0; n < 3; n++) {
        char *end;
        v[n] = parse_float(text, &end);
        if (end == text || !isfinite(v[n]) || (*end != '\0' && *end != ',')) return 0;
        if (*end == '\0') return n == 1 ? 0 : n + 1;
        text = end + 1;
    }
    return 0;
}

bool net_feed_parse(struct net_feed *feed, const struct command *command, const char *mean,
                    const char *scale, bool *is_given)
{
    const struct itx_build_options defaults = ITX_BUILD_OPTIONS_INIT;
    *feed = (struct net_feed){.options = defaults};
    feed->options.n_mean = mean != NULL ? parse_floats(mean, feed->mean) : 0;
    feed->options.n_scale = scale != NULL ? parse_floats(scale, feed->scale) : 0;
    feed->options.mean = feed->mean;
    feed->options.scale = feed->scale;
    *is_given = mean != NULL || scale != NULL;
    const bool is_mean_wrong = mean != NULL && feed->options.n_mean == 0;
    if (!is_mean_wrong && (scale == NULL || feed->options.n_scale > 0)) return true;
    options_wrong(command, "--%s: \"%s\" is neither a number nor three between commas",
                  is_mean_wrong ? "mean" : "scale", is_mean_wrong ? mean : scale);
    return false;
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
