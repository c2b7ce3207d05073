#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/platform/postgres_fixture.h"

namespace quantstream::postgres {
namespace {

constexpr const char* kCopy = "COPY t FROM STDIN (FORMAT binary)";

class CopyInTest : public PostgresTest {
 protected:
  std::unique_ptr<Connection> db_ = Open();
};

TEST_F(CopyInTest, EveryTypeArrivesAsItWas) {
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (a int2, b int4, c int8, d text, e bytea, f bool, "
                              "g float8, h timestamptz, i numeric, j numeric, k int4)")
                  .ok());
  CopyRows rows(11);
  rows.StartRow();
  rows.Int2(-7);
  rows.Int4(1 << 30);
  rows.Int8(-(1LL << 60));
  rows.Text("币安");
  rows.Bytea({"\0\1\xff", 3});
  rows.Bool(true);
  rows.Double(-0.1);
  rows.TimestampTz(-1);
  rows.Numeric("-12345678901234567890.00001");
  rows.Numeric(static_cast<__int128>(1) << 126, 18);
  rows.Null();
  const auto copied = db_->CopyIn(kCopy, rows);
  ASSERT_TRUE(copied.ok()) << copied.status();
  EXPECT_EQ(*copied, 1);
  const auto row = db_->Exec("SELECT concat_ws('|', a, b, c, d, e, f, g, h, i, j), k FROM t");
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->Text(0, 0),
            "-7|1073741824|-1152921504606846976|币安|\\x0001ff|t|-0.1|"
            "1969-12-31 23:59:59.999999+00|-12345678901234567890.00001|"
            "85070591730234615865.843651857942052864");
  EXPECT_TRUE(row->IsNull(0, 1));
}

TEST_F(CopyInTest, NumericsEqualTheServersOwn) {
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (n numeric, s text)").ok());
  CopyRows rows(2);
  for (const char* text : {"0", "0.000", "1", "-1", "9999.9999", "10000", "100000000.00000001",
                           "0.00000001", "12.3456789012345678", "5000000000"}) {
    rows.StartRow();
    rows.Numeric(text);
    rows.Text(text);
  }
  ASSERT_TRUE(db_->CopyIn(kCopy, rows).ok());
  const auto wrong = db_->Exec(
      "SELECT s FROM t WHERE n::text <> s OR numeric_send(n) <> numeric_send(s::numeric)");
  ASSERT_TRUE(wrong.ok()) << wrong.status();
  EXPECT_EQ(wrong->rows(), 0);
}

TEST_F(CopyInTest, ManyMegabytesGoThrough) {
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (n int8, b bytea)").ok());
  CopyRows rows(2);
  const std::string payload(1000, 'x');
  for (int64_t n = 0; n < 20'000; ++n) {
    rows.StartRow();
    rows.Int8(n);
    rows.Bytea(payload);
  }
  const auto copied = db_->CopyIn(kCopy, rows);
  ASSERT_TRUE(copied.ok()) << copied.status();
  EXPECT_EQ(*copied, 20'000);
}

TEST_F(CopyInTest, NoRowsIsFine) {
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (n int)").ok());
  EXPECT_EQ(*db_->CopyIn(kCopy, CopyRows(1)), 0);
}

TEST_F(CopyInTest, ADuplicateFailsTheWholeCopyAndKeepsTheConnection) {
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (5)").ok());
  CopyRows rows(1);
  for (int n = 0; n < 10; ++n) {
    rows.StartRow();
    rows.Int4(n);
  }
  EXPECT_TRUE(IsUniqueViolation(db_->CopyIn(kCopy, rows).status()));
  EXPECT_TRUE(db_->open());
  EXPECT_EQ(db_->Exec("SELECT count(*) FROM t")->Int(0, 0), 1);
}

TEST_F(CopyInTest, AnUnknownTableIsAnErrorOfTheStatement) {
  const auto copied = db_->CopyIn("COPY nowhere FROM STDIN (FORMAT binary)", CopyRows(1));
  EXPECT_EQ(SqlState(copied.status()), "42P01");
  EXPECT_TRUE(db_->Exec("SELECT 1").ok());
}

}  // namespace
}  // namespace quantstream::postgres
