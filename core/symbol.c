// SPDX-License-Identifier: MIT
/*
 * Names for addresses of code, from the symbol table of the object's file, or
 * what it exports if it has none. Files are mapped while the names are printed.
 */
#include "core/symbol.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/compiler.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct object {
	uintptr_t pc;
	uintptr_t bias;
	char name[256];
	int found;
};

void symbol_lock(void)
{
	pthread_mutex_lock(&lock);
}

void symbol_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

static int look_in(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct object *o = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) ||
		    o->pc - info->dlpi_addr - p->p_vaddr >= p->p_memsz)
			continue;
		o->bias = info->dlpi_addr;
		snprintf(o->name, sizeof(o->name), "%s",
			 info->dlpi_name && info->dlpi_name[0] ?
			 info->dlpi_name : "/proc/self/exe");
		o->found = 1;
		return 1;
	}
	return 0;
}

static int find_object(struct object *o, uintptr_t pc)
{
	o->pc = pc;
	o->found = 0;
	symbol_lock();
	dl_iterate_phdr(look_in, o);
	symbol_unlock();
	return o->found;
}

int symbol_is_code(const void *pc)
{
	struct object o;

	return find_object(&o, (uintptr_t)pc);
}

/* Over @place, which libc, and so the sanitizer, has found for it; or NULL. */
static const char *map_at(void *place, size_t size, long fd)
{
	if (place == MAP_FAILED)
		return NULL;
	if ((void *)syscall(SYS_mmap, place, size, PROT_READ,
			    MAP_PRIVATE | MAP_FIXED, fd, 0L) == place)
		return place;
	munmap(place, size);
	return NULL;
}

/* By raw calls, see core/procfile.c: the watch comes by here. */
static void map_file(struct symbol_file *f, const char *name)
{
	long fd = syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
	long size;

	f->map = NULL;
	if (fd < 0)
		return;
	size = syscall(SYS_lseek, fd, 0L, SEEK_END);
	if (size >= (long)sizeof(ElfW(Ehdr))) {
		f->size = (size_t)size;
		f->map = map_at(mmap(NULL, f->size, PROT_NONE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
				f->size, fd);
	}
	syscall(SYS_close, fd);
}

void symbols_init(struct symbols *s)
{
	memset(s, 0, sizeof(*s));
}

void symbols_fini(struct symbols *s)
{
	for (unsigned int i = 0; i < s->nr_files; i++)
		if (s->file[i].map)
			munmap((void *)(uintptr_t)s->file[i].map,
			       s->file[i].size);
	symbols_init(s);
}

static struct symbol_file *file_of(struct symbols *s, const struct object *o)
{
	struct symbol_file *f;

	for (unsigned int i = 0; i < s->nr_files; i++)
		if (s->file[i].bias == o->bias)
			return &s->file[i];
	/* What was found before points into what is given up here. */
	if (s->nr_files == SYMBOL_FILES)
		symbols_fini(s);
	f = &s->file[s->nr_files++];
	f->bias = o->bias;
	map_file(f, o->name);
	return f;
}

/* Is what lies at @off of the file, @n times @each, in it? */
static int inside(const struct symbol_file *f, uint64_t off, uint64_t n,
		  uint64_t each)
{
	return off <= f->size && n <= (f->size - off) / each;
}

static const ElfW(Shdr) *find_table(const struct symbol_file *f,
				    const ElfW(Ehdr) *e, uint32_t type)
{
	const ElfW(Shdr) *sh;

	if (memcmp(e->e_ident, ELFMAG, SELFMAG) || !e->e_shoff ||
	    !inside(f, e->e_shoff, e->e_shnum, sizeof(*sh)))
		return NULL;
	sh = (const ElfW(Shdr) *)(const void *)(f->map + e->e_shoff);
	for (unsigned int i = 0; i < e->e_shnum; i++)
		if (sh[i].sh_type == type && sh[i].sh_link < e->e_shnum &&
		    inside(f, sh[i].sh_offset, sh[i].sh_size, 1) &&
		    inside(f, sh[sh[i].sh_link].sh_offset,
			   sh[sh[i].sh_link].sh_size, 1))
			return &sh[i];
	return NULL;
}

static const char *find_in(const struct symbol_file *f, uintptr_t at,
			   uintptr_t *off)
{
	const ElfW(Ehdr) *e = (const void *)f->map;
	const ElfW(Shdr) *sh, *all;
	const ElfW(Sym) *sym;

	sh = find_table(f, e, SHT_SYMTAB);
	if (!sh)
		sh = find_table(f, e, SHT_DYNSYM);
	if (!sh)
		return NULL;
	all = (const ElfW(Shdr) *)(const void *)(f->map + e->e_shoff);
	sym = (const ElfW(Sym) *)(const void *)(f->map + sh->sh_offset);
	for (size_t i = 0; i < sh->sh_size / sizeof(*sym); i++) {
		/* Of either class of ELF the type is in the low half. */
		if (ELF64_ST_TYPE(sym[i].st_info) != STT_FUNC ||
		    at - sym[i].st_value >= sym[i].st_size ||
		    sym[i].st_name >= all[sh->sh_link].sh_size)
			continue;
		*off = at - sym[i].st_value;
		return f->map + all[sh->sh_link].sh_offset + sym[i].st_name;
	}
	return NULL;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* In the file; what was found is kept for the next of the same. */
static int from_file(struct symbols *s, const void *pc, char *buf, size_t n,
		     int ret)
{
	unsigned int i = (unsigned int)((uintptr_t)pc >> 2) % SYMBOL_CACHE;
	struct symbol_file *f;
	struct object o;
	uintptr_t off = 0;
	const char *name;

	if (s->cache[i].pc != pc) {
		if (!find_object(&o, (uintptr_t)pc))
			return 0;
		f = file_of(s, &o);
		name = f->map ? find_in(f, o.pc - o.bias, &off) : NULL;
		if (!name) {
			snprintf(buf, n, "%s+%#lx", last_part(o.name),
				 (unsigned long)(o.pc - o.bias) +
				 (unsigned long)ret);
			return 1;
		}
		s->cache[i].pc = pc;
		s->cache[i].name = name;
		s->cache[i].off = off;
	}
	snprintf(buf, n, "%s+%#lx", s->cache[i].name,
		 (unsigned long)s->cache[i].off + (unsigned long)ret);
	return 1;
}

const char *symbol_print(struct symbols *s, const void *pc, int ret, char *buf,
			 size_t n)
{
	/* Behind a call that does not return the next function begins. */
	const char *at = pc ? (const char *)pc - !!ret : NULL;

	/* Not by dladdr(3): its lock is held while constructors run. */
	if (!pc || !from_file(s, at, buf, n, !!ret))
		snprintf(buf, n, "%p", pc);
	return buf;
}
