#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "tls.h"

#define FILE_MAX (1 << 20)
/* Its owner may read and write it, its group read it. */
#define KEY_MODES 0640

/* Enough of a file's state to see that it is another. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
};

struct pair {
	const struct tls_files *files;
	struct stamp cert, key; /* as last tried */
	bool tried;
	SSL_CTX *ctx; /* NULL until it was good once */
};

struct tls {
	size_t n;
	struct pair pairs[];
};

/* Called where there is one, which nobody is asked for. */
static int
no_passphrase(char *out, int size, int writing, void *locked)
{
	(void)out;
	(void)size;
	(void)writing;
	*(bool *)locked = true;
	return -1;
}

/* Changes of the status count too: a mode put right makes a key usable. */
static struct stamp
stamp_of(const char *path)
{
	struct stamp s;
	struct stat st;

	memset(&s, 0, sizeof s);
	if (stat(path, &st) < 0)
		return s;
	s.dev = st.st_dev;
	s.ino = st.st_ino;
	s.size = st.st_size;
	s.changed = st.st_ctim;
	return s;
}

static bool
is_same(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->changed.tv_sec == b->changed.tv_sec &&
	    a->changed.tv_nsec == b->changed.tv_nsec;
}

/* A regular file no longer than FILE_MAX, with none but these modes; NULL with
 * the reason in *why. */
static BIO *
open_file(const char *path, mode_t modes, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *f = NULL;
	BIO *bio = NULL;

	*why = NULL;
	if (fd < 0 || fstat(fd, &st) < 0)
		*why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		*why = "not a regular file";
	else if (st.st_mode & 07777 & ~modes)
		*why = "others may read or write it";
	else if (st.st_size > FILE_MAX)
		*why = "too long";
	else if (!(f = fdopen(fd, "r")))
		*why = strerror(errno);
	else if (!(bio = BIO_new_fp(f, BIO_CLOSE)))
		*why = "out of memory";
	if (bio)
		return bio;
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	return NULL;
}

static const char *
reason(void)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());

	return why ? why : "not usable";
}

/* The certificate, then those between it and the root. */
static const char *
use_chain(SSL_CTX *ctx, const char *path)
{
	const char *why;
	BIO *bio = open_file(path, 07777, &why);
	X509 *x = NULL;
	bool locked;

	if (!bio)
		return why;
	x = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, &locked);
	if (!x || SSL_CTX_use_certificate(ctx, x) != 1)
		why = reason();
	X509_free(x);
	while (
	    !why && (x = PEM_read_bio_X509(bio, NULL, no_passphrase, &locked)))
		if (SSL_CTX_add0_chain_cert(ctx, x) != 1) {
			X509_free(x);
			why = reason();
		}
	/* The loop ends at what is no certificate: it must be the end. */
	if (!why &&
	    ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		why = reason();
	BIO_free(bio);
	ERR_clear_error();
	return why;
}

static const char *
use_key(SSL_CTX *ctx, const char *path)
{
	const char *why;
	BIO *bio = open_file(path, KEY_MODES, &why);
	EVP_PKEY *key;
	bool locked = false;

	if (!bio)
		return why;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &locked);
	if (locked)
		why = "it has a passphrase";
	else if (!key || SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		why = reason();
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return why;
}

static struct pair *
pair_for(struct tls *t, const char *name)
{
	X509 *x;

	for (size_t i = 0; i < t->n; i++) {
		if (!t->pairs[i].ctx)
			continue;
		x = SSL_CTX_get0_certificate(t->pairs[i].ctx);
		if (X509_check_host(x, name, 0, 0, NULL) == 1)
			return &t->pairs[i];
	}
	return NULL;
}

static int
choose(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct pair *p = name ? pair_for(arg, name) : NULL;

	(void)alert;
	if (!p)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_SSL_CTX(ssl, p->ctx);
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *
new_context(struct tls *t)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_dh_auto(ctx, 1);
	/* A lost connection is the end of the stream, no more: the server
	 * knows what it misses. */
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* A relay serves one session; tickets need no memory of it. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_tlsext_servername_callback(ctx, choose);
	SSL_CTX_set_tlsext_servername_arg(ctx, t);
	return ctx;
}

static void
load(struct tls *t, struct pair *p)
{
	const char *why, *path = p->files->cert;
	SSL_CTX *ctx = new_context(t);

	why = ctx ? use_chain(ctx, path) : reason();
	if (!why) {
		path = p->files->key;
		why = use_key(ctx, path);
	}
	if (why) {
		log_error("%s: %s", path, why);
		SSL_CTX_free(ctx);
		return;
	}
	SSL_CTX_free(p->ctx);
	p->ctx = ctx;
}

struct tls *
tls_new(const struct tls_files *files, size_t n)
{
	struct tls *t = xrealloc(NULL, sizeof *t + n * sizeof *t->pairs);

	memset(t, 0, sizeof *t + n * sizeof *t->pairs);
	t->n = n;
	for (size_t i = 0; i < n; i++)
		t->pairs[i].files = &files[i];
	return t;
}

bool
tls_refresh(struct tls *t)
{
	struct stamp cert, key;

	for (size_t i = 0; i < t->n; i++) {
		struct pair *p = &t->pairs[i];

		cert = stamp_of(p->files->cert);
		key = stamp_of(p->files->key);
		if (p->tried && is_same(&cert, &p->cert) &&
		    is_same(&key, &p->key))
			continue;
		p->tried = true;
		p->cert = cert;
		p->key = key;
		load(t, p);
	}
	return t->pairs[0].ctx;
}

struct ssl_st *
tls_session(struct tls *t)
{
	return SSL_new(t->pairs[0].ctx);
}
