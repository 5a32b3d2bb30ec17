/* SPDX-License-Identifier: Apache-2.0
 *
 * Many frames at once: one model, and one session with one thread for each worker. The most frames a second come from this,
 * the shortest wait for a single frame from one session with many threads.
 * usage: session_per_thread MODEL.bin THREADS FRAMES
 * Build: cc session_per_thread.c $(pkg-config --cflags --libs intarsia) -lpthread
 */
#include <intarsia/intarsia.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct worker {
    pthread_t thread;
    const itx_model *model;
    int first, step, n_frames; /* frames first, first + step, ... */
    int n_found;
    struct itx_error err;
    int failed;
};

/* A frame that changes from one to the next; a program would take it from a camera. */
static void draw_frame(unsigned char *rgb, int w, int h, int number)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            unsigned char *p = rgb + 3 * ((size_t)y * (size_t)w + (size_t)x);
            p[0] = (unsigned char)(x + number * 7);
            p[1] = (unsigned char)(y * 2 + number);
            p[2] = (unsigned char)((x ^ y) + number * 3);
        }
}

static void *work(void *arg)
{
    struct worker *me = arg;
    struct itx_session_options options = ITX_SESSION_OPTIONS_INIT;
    itx_session *session = NULL;
    const int w = 640, h = 480;
    unsigned char *rgb = malloc((size_t)w * (size_t)h * 3);
    options.n_threads = 1;
    me->failed =
        rgb == NULL || itx_session_create(&session, me->model, &options, &me->err) != ITX_OK;
    for (int i = me->first; !me->failed && i < me->n_frames; i += me->step) {
        draw_frame(rgb, w, h, i);
        const struct itx_image frame = {
            .format = ITX_IMAGE_RGB,
            .width = w,
            .height = h,
            .plane = {rgb},
            .stride = {3 * (size_t)w},
        };
        const struct itx_instance *found;
        int n_found = 0;
        me->failed = itx_session_segment(session, &frame, &found, &n_found, &me->err) != ITX_OK;
        me->n_found += n_found;
    }
    itx_session_destroy(&session);
    free(rgb);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: session_per_thread MODEL.bin THREADS FRAMES\n");
        return 2;
    }
    const int n_threads = (int)strtol(argv[2], NULL, 10);
    const int n_frames = (int)strtol(argv[3], NULL, 10);
    if (n_threads < 1 || n_threads > 64 || n_frames < 1) {
        fprintf(stderr, "1 to 64 threads, at least one frame\n");
        return 2;
    }
    struct itx_error err;
    itx_model *model = NULL;
    if (itx_model_open(&model, argv[1], NULL, &err) != ITX_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    static struct worker workers[64];
    int n_started = 0, n_found = 0, failed = 0;
    for (; n_started < n_threads; n_started++) {
        struct worker *worker = &workers[n_started];
        worker->model = model;
        worker->first = n_started;
        worker->step = n_threads;
        worker->n_frames = n_frames;
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) break;
    }
    for (int i = 0; i < n_started; i++) {
        pthread_join(workers[i].thread, NULL);
        n_found += workers[i].n_found;
        if (workers[i].failed) {
            failed = 1;
            fprintf(stderr, "thread %d: %s\n", i, workers[i].err.text);
        }
    }
    itx_model_close(&model);
    if (failed || n_started < n_threads) return 1;
    printf("%d frames on %d threads, %d instances\n", n_frames, n_threads, n_found);
    return 0;
}
