#include "query/page_token.h"

#include <string>

#include "absl/strings/escaping.h"

namespace quantstream::query {
namespace {

constexpr std::string_view kForm = "p1";  // of the token; another one is refused

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

std::string EncodePageToken(uint64_t fingerprint, std::string_view position) {
  std::string bytes(kForm);
  AppendNumber(fingerprint, &bytes);
  bytes.append(position);
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

absl::StatusOr<std::string> DecodePageToken(std::string_view token, uint64_t fingerprint) {
  std::string bytes;
  if (token.size() > 1024 ||
      !absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &bytes) ||
      !std::string_view(bytes).starts_with(kForm) || bytes.size() < kForm.size() + 8) {
    return absl::InvalidArgumentError("is not a next_page_token of this service");
  }
  if (ReadNumber(std::string_view(bytes).substr(kForm.size())) != fingerprint) {
    return absl::InvalidArgumentError(
        "belongs to another request: all fields but page_size must be as in the first one");
  }
  return bytes.substr(kForm.size() + 8);
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
