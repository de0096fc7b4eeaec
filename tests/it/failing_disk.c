/* Makes writes or syncs of the journal fail, while the file that FAILING_DISK names, with the
 * call's name behind it, is there. For tests: LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(int fd, const char *call)
{
    char link[64], path[4096], flag[4096];
    const char *base = getenv("FAILING_DISK");
    ssize_t length;

    if (base == NULL)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    if (strstr(path, "/journal/") == NULL)
        return 0;
    snprintf(flag, sizeof flag, "%s.%s", base, call);
    return access(flag, F_OK) == 0;
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (real == NULL)
        real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (fails(fd, "write")) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, bytes, count);
}

int fdatasync(int fd)
{
    static int (*real)(int);
    if (real == NULL)
        real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    if (fails(fd, "fdatasync")) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fsync(int fd)
{
    static int (*real)(int);
    if (real == NULL)
        real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    if (fails(fd, "fsync")) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}
