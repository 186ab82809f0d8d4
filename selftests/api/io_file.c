// SPDX-License-Identifier: MIT
/* Files: opening, reading, writing, far offsets, odd arguments. */
#include "io_test.h"

#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>

FIXTURE(io_file) { int dir, fd; };
VARIANTS_STAND_INS(io_file);

FIXTURE_SETUP(io_file)
{
	self->dir = open(harness_tmpdir(), O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	ASSERT_GE(self->dir, 0);
	self->fd = openat(self->dir, "file", O_CREAT | O_RDWR | O_CLOEXEC,
			  0600);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(io_file)
{
	ASSERT_EQ(0, close(self->fd));
	ASSERT_EQ(0, close(self->dir));
}

static bool reads_without_waiting(int fd, char *page)
{
	struct iovec v = { page, 4096 };

	return preadv2(fd, &v, 1, 0, RWF_NOWAIT) >= 0 || errno != EOPNOTSUPP;
}

/* What goes past the cache is never done at once: that would hold the worker. */
TASK_TEST_F(io_file, past_the_cache, UNWATCHED(variant->workers))
{
	struct oa_stats before = OA_STATS_INIT, after = OA_STATS_INIT;
	char *page = aligned_alloc(4096, 4096);
	int fd;

	fd = oa_openat(self->dir, "direct",
		       O_CREAT | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	if (fd == -EINVAL) {
		free(page);
		SKIP("a file system without O_DIRECT");
	}
	ASSERT_GE(fd, 0);
	memset(page, 'x', 4096);
	ASSERT_OK(oa_stats(NULL, &before));
	EXPECT_EQ(4096, oa_pwrite(fd, page, 4096, 0));
	memset(page, 0, 4096);
	EXPECT_EQ(4096, oa_pread(fd, page, 4096, 0));
	EXPECT_EQ('x', page[4095]);
	ASSERT_OK(oa_stats(NULL, &after));
	EXPECT_EQ(2u, after.requests - before.requests);
	EXPECT_EQ(before.inlined, after.inlined);
	EXPECT_OK(oa_close(fd));

	/* The number goes on to a file that is cached. */
	EXPECT_EQ(fd, oa_openat(self->dir, "cached",
				O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	EXPECT_EQ(4096, oa_pwrite(fd, page, 4096, 0));
	if (!reads_without_waiting(fd, page)) {
		EXPECT_OK(oa_close(fd));
		free(page);
		SKIP("a file system that reads nothing without waiting");
	}
	before = (struct oa_stats)OA_STATS_INIT;
	ASSERT_OK(oa_stats(NULL, &before));
	EXPECT_EQ(4096, oa_pread(fd, page, 4096, 0));
	after = (struct oa_stats)OA_STATS_INIT;
	ASSERT_OK(oa_stats(NULL, &after));
	EXPECT_EQ(calls_inline() ? 0u : 1u, after.requests - before.requests);
	EXPECT_EQ(calls_inline() ? 1u : 0u, after.inlined - before.inlined);
	EXPECT_OK(oa_close(fd));
	free(page);
}

TASK_TEST_F(io_file, openat_modes_and_errors, .workers = variant->workers)
{
	struct stat st;
	int fd;

	umask(022);
	fd = oa_openat(self->dir, "new", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC,
		       0666);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(0644u, st.st_mode & 07777u);
	EXPECT_OK(oa_close(fd));
	EXPECT_ERR(oa_openat(self->dir, "new", O_CREAT | O_EXCL | O_RDWR, 0600),
		   -EEXIST);
	EXPECT_ERR(oa_openat(self->dir, "none", O_RDONLY), -ENOENT);
	EXPECT_ERR(oa_openat(self->dir, "new/x", O_RDONLY), -ENOTDIR);
	EXPECT_ERR(oa_openat(self->fd, "x", O_RDONLY), -ENOTDIR);
	EXPECT_ERR(oa_openat(self->dir, NULL, O_RDONLY), -EFAULT);
	EXPECT_ERR(oa_openat(self->dir, "", O_RDONLY), -ENOENT);
	fd = oa_openat(self->dir, "new", O_RDONLY | O_CLOEXEC);
	EXPECT_ERR(oa_write(fd, "x", 1), -EBADF);
	EXPECT_OK(oa_close(fd));
	fd = oa_openat(self->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(1, oa_write(fd, "x", 1));
	EXPECT_OK(oa_close(fd));
	fd = oa_openat(self->dir, ".", O_DIRECTORY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	EXPECT_ERR(oa_read(fd, &st, 1), -EISDIR);
	EXPECT_OK(oa_fsync(fd));
	EXPECT_OK(oa_close(fd));
}

TASK_TEST_F(io_file, openat2_stays_beneath, .workers = variant->workers)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH,
	}, odd = how;
	size_t n = sizeof(how);
	int fd;

	ASSERT_EQ(0, mkdirat(self->dir, "sub", 0700));
	ASSERT_EQ(0, symlinkat("../file", self->dir, "sub/link"));
	ASSERT_EQ(0, symlinkat("/etc", self->dir, "sub/away"));
	fd = oa_openat2(self->dir, "sub/../file", &how, n);
	ASSERT_GE(fd, 0);
	EXPECT_OK(oa_close(fd));
	fd = oa_openat2(self->dir, "sub/link", &how, n);
	ASSERT_GE(fd, 0);
	EXPECT_OK(oa_close(fd));
	EXPECT_ERR(oa_openat2(self->dir, "..", &how, n), -EXDEV);
	EXPECT_ERR(oa_openat2(self->dir, "sub/../../x", &how, n), -EXDEV);
	EXPECT_ERR(oa_openat2(self->dir, "sub/away/passwd", &how, n), -EXDEV);
	EXPECT_ERR(oa_openat2(self->dir, "/etc/passwd", &how, n), -EXDEV);
	EXPECT_ERR(oa_openat2(self->dir, "none", &how, n), -ENOENT);
	how.resolve |= RESOLVE_NO_SYMLINKS;
	EXPECT_ERR(oa_openat2(self->dir, "sub/link", &how, n), -ELOOP);
	EXPECT_ERR(oa_openat2(self->dir, "file", &how, n - 1), -EINVAL);
	EXPECT_ERR(oa_openat2(self->dir, "file", NULL, n), -EFAULT);
	odd.resolve = 1ull << 40;
	EXPECT_ERR(oa_openat2(self->dir, "file", &odd, n), -EINVAL);
	odd.resolve = 0;
	odd.mode = 0600;
	EXPECT_ERR(oa_openat2(self->dir, "file", &odd, n), -EINVAL);
}

TASK_TEST_F(io_file, read_and_write_move_the_offset,
	    .workers = variant->workers)
{
	char buf[16] = "", a[] = "world", b[] = "!";
	struct iovec v[2] = { { a, 5 }, { b, 1 } };

	EXPECT_EQ(6, oa_write(self->fd, "hello ", 6));
	EXPECT_EQ(6, oa_writev(self->fd, v, 2));
	EXPECT_EQ(12, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(0, oa_read(self->fd, buf, 16));
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	v[0] = (struct iovec){ buf, 3 };
	v[1] = (struct iovec){ buf + 3, 2 };
	EXPECT_EQ(5, oa_readv(self->fd, v, 2));
	EXPECT_EQ(7, oa_read(self->fd, buf + 5, 11));
	EXPECT_STREQ("hello world!", buf);
	EXPECT_EQ(0, oa_read(self->fd, buf, 16));
}

TASK_TEST_F(io_file, pread_and_pwrite_do_not, .workers = variant->workers)
{
	char buf[8] = "";

	EXPECT_EQ(3, oa_pwrite(self->fd, "abc", 3, 5));
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(8, oa_pread(self->fd, buf, 8, 0));
	EXPECT_MEMEQ("\0\0\0\0\0abc", buf, 8);
	EXPECT_EQ(1, oa_pread(self->fd, buf, 8, 7));
	EXPECT_EQ(0, oa_pread(self->fd, buf, 8, 8));
	EXPECT_EQ(0, oa_pread(self->fd, buf, 0, 0));
	EXPECT_ERR(oa_pread(self->fd, buf, 1, -1), -EINVAL);
	EXPECT_ERR(oa_pwrite(self->fd, buf, 1, INT64_MIN), -EINVAL);
	EXPECT_ERR(oa_pread(self->fd, NULL, 1, 0), -EFAULT);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
}

TASK_TEST_F(io_file, far_offsets, .workers = variant->workers)
{
	off_t far = ((off_t)5 << 30) + 7;
	struct statx st;
	char buf[4];

	EXPECT_EQ(4, oa_pwrite(self->fd, "far!", 4, far));
	EXPECT_EQ(4, oa_pread(self->fd, buf, 4, far));
	EXPECT_MEMEQ("far!", buf, 4);
	EXPECT_EQ(4, oa_pread(self->fd, buf, 4, far - 4));
	EXPECT_MEMEQ("\0\0\0\0", buf, 4);
	EXPECT_EQ(0, oa_pread(self->fd, buf, 4, INT64_MAX - 8));
	ASSERT_OK(oa_statx(self->fd, "", AT_EMPTY_PATH, STATX_SIZE, &st));
	EXPECT_EQ((uint64_t)far + 4, st.stx_size);
	ASSERT_EQ(far + 1, lseek(self->fd, far + 1, SEEK_SET));
	EXPECT_EQ(3, oa_read(self->fd, buf, 4));
	EXPECT_MEMEQ("ar!", buf, 3);
	/* Past what files can be. */
	EXPECT_LT(oa_pwrite(self->fd, "x", 1, INT64_MAX), 0);
}

static char page_of(long i)
{
	return (char)(i * 31 + 5);
}

static void *writes_pages(void *arg)
{
	static const long step = 7;
	char page[4096];
	struct { int fd; long first; } *p = arg;

	for (long i = p->first; i < 256; i += step) {
		memset(page, page_of(i), sizeof(page));
		ASSERT_EQ(4096, oa_pwrite(p->fd, page, 4096, i * 4096));
		if (i % 64 == 0)
			ASSERT_OK(oa_fsync(p->fd));
	}
	return NULL;
}

TASK_TEST_F(io_file, several_tasks_on_one_file, .workers = variant->workers)
{
	struct { int fd; long first; } part[7];
	char page[4096], want[4096];
	oa_task_t t[7];

	for (int i = 0; i < 7; i++) {
		part[i].fd = self->fd;
		part[i].first = i;
		t[i] = oa_spawn(writes_pages, &part[i]);
	}
	for (int i = 0; i < 7; i++)
		ASSERT_OK(join_long(t[i]));
	/* Out of the cache, so that some have to be fetched. */
	ASSERT_OK(oa_fsync(self->fd));
	posix_fadvise(self->fd, 0, 0, POSIX_FADV_DONTNEED);
	for (long i = 255; i >= 0; i--) {
		ASSERT_EQ(4096, oa_pread(self->fd, page, 4096, i * 4096));
		memset(want, page_of(i), sizeof(want));
		ASSERT_MEMEQ(want, page, 4096);
	}
	EXPECT_EQ(0, oa_pread(self->fd, page, 4096, 256 * 4096));
}

/*
 * The position is one for all who use the file, by whatever number: nothing is
 * written over, nothing is read twice.
 */
#define RECORDS		((unsigned int)SCALED(200, 50))
#define WRITERS		6u

struct records {
	int fd[2];
	unsigned int seen[WRITERS][200];
};

struct record {
	unsigned int by, n;
	char rest[56];
};

struct writer {
	struct records *r;
	unsigned int me;
};

static void *writes_records(void *arg)
{
	struct writer *w = arg;
	struct record rec = { .by = w->me };
	struct iovec v[2] = { { &rec, 8 }, { rec.rest, sizeof(rec.rest) } };
	int fd = w->r->fd[w->me % 2];

	for (rec.n = 0; rec.n < RECORDS; rec.n++)
		ASSERT_EQ(sizeof(rec), rec.n % 2
				? oa_write(fd, &rec, sizeof(rec))
				: oa_writev(fd, v, 2));
	return NULL;
}

static void *reads_records(void *arg)
{
	struct writer *w = arg;
	struct record rec;
	ssize_t n;

	while ((n = oa_read(w->r->fd[w->me % 2], &rec, sizeof(rec))) > 0) {
		ASSERT_EQ(sizeof(rec), n);
		ASSERT_LT(rec.by, WRITERS);
		ASSERT_LT(rec.n, RECORDS);
		COUNT(w->r->seen[rec.by][rec.n]);
	}
	ASSERT_EQ(0, n);
	return NULL;
}

static void run_all(struct records *r, oa_fn fn)
{
	struct writer w[WRITERS];
	oa_task_t t[WRITERS];

	for (unsigned int i = 0; i < WRITERS; i++) {
		w[i] = (struct writer){ r, i };
		t[i] = oa_spawn(fn, &w[i]);
	}
	for (unsigned int i = 0; i < WRITERS; i++)
		ASSERT_OK(oa_join(t[i], NULL));
}

static void share_a_position(const int fds[2])
{
	static struct records r;
	struct stat st;

	memset(&r, 0, sizeof(r));
	for (int i = 0; i < 2; i++)
		r.fd[i] = fds[i];
	run_all(&r, writes_records);
	ASSERT_EQ(0, fstat(fds[0], &st));
	EXPECT_EQ((off_t)(WRITERS * RECORDS * sizeof(struct record)),
		  st.st_size);
	ASSERT_EQ(0, lseek(fds[0], 0, SEEK_SET));
	run_all(&r, reads_records);
	for (unsigned int i = 0; i < WRITERS; i++)
		for (unsigned int n = 0; n < RECORDS; n++)
			ASSERT_EQ(1u, r.seen[i][n]);
}

TASK_TEST_F(io_file, one_position_for_all, .workers = variant->workers)
{
	int fds[] = { self->fd, dup(self->fd) };

	ASSERT_GE(fds[1], 0);
	share_a_position(fds);
	ASSERT_OK(oa_close(fds[1]));
}

/* As standard output is given a new file. */
TASK_TEST_F(io_file, one_position_where_pipes_were, .workers = variant->workers)
{
	int fds[2];
	char c;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(1, oa_write(fds[1], "x", 1));
	ASSERT_EQ(1, oa_read(fds[0], &c, 1));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(fds[i], dup2(self->fd, fds[i]));
	share_a_position(fds);
	for (int i = 0; i < 2; i++)
		ASSERT_OK(oa_close(fds[i]));
}

/* A number that was a file's, and was closed and given away by other means. */

static void *reads_one_byte(void *arg)
{
	char c = 0;

	ASSERT_EQ(1, oa_read(*(int *)arg, &c, 1));
	EXPECT_EQ('b', c);
	return NULL;
}

TASK_TEST_F(io_file, a_number_that_is_a_socket_now,
	    UNWATCHED(variant->workers))
{
	int fd = oa_openat(self->dir, "file", O_RDWR | O_CLOEXEC), sv[2];
	struct pollfd p = { .events = POLLIN };
	oa_task_t t;
	char c = 'a';

	ASSERT_GE(fd, 0);
	ASSERT_EQ(1, oa_write(fd, &c, 1));
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	ASSERT_EQ(fd, sv[0]);
	t = oa_spawn(reads_one_byte, &sv[0]);
	until_parked(t);
	/* Who waits to read holds up nobody who writes. */
	ASSERT_EQ(1, oa_write(sv[0], &c, 1));
	p.fd = sv[1];
	EXPECT_EQ(1, poll(&p, 1, 0));
	ASSERT_EQ(1, write(sv[1], "b", 1));
	ASSERT_OK(oa_join(t, NULL));
	/* Nor who uses the file. */
	fd = oa_openat(self->dir, "file", O_RDWR | O_CLOEXEC);
	ASSERT_EQ(1, oa_read(fd, &c, 1));
	for (int i = 0; i < 2; i++)
		ASSERT_OK(oa_close(sv[i]));
	ASSERT_OK(oa_close(fd));
}

TASK_TEST_F(io_file, large_and_vectored, .workers = variant->workers)
{
	enum { N = 4 << 20, PIECES = 1024 };
	char *out = malloc(N), *in = malloc(N);
	static struct iovec v[PIECES];

	ASSERT_TRUE(out && in);
	text_make(out, N, 0);
	EXPECT_EQ(N, oa_write(self->fd, out, N));
	ASSERT_OK(oa_fsync(self->fd));
	posix_fadvise(self->fd, 0, 0, POSIX_FADV_DONTNEED);
	for (int i = 0; i < PIECES; i++)
		v[i] = (struct iovec){ in + i * (N / PIECES), N / PIECES };
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	for (size_t at = 0; at < N;) {
		ssize_t n = at ? oa_read(self->fd, in + at, N - at)
			       : oa_readv(self->fd, v, PIECES);

		ASSERT_GT(n, 0);
		at += (size_t)n;
	}
	EXPECT_EQ((size_t)N, text_same(in, N, 0));
	free(out);
	free(in);
}

TASK_TEST_F(io_file, statx_by_path_and_by_descriptor,
	    .workers = variant->workers)
{
	struct statx a, b;

	ASSERT_EQ(9, oa_write(self->fd, "123456789", 9));
	EXPECT_OK(oa_statx(self->dir, "file", 0, STATX_BASIC_STATS, &a));
	EXPECT_OK(oa_statx(self->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &b));
	EXPECT_EQ(9u, a.stx_size);
	EXPECT_EQ(a.stx_ino, b.stx_ino);
	EXPECT_EQ(a.stx_size, b.stx_size);
	EXPECT_TRUE(S_ISREG(a.stx_mode));
	ASSERT_EQ(0, symlinkat("file", self->dir, "link"));
	EXPECT_OK(oa_statx(self->dir, "link", AT_SYMLINK_NOFOLLOW,
			   STATX_TYPE, &a));
	EXPECT_TRUE(S_ISLNK(a.stx_mode));
	EXPECT_OK(oa_statx(AT_FDCWD, "/", 0, STATX_TYPE, &a));
	EXPECT_TRUE(S_ISDIR(a.stx_mode));
	EXPECT_ERR(oa_statx(self->dir, "none", 0, STATX_SIZE, &a), -ENOENT);
	EXPECT_ERR(oa_statx(self->dir, "", 0, STATX_SIZE, &a), -ENOENT);
	EXPECT_ERR(oa_statx(self->dir, "file", 0, STATX_SIZE, NULL), -EFAULT);
	EXPECT_ERR(oa_statx(self->fd, "", AT_EMPTY_PATH, STATX_SIZE, NULL),
		   -EFAULT);
	EXPECT_ERR(oa_statx(self->dir, "file", 1 << 30, STATX_SIZE, &a),
		   -EINVAL);
	EXPECT_ERR(oa_statx(self->dir, "file", 0, STATX__RESERVED, &a),
		   -EINVAL);
}

TASK_TEST_F(io_file, a_device_that_is_always_ready,
	    .workers = variant->workers)
{
	int fd = oa_openat(AT_FDCWD, "/dev/zero", O_RDWR | O_CLOEXEC);
	char buf[100];

	ASSERT_GE(fd, 0);
	memset(buf, 1, sizeof(buf));
	EXPECT_EQ(100, oa_read(fd, buf, 100));
	EXPECT_EQ(0, buf[99]);
	EXPECT_EQ(100, oa_write(fd, buf, 100));
	ASSERT_OK(oa_close(fd));
	fd = oa_openat(AT_FDCWD, "/dev/full", O_WRONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	EXPECT_ERR(oa_write(fd, buf, 1), -ENOSPC);
	ASSERT_OK(oa_close(fd));
}

#define TOGETHER	64
#define LONG_READ	(1024 * 1024)
#define LONG_READS	10

static int long_file;

static void *reads_long(void *arg)
{
	char *to = malloc(LONG_READ);

	for (int i = 0; i < LONG_READS; i++)
		ASSERT_EQ(LONG_READ, oa_pread(long_file, to, LONG_READ, 0));
	free(to);
	return arg;
}

static bool few_enters;

static void *all_read(void *arg)
{
	struct oa_stats before = OA_STATS_INIT, after = OA_STATS_INIT;
	oa_task_t t[TOGETHER];

	(void)arg;
	ASSERT_OK(oa_stats(NULL, &before));
	for (int i = 0; i < TOGETHER; i++)
		t[i] = oa_spawn(reads_long, NULL);
	for (int i = 0; i < TOGETHER; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	ASSERT_OK(oa_stats(NULL, &after));
	EXPECT_EQ(TOGETHER * LONG_READS + 0u,
		  after.requests - before.requests);
	few_enters = (after.enters - before.enters) * 6 <
		     after.requests - before.requests;
	return NULL;
}

/*
 * What the kernel does for a request while it is entered is not the time of
 * the tasks: or the longer it takes the fewer of them had a turn before the
 * next, down to an enter for each. Where others take its processor there is
 * reason for more of them: it may take some tries to see few.
 */
TEST_TIMEOUT(what_takes_the_kernel_long_goes_in_one_enter, 60)
{
	/* Turns of the tasks take as long as what the kernel does there. */
	if (harness_slow())
		SKIP("the time of tasks with a sanitizer");
	ASSERT_EQ(0, setenv("OA_IO", "ring", 1));
	long_file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (long_file < 0)
		SKIP("no files without a name");
	ASSERT_EQ(0, ftruncate(long_file, LONG_READ));
	/* Its pages are there, and found without waiting. */
	for (int i = 0; i < LONG_READ; i += 4096)
		ASSERT_EQ(1, pwrite(long_file, "x", 1, i));
	for (int i = 0; i < 100 && !few_enters; i++)
		ASSERT_OK(oa_run(all_read, NULL, .workers = 1));
	EXPECT_TRUE(few_enters);
	ASSERT_EQ(0, close(long_file));
}

HARNESS_MAIN
