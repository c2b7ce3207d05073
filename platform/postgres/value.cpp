#include "platform/postgres/value.h"

#include <bit>
#include <cstring>

namespace quantstream::postgres {
namespace {

// pg_type.oid of what we send in binary form.
constexpr uint32_t kBoolOid = 16, kByteaOid = 17, kInt8Oid = 20, kInt2Oid = 21, kInt4Oid = 23,
                   kTextOid = 25, kFloat8Oid = 701, kByteaArrayOid = 1001, kInt4ArrayOid = 1007,
                   kTextArrayOid = 1009, kInt8ArrayOid = 1016, kTimestampTzOid = 1184,
                   kTimestampTzArrayOid = 1185;
constexpr int64_t kUsFrom1970To2000 = 946'684'800'000'000;

template <typename Unsigned>
void AppendBigEndian(std::string* out, Unsigned value) {
  char bytes[sizeof value];
  for (size_t i = 0; i < sizeof value; ++i) {
    bytes[i] = static_cast<char>(value >> (8 * (sizeof value - 1 - i)));
  }
  out->append(bytes, sizeof bytes);
}

uint64_t ReadBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

Param Binary(uint32_t type, std::string bytes) {
  return {type, true, std::move(bytes)};
}

// One-dimensional array: dimensions, flags, element type, length, lower bound, then each element
// with its length.
template <typename Items, typename Append>
Param Array(uint32_t type, uint32_t element, const Items& items, Append append) {
  std::string out;
  AppendInt4(&out, items.empty() ? 0 : 1);
  AppendInt4(&out, 0);
  AppendInt4(&out, static_cast<int32_t>(element));
  if (!items.empty()) {
    AppendInt4(&out, static_cast<int32_t>(items.size()));
    AppendInt4(&out, 1);
  }
  for (const auto& item : items) append(&out, item);
  return Binary(type, std::move(out));
}

void AppendSized(std::string* out, const std::string& item) {
  AppendInt4(out, static_cast<int32_t>(item.size()));
  *out += item;
}

absl::Status WrongLength(const char* what, size_t length) {
  return absl::InvalidArgumentError(std::string(what) + " of " + std::to_string(length) + " bytes");
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Param Param::Null() {
  return {};
}
Param Param::Text(std::string_view text) {
  return {0, false, std::string(text)};
}
Param Param::Bool(bool value) {
  return Binary(kBoolOid, std::string(1, value ? '\1' : '\0'));
}
Param Param::Bytea(std::string_view bytes) {
  return Binary(kByteaOid, std::string(bytes));
}

Param Param::Int2(int16_t value) {
  std::string out;
  AppendInt2(&out, value);
  return Binary(kInt2Oid, std::move(out));
}

Param Param::Int4(int32_t value) {
  std::string out;
  AppendInt4(&out, value);
  return Binary(kInt4Oid, std::move(out));
}

Param Param::Int8(int64_t value) {
  std::string out;
  AppendInt8(&out, value);
  return Binary(kInt8Oid, std::move(out));
}

Param Param::Double(double value) {
  std::string out;
  AppendDouble(&out, value);
  return Binary(kFloat8Oid, std::move(out));
}

Param Param::TimestampTz(int64_t us_since_unix_epoch) {
  std::string out;
  AppendTimestampTz(&out, us_since_unix_epoch);
  return Binary(kTimestampTzOid, std::move(out));
}

Param Param::Int4Array(std::span<const int32_t> values) {
  return Array(kInt4ArrayOid, kInt4Oid, values, [](std::string* out, int32_t value) {
    AppendInt4(out, sizeof value);
    AppendInt4(out, value);
  });
}

Param Param::Int8Array(std::span<const int64_t> values) {
  return Array(kInt8ArrayOid, kInt8Oid, values, [](std::string* out, int64_t value) {
    AppendInt4(out, sizeof value);
    AppendInt8(out, value);
  });
}

Param Param::TextArray(std::span<const std::string> values) {
  return Array(kTextArrayOid, kTextOid, values, AppendSized);
}

Param Param::ByteaArray(std::span<const std::string> values) {
  return Array(kByteaArrayOid, kByteaOid, values, AppendSized);
}

Param Param::TimestampTzArray(std::span<const int64_t> us_since_unix_epoch) {
  return Array(kTimestampTzArrayOid, kTimestampTzOid, us_since_unix_epoch,
               [](std::string* out, int64_t us) {
                 AppendInt4(out, sizeof us);
                 AppendTimestampTz(out, us);
               });
}

void AppendInt2(std::string* out, int16_t value) {
  AppendBigEndian(out, static_cast<uint16_t>(value));
}

void AppendInt4(std::string* out, int32_t value) {
  AppendBigEndian(out, static_cast<uint32_t>(value));
}

void AppendInt8(std::string* out, int64_t value) {
  AppendBigEndian(out, static_cast<uint64_t>(value));
}

void AppendDouble(std::string* out, double value) {
  AppendBigEndian(out, std::bit_cast<uint64_t>(value));
}

void AppendTimestampTz(std::string* out, int64_t us_since_unix_epoch) {
  AppendInt8(out, us_since_unix_epoch - kUsFrom1970To2000);
}

absl::StatusOr<int64_t> DecodeInteger(std::string_view bytes) {
  switch (bytes.size()) {
    case 2:
      return static_cast<int16_t>(ReadBigEndian(bytes));
    case 4:
      return static_cast<int32_t>(ReadBigEndian(bytes));
    case 8:
      return static_cast<int64_t>(ReadBigEndian(bytes));
    default:
      return WrongLength("integer", bytes.size());
  }
}

absl::StatusOr<double> DecodeDouble(std::string_view bytes) {
  if (bytes.size() == 4) {
    return std::bit_cast<float>(static_cast<uint32_t>(ReadBigEndian(bytes)));
  }
  if (bytes.size() != 8) return WrongLength("double", bytes.size());
  return std::bit_cast<double>(ReadBigEndian(bytes));
}

absl::StatusOr<int64_t> DecodeTimestampTz(std::string_view bytes) {
  if (bytes.size() != 8) return WrongLength("timestamptz", bytes.size());
  return static_cast<int64_t>(ReadBigEndian(bytes)) + kUsFrom1970To2000;
}

absl::StatusOr<std::string> DecodeByteaText(std::string_view text) {
  const auto bad = [] {
    return absl::InvalidArgumentError("bytea text is not \\x and hex digits");
  };
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return bad();
  std::string bytes;
  for (size_t i = 2; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]);
    const int low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) return bad();
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace quantstream::postgres
