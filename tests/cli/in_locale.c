/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that has set a locale builds a network, and shows every text that the library gave it. arguments: locale,
 * decimal point it has, network, output, folder for the graph after each pass, photos
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "intarsia/compiler.h"

static void show(void *ctx, const char *text)
{
    (void)ctx;
    printf("warning: %s\n", text);
}

static int refuse(const char *onnx, const char *out, struct itx_build_options o)
{
    struct itx_error err;
    const float scale = 1.5e12f;
    o.percentile = 33.25f;
    if (itx_build(onnx, out, &o, NULL, &err) == ITX_OK) return 1;
    printf("%s\n", err.text);
    o.percentile = 0;
    o.scale = &scale;
    o.n_scale = 1;
    if (itx_build(onnx, out, &o, NULL, &err) == ITX_OK) return 1;
    printf("%s\n", err.text);
    return itx_build("no/such/file.onnx", out, &(struct itx_build_options)ITX_BUILD_OPTIONS_INIT,
                     NULL, &err) == ITX_OK;
}

int main(int argc, char **argv)
{
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    struct itx_error err;
    char *report = NULL, *check = NULL;
    if (argc < 7 || setlocale(LC_ALL, argv[1]) == NULL) return 2;
    if (strcmp(localeconv()->decimal_point, argv[2]) != 0) return 3;
    o.images = (const char *const *)argv + 6;
    o.n_images = argc - 6;
    o.effort = 0;
    o.name = "network";
    o.save_temps = argv[5];
    o.histograms = 1;
    o.warn = show;
    if (refuse(argv[3], argv[4], o) != 0) return 4;
    if (itx_build(argv[3], argv[4], &o, &report, &err) != ITX_OK ||
        itx_check(argv[3], &check, &err) != ITX_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%s\n%s\n", report, check);
    itx_text_free(report);
    itx_text_free(check);
    return strcmp(localeconv()->decimal_point, argv[2]) == 0 ? 0 : 5; /* the program's own stays */
}
