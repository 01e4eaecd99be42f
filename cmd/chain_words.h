/* The chains of a certificate, as `show` lists them and `export --chain` takes one. */
#ifndef CMD_CHAIN_WORDS_H
#define CMD_CHAIN_WORDS_H

#include "cmd/command.h"

#include "inventory/held.h"

/* A list of {root, certificates, default, chosen, sha256} (fingerprints of its certificates); NULL: says why in err. The caller frees. */
struct json *chains_json(struct house *house, const struct certificate *certificate,
                         struct err *err);
/* --chain NAME: that stored chain takes the place of the chosen one in certificate->chain_pem. Without the option nothing happens. CONFIG when no
 * stored chain fits. */
bool chain_option_take(struct invocation *in, struct certificate *certificate);

#endif
