// Rows in COPY BINARY form, gathered in memory; Connection::CopyIn sends them. Pure: no connection
// here.
//
//   CopyRows rows(3);
//   rows.StartRow();
//   rows.Int4(7);
//   rows.Text("BTC-USDT");
//   rows.Null();
//   connection.CopyIn("COPY t (a, b, c) FROM STDIN (FORMAT binary)", rows, 5s);
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quantstream::postgres {

// REQUIRES: between two StartRow calls exactly `columns` values, each of its column's very type
// (asserted, also in release).
class CopyRows {
 public:
  explicit CopyRows(int columns);

  void StartRow();
  void Null();
  void Bool(bool value);
  void Int2(int16_t value);
  void Int4(int32_t value);
  void Int8(int64_t value);
  void Double(double value);
  void Text(std::string_view text);  // UTF-8 without NUL, else the server refuses the COPY
  void Bytea(std::string_view bytes);
  void TimestampTz(int64_t us_since_unix_epoch);
  // Plain decimal text as value.h has it; or mantissa / 10^scale.
  void Numeric(std::string_view text);
  void Numeric(__int128 mantissa, int scale);

  // Drops all rows and keeps the memory.
  void Clear();

  int64_t rows() const { return rows_; }
  bool empty() const { return rows_ == 0; }
  size_t size_bytes() const { return bytes_.size(); }
  // Header and rows, without the trailer. REQUIRES: the last row is whole.
  std::string_view bytes() const;
  static std::string_view trailer();

 private:
  void Value(int32_t length);
  size_t StartSized();
  void EndSized(size_t at);

  int columns_;
  int column_;  // of the row that is being written
  int64_t rows_ = 0;
  std::string bytes_;
};

}  // namespace quantstream::postgres
