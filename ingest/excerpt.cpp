#include "ingest/excerpt.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace quantstream::ingest {

struct Excerpt::Digest {
  Digest() : context(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context, EVP_sha256(), nullptr); }
  ~Digest() { EVP_MD_CTX_free(context); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  EVP_MD_CTX* context;
};

Excerpt::Excerpt() : digest_(std::make_unique<Digest>()) {}
Excerpt::~Excerpt() = default;

void Excerpt::Add(std::string_view bytes) {
  EVP_DigestUpdate(digest_->context, bytes.data(), bytes.size());
  const size_t room = DeadLetter::kBytesMax - head_.size();
  head_.append(bytes.substr(0, std::min(room, bytes.size())));
  length_ += bytes.size();
}

DeadLetter Excerpt::Finish(std::string_view reason, std::string_view source) {
  DeadLetter letter{.reason = std::string(reason),
                    .source = std::string(source),
                    .bytes = std::move(head_),
                    .length = length_,
                    .sha256_hex = ""};
  if (length_ <= DeadLetter::kBytesMax) return letter;
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(digest_->context, hash.data(), &size);
  constexpr std::string_view kHex = "0123456789abcdef";
  for (unsigned int i = 0; i < size; ++i) {
    letter.sha256_hex += kHex[hash[i] >> 4];
    letter.sha256_hex += kHex[hash[i] & 15];
  }
  return letter;
}

DeadLetter MakeDeadLetter(std::string_view reason, std::string_view source,
                          std::string_view bytes) {
  Excerpt excerpt;
  excerpt.Add(bytes);
  return excerpt.Finish(reason, source);
}

}  // namespace quantstream::ingest
