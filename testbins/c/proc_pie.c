/* flags: -static-pie -fPIE */
/* A position-independent program without an interpreter: where it is put, and what it is told about itself. */
#include "nacre_test.h"
#include <elf.h>
#include <sys/auxv.h>

static int initialised = 41;
static int *pointer_to_be_relocated = &initialised;

TEST(static_pie_is_relocated_and_runs)
{
    EXPECT_EQ(*pointer_to_be_relocated, 41);
    initialised++;
    EXPECT_EQ(*pointer_to_be_relocated, 42);
}

TEST(static_pie_program_headers_lie_in_its_image)
{
    const Elf64_Phdr *phdr = (const Elf64_Phdr *)getauxval(AT_PHDR);
    unsigned long base = (unsigned long)phdr - 64, loads = 0;
    ASSERT_TRUE(phdr != NULL);
    EXPECT_MEMEQ((const void *)base, "\177ELF", 4);
    EXPECT_EQ(((const Elf64_Ehdr *)base)->e_type, ET_DYN);
    EXPECT_EQ(getauxval(AT_ENTRY), base + ((const Elf64_Ehdr *)base)->e_entry);
    EXPECT_EQ(getauxval(AT_BASE), 0);
    for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
        loads += phdr[i].p_type == PT_LOAD;
    EXPECT_TRUE(loads >= 2);
}

ROLE(place)
{
    unsigned long base = getauxval(AT_PHDR);
    return write(atoi(argv[2]), &base, sizeof base) == sizeof base ? 0 : 1;
}

TEST(static_pie_moves_from_run_to_run)
{
    int p[2];
    char number[16];
    unsigned long place[8];
    int different = 0;
    ASSERT_OK(pipe(p));
    snprintf(number, sizeof number, "%d", p[1]);
    for (int i = 0; i < 8; i++) {
        pid_t pid = nt_fork();
        if (pid == 0) {
            execl(nt_self, nt_self, "@place", number, NULL);
            _exit(99);
        }
        EXPECT_EXIT(pid, 0);
        EXPECT_EQ(read(p[0], &place[i], sizeof place[i]), (long)sizeof place[i]);
        EXPECT_EQ(place[i] & 4095, place[0] & 4095);
        different += place[i] != place[0];
    }
    EXPECT_TRUE(different > 0);
}

TEST(static_pie_heap_has_room_to_grow)
{
    unsigned long heap = syscall(SYS_brk, 0);
    EXPECT_EQ(syscall(SYS_brk, heap + (64 << 20)), (long)heap + (64 << 20));
    *(volatile char *)(heap + (64 << 20) - 1) = 1;
    EXPECT_EQ(initialised, 41);
}

TEST(static_pie_text_is_mapped_executable_and_not_writable)
{
    static char text[65536];
    unsigned long from, to, me = (unsigned long)(uintptr_t)nt_done;
    char rights[8];
    int found = 0;
    ASSERT_TRUE(nt_get("/proc/self/maps", text, sizeof text) > 0);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3 && from <= me && me < to) {
            EXPECT_STREQ(rights, "r-xp");
            found++;
        }
    EXPECT_EQ(found, 1);
}
