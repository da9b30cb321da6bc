#include "core/rng.h"

#include "core/math.h"

/* The constants of Philox4x32 and its ten rounds. */
enum { ROUNDS = 10 };
static const uint32_t MULTIPLIER_0 = 0xd2511f53;
static const uint32_t MULTIPLIER_1 = 0xcd9e8d57;
static const uint32_t WEYL_0 = 0x9e3779b9; /* golden ratio */
static const uint32_t WEYL_1 = 0xbb67ae85; /* sqrt(3) - 1 */

void mer_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t ret_block[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0;
        const uint64_t p1 = (uint64_t)MULTIPLIER_1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    ret_block[0] = c0;
    ret_block[1] = c1;
    ret_block[2] = c2;
    ret_block[3] = c3;
}

/* Counter words 0 and 1 count blocks, words 2 and 3 are the stream: streams cannot overlap. */
void mer_rng_init(mer_rng *rng, uint64_t seed, uint64_t stream)
{
    *rng = (mer_rng){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                     .counter = {0, 0, (uint32_t)stream, (uint32_t)(stream >> 32)},
                     .used = 4};
}

/* The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection that spreads bits. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t mer_rng_stream(const char *purpose, uint64_t index)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (const char *c = purpose; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    /* For one purpose a bijection of the index, so that its streams never collide. */
    return mix(mix(hash) + index);
}

void mer_rng_seek(mer_rng *rng, uint64_t n_blocks)
{
    rng->counter[0] = (uint32_t)n_blocks;
    rng->counter[1] = (uint32_t)(n_blocks >> 32);
    rng->used = 4;
}

uint32_t mer_rng_u32(mer_rng *rng)
{
    if (rng->used == 4) {
        mer_philox4x32(rng->counter, rng->key, rng->block);
        if (++rng->counter[0] == 0)
            rng->counter[1]++;
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

uint64_t mer_rng_u64(mer_rng *rng)
{
    const uint64_t low = mer_rng_u32(rng);
    return low | (uint64_t)mer_rng_u32(rng) << 32;
}

uint64_t mer_rng_below(mer_rng *rng, uint64_t bound)
{
    unsigned __int128 product = (unsigned __int128)mer_rng_u64(rng) * bound;
    if ((uint64_t)product < bound) {
        const uint64_t threshold = -bound % bound;
        while ((uint64_t)product < threshold)
            product = (unsigned __int128)mer_rng_u64(rng) * bound;
    }
    return (uint64_t)(product >> 64);
}

double mer_rng_uniform(mer_rng *rng)
{
    return (double)(mer_rng_u64(rng) >> 11) * 0x1p-53;
}

double mer_rng_normal(mer_rng *rng)
{
    static const double TWO_PI = 6.28318530717958647693;
    const double radius = sqrt(-2.0 * mer_ln(1.0 - mer_rng_uniform(rng))); /* ln of (0, 1] */
    return radius * mer_cos(TWO_PI * mer_rng_uniform(rng));
}

void mer_rng_shuffle(mer_rng *rng, uint32_t *rows, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        const size_t j = (size_t)mer_rng_below(rng, i);
        const uint32_t row = rows[i - 1];
        rows[i - 1] = rows[j];
        rows[j] = row;
    }
}
