#include "platform/postgres/copy_rows.h"

#include "platform/postgres/value.h"
#include "platform/require.h"

namespace quantstream::postgres {
namespace {

// Signature, flags, length of the header's extension.
constexpr std::string_view kHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
constexpr std::string_view kTrailer("\377\377", 2);

}  // namespace

CopyRows::CopyRows(int columns) : columns_(columns), column_(columns), bytes_(kHeader) {}

void CopyRows::StartRow() {
  Require(column_ == columns_, "the row before has all its columns");
  column_ = 0;
  ++rows_;
  AppendInt2(&bytes_, static_cast<int16_t>(columns_));
}

void CopyRows::Value(int32_t length) {
  Require(column_ < columns_, "a row has no more values than columns");
  ++column_;
  AppendInt4(&bytes_, length);
}

size_t CopyRows::StartSized() {
  Value(0);
  return bytes_.size();
}

void CopyRows::EndSized(size_t at) {
  std::string length;
  AppendInt4(&length, static_cast<int32_t>(bytes_.size() - at));
  bytes_.replace(at - length.size(), length.size(), length);
}

void CopyRows::Null() {
  Value(-1);
}

void CopyRows::Bool(bool value) {
  Value(1);
  bytes_ += value ? '\1' : '\0';
}

void CopyRows::Int2(int16_t value) {
  Value(sizeof value);
  AppendInt2(&bytes_, value);
}

void CopyRows::Int4(int32_t value) {
  Value(sizeof value);
  AppendInt4(&bytes_, value);
}

void CopyRows::Int8(int64_t value) {
  Value(sizeof value);
  AppendInt8(&bytes_, value);
}

void CopyRows::Double(double value) {
  Value(sizeof value);
  AppendDouble(&bytes_, value);
}

void CopyRows::Text(std::string_view text) {
  Bytea(text);
}

void CopyRows::Bytea(std::string_view bytes) {
  Value(static_cast<int32_t>(bytes.size()));
  bytes_ += bytes;
}

void CopyRows::TimestampTz(int64_t us_since_unix_epoch) {
  Value(sizeof us_since_unix_epoch);
  AppendTimestampTz(&bytes_, us_since_unix_epoch);
}

void CopyRows::Numeric(std::string_view text) {
  const size_t at = StartSized();
  AppendNumeric(&bytes_, text);
  EndSized(at);
}

void CopyRows::Numeric(__int128 mantissa, int scale) {
  const size_t at = StartSized();
  AppendNumeric(&bytes_, mantissa, scale);
  EndSized(at);
}

void CopyRows::Clear() {
  bytes_.assign(kHeader);
  rows_ = 0;
  column_ = columns_;
}

std::string_view CopyRows::bytes() const {
  Require(column_ == columns_, "the last row has all its columns");
  return bytes_;
}

std::string_view CopyRows::trailer() {
  return kTrailer;
}

}  // namespace quantstream::postgres
