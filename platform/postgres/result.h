// The answer to one statement. Reads both of PostgreSQL's forms, text and binary.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace quantstream::postgres {

enum class ResultFormat { kText, kBinary };

// Move-only. Rows and columns count from 0. REQUIRES (asserted): the row and column exist; typed
// getters: the value is not NULL and of that type.
class Result {
 public:
  explicit Result(void* pg_result);  // takes over a PGresult
  ~Result();
  Result(Result&& other) noexcept;
  Result& operator=(Result&& other) noexcept;

  int rows() const;
  int columns() const;
  // "COMMIT", "UPDATE 3".
  std::string_view command_tag() const;
  // The number in the tag; 0 when there is none.
  int64_t rows_affected() const;
  // Column by its name; -1 when there is none.
  int Column(const char* name) const;

  bool IsNull(int row, int column) const;
  // The bytes as they came: the text of a text result; of text, varchar and name columns in both
  // forms.
  std::string_view Text(int row, int column) const;
  bool Bool(int row, int column) const;
  int64_t Int(int row, int column) const;  // int2, int4, int8
  double Double(int row, int column) const;
  std::string Bytea(int row, int column) const;
  std::string Numeric(int row,
                      int column) const;  // plain decimal text with all digits of its scale
  int64_t TimestampTz(int row, int column) const;  // µs since 1970; REQUIRES: binary

 private:
  bool Binary(int column) const;
  void* result_;
};

}  // namespace quantstream::postgres
