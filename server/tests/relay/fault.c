/* A disk that fails when told to: loaded in front of the C library, it lets writes and syncs of files below TEST_FAULT_DIR
 * fail as the file TEST_FAULT says: "full" (no space), "sync" (an input/output error when syncing), "" (none). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int has_fault(char kind) {
    const char *path = getenv("TEST_FAULT");
    char first = 0;
    int file = path ? open(path, O_RDONLY) : -1;
    if (file < 0) return 0;
    if (read(file, &first, 1) != 1) first = 0;
    close(file);
    return first == kind;
}

static int concerns(int file) {
    char link[64], path[PATH_MAX];
    const char *folder = getenv("TEST_FAULT_DIR");
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!folder || length < 0) return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

#define FAIL(kind, code) if (concerns(file) && has_fault(kind)) { errno = code; return -1; }
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t count) { FAIL('f', ENOSPC) return REAL(write)(file, bytes, count); }
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { FAIL('f', ENOSPC) return REAL(pwrite)(file, bytes, count, at); }
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) { FAIL('f', ENOSPC) return REAL(pwrite64)(file, bytes, count, at); }
int fsync(int file) { FAIL('s', EIO) return REAL(fsync)(file); }
int fdatasync(int file) { FAIL('s', EIO) return REAL(fdatasync)(file); }
