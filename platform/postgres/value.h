// Parameters of statements and PostgreSQL's binary forms of values. No connection here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace quantstream::postgres {

// One $n of a statement. Owns its bytes.
struct Param {
  uint32_t type = 0;  // oid; 0 = the server infers it
  bool binary = false;
  std::optional<std::string> bytes{};  // nothing = NULL

  static Param Null();
  static Param Text(std::string_view text);  // any type in its text form; the server infers which
  static Param Bool(bool value);
  static Param Int2(int16_t value);
  static Param Int4(int32_t value);
  static Param Int8(int64_t value);
  static Param Double(double value);
  static Param Bytea(std::string_view bytes);
  static Param TimestampTz(int64_t us_since_unix_epoch);
  // For `= ANY($1)` and unnest($1, $2).
  static Param Int4Array(std::span<const int32_t> values);
  static Param Int8Array(std::span<const int64_t> values);
  static Param TextArray(std::span<const std::string> values);
  static Param ByteaArray(std::span<const std::string> values);
  static Param TimestampTzArray(std::span<const int64_t> us_since_unix_epoch);
};

// Each appends the value in network byte order, without a length before it.
void AppendInt2(std::string* out, int16_t value);
void AppendInt4(std::string* out, int32_t value);
void AppendInt8(std::string* out, int64_t value);
void AppendDouble(std::string* out, double value);
// Microseconds since 1970 become microseconds since 2000.
void AppendTimestampTz(std::string* out, int64_t us_since_unix_epoch);
// NUMERIC from plain decimal text: optional '-', digits, optional '.' and digits; the digits behind
// the point are its scale. REQUIRES: IsPlainDecimal(text).
void AppendNumeric(std::string* out, std::string_view text);
// NUMERIC mantissa / 10^scale. REQUIRES: 0 <= scale <= 38.
void AppendNumeric(std::string* out, __int128 mantissa, int scale);
bool IsPlainDecimal(std::string_view text);

// The opposite; INVALID_ARGUMENT for bytes that are no such value. NUMERIC comes as plain decimal
// text with all digits of its scale ("1.500"), NaN and infinities as "NaN", "Infinity",
// "-Infinity".
absl::StatusOr<std::string> DecodeNumeric(std::string_view bytes);
absl::StatusOr<int64_t> DecodeInteger(std::string_view bytes);  // 2, 4 or 8 bytes
absl::StatusOr<double> DecodeDouble(std::string_view bytes);
absl::StatusOr<int64_t> DecodeTimestampTz(std::string_view bytes);   // µs since 1970
absl::StatusOr<std::string> DecodeByteaText(std::string_view text);  // "\x0aff"

}  // namespace quantstream::postgres
