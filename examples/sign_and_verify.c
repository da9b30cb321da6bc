/* Signs a file, verifies it, changes it, and sees it refused. Any file or folder can be signed.
 *
 *     sign_and_verify FOLDER */
#include "example.h"

static void show_key(void *self, const struct mer_key_info *key)
{
    (void)self;
    printf("key %s: %s, %s\n", key->name, key->curve, key->trusted ? "trusted" : "not trusted");
}

int main(int argc, char **argv)
{
    const char *const folder = argc > 1 ? argv[1] : ".";
    char data[4096], keys[4096];
    struct mer_signer *signer;
    struct mer_trust *trust;
    struct mer_verified verified;
    mer_err err;

    write_flats(path_in(folder, "signed.csv", data));
    path_in(folder, "signing-keys", keys);
    if (mer_signer_open(keys, "alice", NULL, NULL, &signer, &err).code != MER_OK) {
        check(mer_keys_new(keys, "alice", NULL, NULL, &err), &err);
        check(mer_signer_open(keys, "alice", NULL, NULL, &signer, &err), &err);
    }
    check(mer_keys_list(keys, show_key, NULL, &err), &err);

    /* The signature goes to signed.csv.sig. */
    check(mer_sign(signer, data, NULL, true, &err), &err);
    check(mer_trust_open(keys, &trust, &err), &err);
    check(mer_verify(trust, data, NULL, &verified, &err), &err);
    printf("signed by %s, sha256 %s\n", verified.signer_name, verified.digest);

    FILE *const file = fopen(data, "a");
    if (!file || fputs("1,1,hill,1\n", file) < 0 || fclose(file) != 0)
        return 74;
    if (mer_verify(trust, data, NULL, NULL, &err).code != MER_ERR_TRUST)
        return 1;
    printf("refused: %s\n", err.message);

    mer_trust_free(trust);
    mer_signer_free(signer);
    return 0;
}
