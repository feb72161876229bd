// A disk that is full on command, for a program that is started with this library in LD_PRELOAD.
//
// While the file named by FULL_DISK_FLAG exists, calls on files below the folder FULL_DISK_FOLDER fail with ENOSPC:
// those that make a file larger, and, if the flag's first byte is 'a', all that change or sync one.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

// Declares `real`, the function of this name that the program would have without us.
#define REAL(name, type, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

enum { has_space, cannot_grow, cannot_write };

static int state_of_disk(void) {
    const char *flag = getenv("FULL_DISK_FLAG");
    int file = flag ? open(flag, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return has_space;
    char first = 0;
    ssize_t count = read(file, &first, 1);
    close(file);
    return count == 1 && first == 'a' ? cannot_write : cannot_grow;
}

static int is_on_disk(int file) {
    const char *folder = getenv("FULL_DISK_FOLDER");
    if (!folder) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    size_t count = strlen(folder);
    return strncmp(path, folder, count) == 0 && path[count] == '/';
}

// Whether a call that grows its file, or does not, has to fail; errno is left alone if it has not.
static int is_refused(int file, int grows) {
    int before = errno;
    int state = state_of_disk();
    int refused = (state == cannot_write || (state == cannot_grow && grows)) && is_on_disk(file);
    errno = refused ? ENOSPC : before;
    return refused;
}

static int grows_to(int file, off64_t size) {
    struct stat64 status;
    return fstat64(file, &status) == 0 && size > status.st_size;
}

// Whether a write at the file's own place makes it larger.
static int grows_by(int file, size_t count) {
    if (fcntl(file, F_GETFL) & O_APPEND) return 1;
    return grows_to(file, lseek64(file, 0, SEEK_CUR) + (off64_t)count);
}

ssize_t write(int file, const void *bytes, size_t count) {
    REAL("write", ssize_t, int, const void *, size_t);
    return is_refused(file, grows_by(file, count)) ? -1 : real(file, bytes, count);
}

ssize_t writev(int file, const struct iovec *parts, int number) {
    REAL("writev", ssize_t, int, const struct iovec *, int);
    size_t count = 0;
    for (int part = 0; part < number; part++) count += parts[part].iov_len;
    return is_refused(file, grows_by(file, count)) ? -1 : real(file, parts, number);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t place) {
    REAL("pwrite64", ssize_t, int, const void *, size_t, off64_t);
    return is_refused(file, grows_to(file, place + (off64_t)count)) ? -1 : real(file, bytes, count, place);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t place) {
    return pwrite64(file, bytes, count, place);
}

int ftruncate64(int file, off64_t size) {
    REAL("ftruncate64", int, int, off64_t);
    return is_refused(file, grows_to(file, size)) ? -1 : real(file, size);
}

int ftruncate(int file, off_t size) {
    return ftruncate64(file, size);
}

int fallocate64(int file, int kind, off64_t place, off64_t count) {
    REAL("fallocate64", int, int, int, off64_t, off64_t);
    return is_refused(file, grows_to(file, place + count)) ? -1 : real(file, kind, place, count);
}

int fallocate(int file, int kind, off_t place, off_t count) {
    return fallocate64(file, kind, place, count);
}

// These two give the error instead of setting errno.
int posix_fallocate64(int file, off64_t place, off64_t count) {
    REAL("posix_fallocate64", int, int, off64_t, off64_t);
    return is_refused(file, grows_to(file, place + count)) ? ENOSPC : real(file, place, count);
}

int posix_fallocate(int file, off_t place, off_t count) {
    return posix_fallocate64(file, place, count);
}

int fsync(int file) {
    REAL("fsync", int, int);
    return is_refused(file, 0) ? -1 : real(file);
}

int fdatasync(int file) {
    REAL("fdatasync", int, int);
    return is_refused(file, 0) ? -1 : real(file);
}
