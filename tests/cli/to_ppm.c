/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: to_ppm PHOTO OUT.ppm    for the example that reads PPM pictures
 */
#include "vision/picture.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct picture p = {0};
    if (argc != 3 || picture_read(&p, argv[1], 0, NULL) != ITX_OK) return 1;
    FILE *f = fopen(argv[2], "wb");
    if (f == NULL) return 1;
    fprintf(f, "P6\n%d %d\n255\n", p.width, p.height);
    for (int y = 0; y < p.height; y++) fwrite(p.rgb + (size_t)y * p.stride, 3, (size_t)p.width, f);
    picture_release(&p);
    return fclose(f) != 0;
}
