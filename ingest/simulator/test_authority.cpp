#include "ingest/simulator/test_authority.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"

namespace quantstream::simulator {
namespace {

constexpr long kDayS = 86'400;
constexpr long kValidDays = 365;

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using File = std::unique_ptr<std::FILE, Free>;

bool Extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// A certificate with the names and times in it, not signed yet.
Certificate Begin(const char* common_name, EVP_PKEY* key) {
  Certificate certificate(X509_new());
  uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  X509_set_version(certificate.get(), 2);  // that is X.509 v3
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDayS);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kValidDays * kDayS);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
  return certificate;
}

Certificate MakeAuthority(EVP_PKEY* key) {
  Certificate authority = Begin("QuantStream simulator test CA", key);
  X509_set_issuer_name(authority.get(), X509_get_subject_name(authority.get()));
  const bool made =
      Extend(authority.get(), authority.get(), NID_basic_constraints, "critical,CA:TRUE") &&
      Extend(authority.get(), authority.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
      Extend(authority.get(), authority.get(), NID_subject_key_identifier, "hash") &&
      X509_sign(authority.get(), key, EVP_sha256()) > 0;
  return made ? std::move(authority) : nullptr;
}

Certificate MakeServer(EVP_PKEY* key, X509* authority, EVP_PKEY* authority_key) {
  Certificate server = Begin("localhost", key);
  X509_set_issuer_name(server.get(), X509_get_subject_name(authority));
  const bool made = Extend(server.get(), authority, NID_basic_constraints, "critical,CA:FALSE") &&
                    Extend(server.get(), authority, NID_ext_key_usage, "serverAuth") &&
                    Extend(server.get(), authority, NID_authority_key_identifier, "keyid") &&
                    Extend(server.get(), authority, NID_subject_alt_name,
                           "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1") &&
                    X509_sign(server.get(), authority_key, EVP_sha256()) > 0;
  return made ? std::move(server) : nullptr;
}

File OpenFor(const std::string& path, const char* mode) {
  return File(std::fopen(path.c_str(), mode));
}

bool WriteCertificate(const std::string& path, X509* certificate) {
  const File file = OpenFor(path, "we");
  return file != nullptr && PEM_write_X509(file.get(), certificate) == 1;
}

bool WriteKey(const std::string& path, EVP_PKEY* key) {
  const mode_t before = ::umask(0077);
  const File file = OpenFor(path, "we");
  ::umask(before);
  return file != nullptr &&
         PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
}

Certificate ReadCertificate(const std::string& path) {
  const File file = OpenFor(path, "re");
  return Certificate(file == nullptr ? nullptr
                                     : PEM_read_X509(file.get(), nullptr, nullptr, nullptr));
}

bool StillValid(const TestCertificate& files) {
  const Certificate authority = ReadCertificate(files.authority_file);
  const Certificate server = ReadCertificate(files.certificate_file);
  if (authority == nullptr || server == nullptr) return false;
  const File key_file = OpenFor(files.key_file, "re");
  if (key_file == nullptr) return false;
  const Key key(PEM_read_PrivateKey(key_file.get(), nullptr, nullptr, nullptr));
  std::time_t tomorrow = std::time(nullptr) + kDayS;
  return key != nullptr && X509_check_private_key(server.get(), key.get()) == 1 &&
         X509_verify(server.get(), X509_get0_pubkey(authority.get())) == 1 &&
         X509_cmp_time(X509_get0_notAfter(server.get()), &tomorrow) > 0;
}

}  // namespace

absl::StatusOr<TestCertificate> EnsureTestCertificate(const std::string& folder) {
  const TestCertificate files{.authority_file = folder + "/ca.pem",
                              .certificate_file = folder + "/server.pem",
                              .key_file = folder + "/server.key"};
  if (StillValid(files)) return files;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::UnavailableError(absl::StrCat("tls_dir ", folder, ": ", error.message()));
  const Key authority_key(EVP_EC_gen("P-256"));
  const Key key(EVP_EC_gen("P-256"));
  if (authority_key == nullptr || key == nullptr) return absl::InternalError("no key can be made");
  const Certificate authority = MakeAuthority(authority_key.get());
  if (authority == nullptr) return absl::InternalError("no test authority can be made");
  const Certificate server = MakeServer(key.get(), authority.get(), authority_key.get());
  if (server == nullptr) return absl::InternalError("no test certificate can be made");
  if (!WriteCertificate(files.authority_file, authority.get()) ||
      !WriteCertificate(files.certificate_file, server.get()) ||
      !WriteKey(files.key_file, key.get())) {
    return absl::ErrnoToStatus(errno, absl::StrCat("tls_dir ", folder));
  }
  return files;
}

}  // namespace quantstream::simulator
