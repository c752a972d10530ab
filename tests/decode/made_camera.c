/* A camera of the kernel's V4L2 interface, played to a process into which this is preloaded.
 *
 * The device file named by CAMERA (opened for reading and writing) is the camera: YUYV, 320 x 240, 25 frames a second,
 * each in memory of its own that is taken back when the device is closed, as a driver does it. The first one comes
 * BEGINS_AFTER seconds after it is asked for. After STALLS_AFTER frames none comes any more; after GONE_AFTER frames
 * the device is not there any more.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 320, HEIGHT = 240, BYTES = WIDTH * HEIGHT * 2, BUFFERS = 8, PAGE = 4096 };

static int device = -1, flags, waiting[BUFFERS], waits;
static long frames;
static double begun;
static unsigned char *buffers[BUFFERS];

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static int reached(const char *name)
{
    const char *most = getenv(name);
    return most && frames >= atol(most);
}

static int fail(int why)
{
    errno = why;
    return -1;
}

static int opened(const char *name, const char *path, int mode, mode_t rights)
{
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
    const char *camera = getenv("CAMERA");
    int handle = real(path, mode, rights);
    if (handle >= 0 && camera && !strcmp(path, camera) && mode & O_RDWR) {
        device = handle, flags = mode;
        frames = waits = 0;
    }
    return handle;
}

int open(const char *path, int mode, ...)
{
    va_list more;
    va_start(more, mode);
    return opened("open", path, mode, va_arg(more, mode_t));
}

int open64(const char *path, int mode, ...)
{
    va_list more;
    va_start(more, mode);
    return opened("open64", path, mode, va_arg(more, mode_t));
}

int close(int handle)
{
    int (*real)(int) = dlsym(RTLD_NEXT, "close");
    if (handle == device)
        device = -1;
    return real(handle);
}

static void *mapped(const char *name, void *at, size_t size, int rights, int kind, int handle, off_t offset)
{
    void *(*real)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, name);
    if (handle < 0 || handle != device)
        return real(at, size, rights, kind, handle, offset);
    return buffers[offset / PAGE] = real(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

void *mmap(void *at, size_t size, int rights, int kind, int handle, off_t offset)
{
    return mapped("mmap", at, size, rights, kind, handle, offset);
}

void *mmap64(void *at, size_t size, int rights, int kind, int handle, off_t offset)
{
    return mapped("mmap64", at, size, rights, kind, handle, offset);
}

static int next_frame(struct v4l2_buffer *buffer)
{
    if (reached("GONE_AFTER"))
        return fail(ENODEV);
    while (!waits || reached("STALLS_AFTER") || now() < begun + frames * 0.04) {
        if (flags & O_NONBLOCK)
            return fail(EAGAIN);
        usleep(2000);
    }
    buffer->index = waiting[0];
    memmove(waiting, waiting + 1, --waits * sizeof *waiting);
    memset(buffers[buffer->index], 130 + 2 * (frames % 50), BYTES);
    buffer->bytesused = BYTES;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    double time = begun + frames++ * 0.04;
    buffer->timestamp.tv_sec = time;
    buffer->timestamp.tv_usec = (time - (long)time) * 1e6;
    return 0;
}

int ioctl(int handle, unsigned long request, ...)
{
    va_list more;
    va_start(more, request);
    void *asked = va_arg(more, void *);
    if (handle < 0 || handle != device) {
        int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
        return real(handle, request, asked);
    }
    switch ((unsigned)request) {
    case VIDIOC_QUERYCAP:
        ((struct v4l2_capability *)asked)->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    case VIDIOC_G_FMT:
    case VIDIOC_S_FMT: {
        struct v4l2_pix_format *format = &((struct v4l2_format *)asked)->fmt.pix;
        format->width = WIDTH, format->height = HEIGHT, format->sizeimage = BYTES;
        format->pixelformat = V4L2_PIX_FMT_YUYV, format->field = V4L2_FIELD_NONE;
        return 0;
    }
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM:
        ((struct v4l2_streamparm *)asked)->parm.capture.timeperframe = (struct v4l2_fract){1, 25};
        return 0;
    case VIDIOC_REQBUFS:
        ((struct v4l2_requestbuffers *)asked)->count = BUFFERS;
        return 0;
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *buffer = asked;
        buffer->length = BYTES, buffer->m.offset = buffer->index * PAGE;
        return 0;
    }
    case VIDIOC_QBUF:
        waiting[waits++] = ((struct v4l2_buffer *)asked)->index;
        return 0;
    case VIDIOC_DQBUF:
        return next_frame(asked);
    case VIDIOC_STREAMON:
        begun = now() + (getenv("BEGINS_AFTER") ? atof(getenv("BEGINS_AFTER")) : 0);
        return 0;
    case VIDIOC_STREAMOFF:
        return 0;
    case VIDIOC_ENUMINPUT:
        return ((struct v4l2_input *)asked)->index ? fail(EINVAL) : 0;
    case VIDIOC_G_INPUT:
        *(int *)asked = 0;
        return 0;
    }
    return fail(EINVAL);
}
