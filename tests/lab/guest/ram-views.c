/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ram-views - memory for the host to look at.
 *
 *   ram-views pages FILE [MIB]
 *                             an ordinary page, from MIB on, and one that devices
 *                             reach, with RAM_VIEWS_WORD in the first 8 bytes of each
 *   ram-views page FILE [MIB] the ordinary page alone
 *   ram-views fill MIB FILE   so much ordinary memory, all of its pages different
 *
 * Prints a line once all is written: for "pages" the guest physical addresses of
 * both, as for "page", where the second is 0. Leaves when FILE exists, with 0 if the memory holds what it was given.
 */
#include <stdbool.h>

#include "lab.h"

#define RAM_VIEWS_WORD 0x6c61622d72616d21ULL

static void wait_for(const char *file)
{
    fflush(stdout);
    while (access(file, F_OK)) {
        usleep(50000);
    }
}

static void show_pages(const char *file, uint64_t from, bool both)
{
    uint64_t ordinary_gpa, shared_gpa = 0;
    volatile uint64_t *ordinary, *shared;

    /* Those that lie before it stay locked, so that the next one is another. */
    do {
        ordinary = locked_page(&ordinary_gpa);
    } while (ordinary_gpa < from);
    shared = both ? pinned_page(&shared_gpa) : ordinary;
    *ordinary = RAM_VIEWS_WORD;
    *shared = RAM_VIEWS_WORD;
    printf("0x%llx 0x%llx\n", (unsigned long long)ordinary_gpa,
           (unsigned long long)shared_gpa);
    wait_for(file);
    if (*ordinary != RAM_VIEWS_WORD || *shared != RAM_VIEWS_WORD) {
        die("a page has changed");
    }
}

static void fill(uint64_t size, const char *file)
{
    volatile uint64_t *words = mmap(NULL, size, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (words == MAP_FAILED) {
        die("no %llu bytes of memory", (unsigned long long)size);
    }
    for (uint64_t i = 0; i < size / 8; i += 512) {
        words[i] = RAM_VIEWS_WORD + i;
    }
    puts("filled");
    wait_for(file);
    for (uint64_t i = 0; i < size / 8; i += 512) {
        if (words[i] != RAM_VIEWS_WORD + i) {
            die("page %llu has changed", (unsigned long long)i / 512);
        }
    }
}

int main(int argc, char **argv)
{
    bool both = argc > 1 && !strcmp(argv[1], "pages");

    if ((argc == 3 || argc == 4) && (both || !strcmp(argv[1], "page"))) {
        show_pages(argv[2], argc == 4 ? number(argv[3]) << 20 : 0, both);
    } else if (argc == 4 && !strcmp(argv[1], "fill")) {
        fill(number(argv[2]) << 20, argv[3]);
    } else {
        die("usage: ram-views pages|page FILE [MIB]\n"
            "       ram-views fill MIB FILE");
    }
    return 0;
}
