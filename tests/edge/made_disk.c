/* A disk that is played to a process by preloading this: it can be read-only for a while, or lose its power.

   DISK: the folder that is the disk.
   REFUSES: while there is a file of this name, the disk is read-only, also for files that are open.
   SYNCED: a folder. There each file that lies on the disk, and in no folder on it, is as it was when it was last synced:
   what a power cut leaves, at the least. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *below(const char *path) {
    const char *disk = getenv("DISK");
    size_t length = disk ? strlen(disk) : 0;
    return length && path && !strncmp(path, disk, length) && path[length] == '/' ? path + length : NULL;
}

static const char *of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return below(path);
}

static int read_only(void) {
    const char *flag = getenv("REFUSES");
    return flag && !access(flag, F_OK) && (errno = EROFS);
}

static int refused(const char *path) { return below(path) && read_only(); }

static int refused_fd(int fd) {
    char path[PATH_MAX];
    int before = errno, is = of(fd, path) && read_only();
    if (!is) errno = before;
    return is;
}

#define OPEN(name)                                                          \
    int name(const char *path, int flags, ...) {                            \
        va_list more;                                                       \
        va_start(more, flags);                                              \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                       \
        int writes = flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC);       \
        return writes && refused(path) ? -1 : REAL(name)(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define ON_PATH(type, name, given, passed) \
    type name given { return refused(path) ? -1 : REAL(name) passed; }
ON_PATH(int, mkdir, (const char *path, mode_t mode), (path, mode))
ON_PATH(int, unlink, (const char *path), (path))
ON_PATH(int, rename, (const char *path, const char *to), (path, to))
ON_PATH(int, utimensat, (int at, const char *path, const struct timespec times[2], int flags), (at, path, times, flags))

#define ON_FD(type, name, given, passed) \
    type name given { return refused_fd(fd) ? -1 : REAL(name) passed; }
ON_FD(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
ON_FD(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
ON_FD(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
ON_FD(int, ftruncate, (int fd, off_t size), (fd, size))
ON_FD(int, ftruncate64, (int fd, off64_t size), (fd, size))

static int synced(int fd, int done) {
    char path[PATH_MAX], to[PATH_MAX * 2], whole[PATH_MAX * 2], block[65536];
    const char *folder = getenv("SYNCED"), *name = of(fd, path);
    struct stat told;
    if (done || !folder || !name || fstat(fd, &told) || !S_ISREG(told.st_mode)) return done;
    snprintf(whole, sizeof whole, "%s%s", folder, name);
    snprintf(to, sizeof to, "%s%s.partly", folder, name); /* a kill meanwhile leaves what was synced before */
    int into = REAL(open)(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    off_t at = 0;
    for (ssize_t size; into >= 0 && (size = pread(fd, block, sizeof block, at)) > 0; at += size)
        if (REAL(write)(into, block, size) != size) abort();
    if (into >= 0 && !close(into) && REAL(rename)(to, whole)) abort();
    return done;
}

int fsync(int fd) { return refused_fd(fd) ? -1 : synced(fd, REAL(fsync)(fd)); }
int fdatasync(int fd) { return refused_fd(fd) ? -1 : synced(fd, REAL(fdatasync)(fd)); }
