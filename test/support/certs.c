#include "support/certs.h"
#include "base/check.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MAX = 64, PATH = 512 };

static char folder[64];
static char files[FILES_MAX][PATH];
static int file_count;

void certs_init(void)
{
	strcpy(folder, "/tmp/certs.XXXXXX");
	check(mkdtemp(folder));
	file_count = 0;
}

void certs_fini(void)
{
	while (file_count > 0)
		unlink(files[--file_count]);
	rmdir(folder);
}

const char *certs_path(const char *file)
{
	static char paths[8][PATH];
	static int next;
	char *path = paths[next++ % 8];
	snprintf(path, PATH, "%s/%s", folder, file);
	return path;
}

static FILE *open_file(const char *name, const char *end)
{
	char file[128];
	snprintf(file, sizeof(file), "%s%s", name, end);
	const char *path = certs_path(file);
	int i = 0;
	while (i < file_count && strcmp(files[i], path) != 0)
		i++;
	if (i == file_count) {
		check(file_count < FILES_MAX);
		snprintf(files[file_count++], PATH, "%s", path);
	}
	unlink(path); /* another inode: another file for whoever looks */
	FILE *out = fopen(path, "w");
	check(out);
	return out;
}

void certs_write(const char *file, const void *p, unsigned n)
{
	FILE *out = open_file(file, "");
	check(fwrite(p, 1, n, out) == n);
	fclose(out);
}

static EVP_PKEY *key_of(enum cert_kind kind)
{
	return kind == CERT_RSA ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
}

static X509 *cert_of(EVP_PKEY *key, const struct cert_opts *opts)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), opts->serial ? opts->serial : 1);
	X509_gmtime_adj(X509_getm_notBefore(x), opts->begins_s ? opts->begins_s : -60);
	X509_gmtime_adj(X509_getm_notAfter(x), opts->ends_s ? opts->ends_s : 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
				   0);
	X509_set_issuer_name(x, name);
	if (opts->names) {
		X509_EXTENSION *ext =
			X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, opts->names);
		check(ext);
		X509_add_ext(x, ext, -1);
		X509_EXTENSION_free(ext);
	}
	check(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

void certs_make(const char *name, const struct cert_opts *opts)
{
	EVP_PKEY *key = key_of(opts->kind);
	X509 *x = cert_of(key, opts);
	FILE *out = open_file(name, ".key");
	check(PEM_write_PrivateKey(out, key, opts->password ? EVP_aes_128_cbc() : NULL, NULL, 0,
				   NULL, (void *)(uintptr_t)opts->password) == 1);
	fclose(out);
	out = open_file(name, ".crt");
	check(PEM_write_X509(out, x) == 1);
	fclose(out);
	X509_free(x);
	EVP_PKEY_free(key);
}
