/*
 * Preloaded into Debian 12's OpenSMTPD, whose TLS fails with OpenSSL 3 (its
 * issue 1171, mended in 7.4): it writes into the RSA half of a public key, a
 * copy unless that key was made from it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

enum { RSA_KEY = 6 };

void *EVP_PKEY_new(void);
void EVP_PKEY_free(void *key);
void *EVP_PKEY_get1_RSA(void *key);
int EVP_PKEY_assign(void *key, int type, void *rsa);
void *X509_get_pubkey(void *certificate);

void *
X509_get_pubkey(void *certificate)
{
	void *(*real)(void *);
	void *key, *made, *rsa;

	*(void **)&real = dlsym(RTLD_NEXT, "X509_get_pubkey");
	key = real(certificate);
	rsa = key ? EVP_PKEY_get1_RSA(key) : NULL;
	if (!rsa)
		return key;
	made = EVP_PKEY_new();
	EVP_PKEY_assign(made, RSA_KEY, rsa);
	EVP_PKEY_free(key);
	return made;
}
