/* SPDX-License-Identifier: Apache-2.0
 *
 * session_memory NAME.bin: the most memory that a program using the runtime library alone has held after two frames on
 * two threads, and what of it the session says it took. Two numbers of bytes; "unknown" where the system does not say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intarsia/intarsia.h"

static unsigned long long peak_bytes(void)
{
    char line[256];
    unsigned long long kb = 0;
    FILE *const file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmHWM: %llu", &kb) == 1) break;
    if (file != NULL) fclose(file);
    return kb * 1024;
}

static itx_status run(const char *path, struct itx_memory *memory, struct itx_error *err)
{
    itx_model *model = NULL;
    itx_session *session = NULL;
    struct itx_model_info info = {0};
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    const struct itx_instance *found;
    int n;
    uint8_t *pixels = NULL;
    o.n_threads = 2;
    itx_status rc = itx_model_open(&model, path, NULL, err);
    if (rc == ITX_OK) rc = itx_model_get_info(model, &info, err);
    if (rc == ITX_OK) rc = itx_session_create(&session, model, &o, err);
    if (rc == ITX_OK) {
        pixels = calloc((size_t)info.input_width * (size_t)info.input_height, 3);
        if (pixels == NULL) abort();
    }
    const struct itx_image frame = {.format = ITX_IMAGE_RGB,
                                    .width = info.input_width,
                                    .height = info.input_height,
                                    .plane = {pixels},
                                    .stride = {(size_t)info.input_width * 3}};
    if (rc == ITX_OK) rc = itx_session_run(session, &frame, err);
    if (rc == ITX_OK) rc = itx_session_segment(session, &frame, &found, &n, err);
    if (rc == ITX_OK) rc = itx_session_memory(session, memory, err);
    itx_session_destroy(&session);
    itx_model_close(&model);
    free(pixels);
    return rc;
}

int main(int argc, char **argv)
{
    struct itx_memory memory;
    struct itx_error err;
    if (argc != 2) return 2;
    if (run(argv[1], &memory, &err) != ITX_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const unsigned long long peak = peak_bytes();
    if (peak == 0)
        printf("unknown\n");
    else
        printf("%llu %llu\n", peak,
               (unsigned long long)(memory.tensors + memory.weights + memory.scratch));
    return 0;
}
