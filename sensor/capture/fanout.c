/*
 * fanout.c - see fanout.h. The program is classic BPF, put together here: pcap-filter's language
 * cannot say "exclusive or".
 *
 * Offsets count from the network header, as the kernel sees it: behind the Ethernet header and the
 * first VLAN tag, which it takes off. X holds how far in the next header begins, A mostly its
 * Ethernet type.
 */
#include "fanout.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
    MAX_TAGS = 2, /* besides the one that the kernel takes off */
    MAX_LABELS = 3,
    MAX_INSTRUCTIONS = 160,
    PPP_IPV4 = 0x21,
    PPP_IPV6 = 0x57,
    MPLS_BOTTOM = 0x100,
    KEPT_TYPE = 0, /* words of the program's memory */
    KEPT_SUM = 1,
    KEPT_OFFSET = 2,
    GROUP_MODE = PACKET_FANOUT_CBPF << 16,
    GROUP_IS_NEW = PACKET_FANOUT_FLAG_UNIQUEID << 16,
};

/* Multiplied with this, all bits of the sum reach the upper half (Knuth, volume 3, section 6.4). */
static const uint32_t spread = 0x9e3779b1U;

struct program {
    struct sock_filter code[MAX_INSTRUCTIONS];
    size_t size;
};

static void put(struct program *program, unsigned code, uint32_t operand) {
    program->code[program->size++] = (struct sock_filter){(uint16_t)code, 0, 0, operand};
}

/* A jump if A equals the operand; where it goes, or its opposite, is set when that is known. */
static size_t put_test(struct program *program, uint32_t operand) {
    put(program, BPF_JMP | BPF_JEQ | BPF_K, operand);
    return program->size - 1;
}

static void equal_goes_here(struct program *program, size_t test) {
    program->code[test].jt = (uint8_t)(program->size - test - 1);
}

static void other_goes_here(struct program *program, size_t test) {
    program->code[test].jf = (uint8_t)(program->size - test - 1);
}

/* A is the value at X plus an offset. */
static void put_load(struct program *program, unsigned size, uint32_t offset) {
    put(program, BPF_LD | BPF_IND | size, (uint32_t)SKF_NET_OFF + offset);
}

/* X goes on by so many bytes; A stays. */
static void put_advance(struct program *program, uint32_t bytes) {
    put(program, BPF_ST, KEPT_TYPE);
    put(program, BPF_MISC | BPF_TXA, 0);
    put(program, BPF_ALU | BPF_ADD, bytes);
    put(program, BPF_MISC | BPF_TAX, 0);
    put(program, BPF_LD | BPF_MEM, KEPT_TYPE);
}

/* Where A says `from`, it says `to` then. */
static void put_translation(struct program *program, uint32_t from, uint32_t to) {
    size_t test = put_test(program, from);
    put(program, BPF_LD | BPF_IMM, to);
    other_goes_here(program, test);
}

static void put_tag(struct program *program) {
    size_t customer = put_test(program, ETH_P_8021Q);
    size_t service = put_test(program, ETH_P_8021AD);
    equal_goes_here(program, customer);
    put_load(program, BPF_H, 2);
    put_advance(program, 4);
    other_goes_here(program, service);
}

static void put_pppoe(struct program *program) {
    size_t test = put_test(program, ETH_P_PPP_SES);
    put_load(program, BPF_H, 6);
    put_advance(program, 8);
    put_translation(program, PPP_IPV4, ETH_P_IP);
    put_translation(program, PPP_IPV6, ETH_P_IPV6);
    other_goes_here(program, test);
}

static void put_mpls(struct program *program) {
    size_t bottoms[MAX_LABELS];
    size_t test = put_test(program, ETH_P_MPLS_UC);
    for (size_t i = 0; i < MAX_LABELS; i++) {
        put_load(program, BPF_W, 0);
        put_advance(program, 4);
        put(program, BPF_ALU | BPF_AND | BPF_K, MPLS_BOTTOM);
        bottoms[i] = put_test(program, MPLS_BOTTOM);
    }
    for (size_t i = 0; i < MAX_LABELS; i++)
        equal_goes_here(program, bottoms[i]);
    put_load(program, BPF_B, 0);
    put(program, BPF_ALU | BPF_RSH | BPF_K, 4);
    put_translation(program, 4, ETH_P_IP);
    put_translation(program, 6, ETH_P_IPV6);
    other_goes_here(program, test);
}

/* For this Ethernet type the exclusive or of `words` words from `offset` on, spread, decides. */
static void put_addresses(struct program *program, uint32_t type, uint32_t offset, size_t words) {
    size_t test = put_test(program, type);
    put(program, BPF_STX, KEPT_OFFSET);
    put_load(program, BPF_W, offset);
    put(program, BPF_ST, KEPT_SUM);
    for (size_t i = 1; i < words; i++) {
        put_load(program, BPF_W, offset + (uint32_t)(4 * i));
        put(program, BPF_LDX | BPF_MEM, KEPT_SUM);
        put(program, BPF_ALU | BPF_XOR | BPF_X, 0);
        put(program, BPF_ST, KEPT_SUM);
        put(program, BPF_LDX | BPF_MEM, KEPT_OFFSET);
    }
    put(program, BPF_LD | BPF_MEM, KEPT_SUM);
    put(program, BPF_ALU | BPF_MUL | BPF_K, spread);
    put(program, BPF_ALU | BPF_RSH | BPF_K, 16);
    put(program, BPF_RET | BPF_A, 0);
    other_goes_here(program, test);
}

static void make_program(struct program *program) {
    program->size = 0;
    put(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
    put(program, BPF_LDX | BPF_IMM, 0);
    for (size_t i = 0; i < MAX_TAGS; i++)
        put_tag(program);
    put_pppoe(program);
    put_mpls(program);
    put_addresses(program, ETH_P_IP, 12, 2);
    put_addresses(program, ETH_P_IPV6, 8, 8);
    put(program, BPF_RET | BPF_K, 0);
}

int fanout_join(int descriptor, struct fanout_group *group) {
    struct program program;
    make_program(&program);
    const struct sock_fprog code = {(unsigned short)program.size, program.code};
    int asked = group->number | GROUP_MODE | (group->exists ? 0 : GROUP_IS_NEW);
    socklen_t size = sizeof asked;
    if (setsockopt(descriptor, SOL_PACKET, PACKET_FANOUT, &asked, sizeof asked) != 0 ||
        setsockopt(descriptor, SOL_PACKET, PACKET_FANOUT_DATA, &code, sizeof code) != 0 ||
        getsockopt(descriptor, SOL_PACKET, PACKET_FANOUT, &asked, &size) != 0)
        return -errno;
    *group = (struct fanout_group){true, (uint16_t)asked};
    return 0;
}
