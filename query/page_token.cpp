#include "query/page_token.h"

#include <string>
#include <utility>

namespace quantstream::query {
namespace {

constexpr std::string_view kForm = "p2";  // of the token; another one is refused
constexpr size_t kTextBytesMax = 1024;

void AppendNumber(uint64_t number, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(number >> shift & 0xff));
  }
}

uint64_t ReadNumber(std::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes.substr(0, 8))
    number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

}  // namespace

std::string PageTokens::Encode(std::string_view position) const {
  std::string bytes(kForm);
  AppendNumber(fingerprint_, &bytes);
  bytes.append(position);
  return key_.Seal(std::move(bytes));
}

absl::StatusOr<std::string> PageTokens::Decode(std::string_view token) const {
  const auto bytes = key_.Open(token, kTextBytesMax);
  if (!bytes || !bytes->starts_with(kForm) || bytes->size() < kForm.size() + 8) {
    return absl::InvalidArgumentError("is not a next_page_token of this service");
  }
  if (ReadNumber(std::string_view(*bytes).substr(kForm.size())) != fingerprint_) {
    return absl::InvalidArgumentError(
        "belongs to another request: all fields but page_size must be as in the first one");
  }
  return bytes->substr(kForm.size() + 8);
}

void Fingerprint::AddByte(unsigned char byte) {
  hash_ = (hash_ ^ byte) * 1099511628211ULL;
}

Fingerprint& Fingerprint::Add(std::string_view part) {
  Add(static_cast<int64_t>(part.size()));
  for (const char byte : part) AddByte(static_cast<unsigned char>(byte));
  return *this;
}

Fingerprint& Fingerprint::Add(int64_t number) {
  for (int shift = 0; shift < 64; shift += 8) {
    AddByte(static_cast<unsigned char>(static_cast<uint64_t>(number) >> shift & 0xff));
  }
  return *this;
}

std::string PackNumbers(int64_t first, int64_t second) {
  std::string bytes;
  AppendNumber(static_cast<uint64_t>(first), &bytes);
  AppendNumber(static_cast<uint64_t>(second), &bytes);
  return bytes;
}

bool UnpackNumbers(std::string_view bytes, int64_t* first, int64_t* second) {
  if (bytes.size() != 16) return false;
  *first = static_cast<int64_t>(ReadNumber(bytes));
  *second = static_cast<int64_t>(ReadNumber(bytes.substr(8)));
  return true;
}

}  // namespace quantstream::query
