#include "query/token_key.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include "absl/strings/escaping.h"

namespace quantstream::query {
namespace {

constexpr size_t kSignatureBytes = 16;

std::string TextOf(const std::string& bytes) {
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

}  // namespace

// Streams that want the same stand at the same place one after the other, and a signature is
// dearer than all the rest: the newest of each thread is kept.
std::string TokenKey::Seal(std::string bytes) const {
  struct Newest {
    std::string secret, bytes, text;
  };
  thread_local Newest newest;
  if (newest.text.empty() || newest.bytes != bytes || newest.secret != secret_) {
    std::string text = TextOf(bytes + Sign(bytes));
    newest = {secret_, std::move(bytes), std::move(text)};
  }
  return newest.text;
}

std::optional<std::string> TokenKey::Open(std::string_view text, size_t text_bytes_max) const {
  std::string bytes;
  if (text.size() > text_bytes_max ||
      !absl::WebSafeBase64Unescape(absl::string_view(text.data(), text.size()), &bytes) ||
      bytes.size() < kSignatureBytes || TextOf(bytes) != text) {  // one text, not several
    return std::nullopt;
  }
  const std::string signature = bytes.substr(bytes.size() - kSignatureBytes);
  bytes.resize(bytes.size() - kSignatureBytes);
  if (CRYPTO_memcmp(Sign(bytes).data(), signature.data(), kSignatureBytes) != 0) {
    return std::nullopt;
  }
  return bytes;
}

std::string TokenKey::Sign(std::string_view bytes) const {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest, &size);
  return std::string(reinterpret_cast<const char*>(digest), kSignatureBytes);
}

}  // namespace quantstream::query
