/* SPDX-License-Identifier: Apache-2.0
 *
 * One photo to masks. usage: photo_to_masks MODEL.bin PHOTO.ppm
 * The photo is a binary PPM (P6, 8 bits), so that the example needs no picture library:
 *     djpeg photo.jpg > photo.ppm                  (in Debian's package libjpeg-turbo-progs)
 * Build: cc photo_to_masks.c $(pkg-config --cflags --libs intarsia)
 */
#include <intarsia/intarsia.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned char *read_ppm(const char *path, int *w, int *h)
{
    FILE *f = fopen(path, "rb");
    unsigned char *pixels = NULL;
    if (f == NULL) return NULL;
    int most;
    if (fscanf(f, "P6 %d %d %d", w, h, &most) == 3 && most == 255 && *w > 0 && *h > 0 &&
        *w <= 65535 && *h <= 65535 && fgetc(f) != EOF) {
        const size_t size = (size_t)*w * (size_t)*h * 3;
        pixels = malloc(size);
        if (pixels != NULL && fread(pixels, 1, size, f) != size) {
            free(pixels);
            pixels = NULL;
        }
    }
    fclose(f);
    return pixels;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: photo_to_masks MODEL.bin PHOTO.ppm\n");
        return 2;
    }
    struct itx_error err;
    itx_model *model = NULL;
    itx_session *session = NULL;
    int exit_status = 1;
    int w, h;
    unsigned char *pixels = read_ppm(argv[2], &w, &h);
    if (pixels == NULL) {
        fprintf(stderr, "%s: not a PPM picture\n", argv[2]);
        return 1;
    }
    const struct itx_image frame = {
        .format = ITX_IMAGE_RGB,
        .width = w,
        .height = h,
        .plane = {pixels},
        .stride = {3 * (size_t)w},
    };
    const struct itx_instance *found;
    int n_found;
    if (itx_model_open(&model, argv[1], NULL, &err) != ITX_OK) goto failed;
    if (itx_session_create(&session, model, NULL, &err) != ITX_OK) goto failed;
    if (itx_session_segment(session, &frame, &found, &n_found, &err) != ITX_OK) goto failed;
    for (int i = 0; i < n_found; i++) {
        int x, y, mask_w, mask_h;
        const unsigned char *mask;
        if (itx_session_mask_box(session, i, &x, &y, &mask_w, &mask_h, &mask, &err) != ITX_OK)
            goto failed;
        long area = 0;
        for (long k = 0; k < (long)mask_w * mask_h; k++) area += mask[k];
        printf("%s %.2f, box %.1f %.1f %.1f %.1f, mask of %ld pixels\n",
               itx_model_class_name(model, found[i].class_id), found[i].score, found[i].x1,
               found[i].y1, found[i].x2, found[i].y2, area);
    }
    exit_status = 0;
failed:
    if (exit_status != 0) fprintf(stderr, "%s\n", err.text);
    itx_session_destroy(&session);
    itx_model_close(&model);
    free(pixels);
    return exit_status;
}
