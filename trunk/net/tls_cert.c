/* A certificate and its key, from PEM files. The files are read and parsed on a helper thread: disks can
 * be slow, and OpenSSL's queue of errors is that thread's then. */
#include "base/mem.h"
#include "net/tls_inside.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { CHAIN_MAX = 16, PEM_MAX = 1 << 20 };

void tls_file_look(struct tls_file *file)
{
	struct stat st;
	file->size = file->changed_ns = file->inode = 0;
	if (stat(file->path, &st) != 0)
		return;
	file->size = st.st_size;
	file->changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	file->inode = (int64_t)st.st_ino;
}

bool tls_file_is_same(const struct tls_file *a, const struct tls_file *b)
{
	return a->size == b->size && a->changed_ns == b->changed_ns && a->inode == b->inode;
}

struct tls_cert *tls_cert_new(const struct tls_pair *pair)
{
	struct tls_cert *c = mem_new(struct tls_cert);
	c->cert.path = mem_strdup(pair->cert);
	c->key.path = mem_strdup(pair->key);
	c->host = pair->host ? mem_strdup(pair->host) : NULL;
	return c;
}

void tls_cert_free(struct tls_cert **cert)
{
	struct tls_cert *c = *cert;
	if (!c)
		return;
	X509_free(c->leaf);
	sk_X509_pop_free(c->chain, X509_free);
	EVP_PKEY_free(c->pkey);
	for (int i = 0; i < c->name_count; i++)
		free(c->names[i]);
	free(c->cert.path);
	free(c->key.path);
	free(c->host);
	free(c);
	*cert = NULL;
}

static bool bad(struct tls_cert *c, const struct tls_file *file, const char *words)
{
	ERR_clear_error();
	snprintf(c->why, sizeof(c->why), "%.200s %s", file->path, words);
	return false;
}

static bool unreadable(struct tls_cert *c, const struct tls_file *file)
{
	ERR_clear_error();
	snprintf(c->why, sizeof(c->why), "%.200s cannot be read: %m", file->path);
	return false;
}

static BIO *open_file(struct tls_file *file)
{
	tls_file_look(file);
	if (file->size > PEM_MAX) {
		errno = EFBIG;
		return NULL;
	}
	return BIO_new_file(file->path, "r");
}

/* Nobody is there to be asked for the password of a key. */
static int no_password(char *buf, int size, int for_writing, void *ctx)
{
	(void)buf, (void)size, (void)for_writing, (void)ctx;
	return -1;
}

static bool load_chain(struct tls_cert *c)
{
	BIO *in = open_file(&c->cert);
	X509 *x;
	if (!in)
		return unreadable(c, &c->cert);
	c->leaf = PEM_read_bio_X509_AUX(in, NULL, no_password, NULL);
	c->chain = sk_X509_new_null();
	while (c->leaf && sk_X509_num(c->chain) < CHAIN_MAX &&
	       (x = PEM_read_bio_X509(in, NULL, no_password, NULL)))
		sk_X509_push(c->chain, x);
	ERR_clear_error(); /* the end of the file */
	BIO_free(in);
	return c->leaf ? true : bad(c, &c->cert, "has no certificate (PEM) in it");
}

static bool load_key(struct tls_cert *c)
{
	BIO *in = open_file(&c->key);
	if (!in)
		return unreadable(c, &c->key);
	c->pkey = PEM_read_bio_PrivateKey(in, NULL, no_password, NULL);
	BIO_free(in);
	ERR_clear_error();
	if (!c->pkey)
		return bad(c, &c->key, "has no private key (PEM, without a password) in it");
	if (X509_check_private_key(c->leaf, c->pkey) == 1)
		return true;
	return bad(c, &c->key, "is not the key of the certificate beside it");
}

static void add_name(struct tls_cert *c, const ASN1_STRING *text)
{
	const char *p = (const char *)ASN1_STRING_get0_data(text);
	int n = ASN1_STRING_length(text);
	if (n > 0 && n < TLS_NAME_MAX && !memchr(p, 0, (size_t)n) && c->name_count < TLS_NAMES_MAX)
		c->names[c->name_count++] = mem_strndup(p, (size_t)n);
}

/* The names that clients compare: the alternative ones; the common name when there are none. */
static void load_names(struct tls_cert *c)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
		if (name->type == GEN_DNS)
			add_name(c, name->d.dNSName);
	}
	GENERAL_NAMES_free(all);
	X509_NAME *subject = X509_get_subject_name(c->leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (c->name_count == 0 && at >= 0)
		add_name(c, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm = {0};
	return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

static void load_facts(struct tls_cert *c)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(c->leaf), NULL);
	char *hex = number ? BN_bn2hex(number) : NULL;
	snprintf(c->serial, sizeof(c->serial), "%s", hex ? hex : "");
	OPENSSL_free(hex);
	BN_free(number);
	c->begins_s = seconds_of(X509_get0_notBefore(c->leaf));
	c->ends_s = seconds_of(X509_get0_notAfter(c->leaf));
}

bool tls_cert_load(struct tls_cert *c)
{
	if (!load_chain(c) || !load_key(c))
		return false;
	load_names(c);
	load_facts(c);
	ERR_clear_error();
	return true;
}

const char *tls_cert_kind(const struct tls_cert *cert)
{
	switch (EVP_PKEY_get_base_id(cert->pkey)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		return "RSA";
	case EVP_PKEY_EC:
		return "ECDSA";
	case EVP_PKEY_ED25519:
		return "Ed25519";
	default:
		return "other";
	}
}
