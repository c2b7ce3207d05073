#include "platform/postgres/copy_rows.h"

#include <gtest/gtest.h>

namespace quantstream::postgres {
namespace {

const std::string kHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);

TEST(CopyRowsTest, NoRowsIsTheHeader) {
  const CopyRows rows(2);
  EXPECT_TRUE(rows.empty());
  EXPECT_EQ(rows.bytes(), kHeader);
}

TEST(CopyRowsTest, ARowIsItsColumnCountAndSizedValues) {
  CopyRows rows(3);
  rows.StartRow();
  rows.Int2(7);
  rows.Text("ab");
  rows.Null();
  EXPECT_EQ(rows.bytes(), kHeader + std::string("\0\3\0\0\0\2\0\7\0\0\0\2ab\xff\xff\xff\xff", 18));
  EXPECT_EQ(rows.rows(), 1);
}

TEST(CopyRowsTest, ANumericKnowsItsLength) {
  CopyRows rows(1);
  rows.StartRow();
  rows.Numeric("12345.5");
  EXPECT_EQ(std::string(rows.bytes().substr(kHeader.size(), 6)), std::string("\0\1\0\0\0\16", 6));
}

TEST(CopyRowsTest, ClearKeepsNothingButTheHeader) {
  CopyRows rows(1);
  rows.StartRow();
  rows.Bool(true);
  rows.Clear();
  EXPECT_EQ(rows.bytes(), kHeader);
  EXPECT_EQ(rows.rows(), 0);
}

TEST(CopyRowsDeathTest, ARowWithTooFewOrTooManyValuesIsABug) {
  EXPECT_DEATH(
      {
        CopyRows rows(2);
        rows.StartRow();
        rows.Null();
        rows.StartRow();
      },
      "broken precondition");
  EXPECT_DEATH(
      {
        CopyRows rows(1);
        rows.StartRow();
        rows.Null();
        rows.Null();
      },
      "broken precondition");
}

}  // namespace
}  // namespace quantstream::postgres
