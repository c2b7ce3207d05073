#include "platform/postgres/value.h"

#include <gtest/gtest.h>

#include <limits>

namespace quantstream::postgres {
namespace {

std::string Hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

std::string Numeric(std::string_view text) {
  std::string out;
  AppendNumeric(&out, text);
  return out;
}

TEST(ValueTest, IntegersAreBigEndian) {
  std::string out;
  AppendInt2(&out, -2);
  AppendInt4(&out, 0x01020304);
  AppendInt8(&out, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Hex(out), "fffe010203048000000000000000");
  EXPECT_EQ(*DecodeInteger(out.substr(0, 2)), -2);
  EXPECT_EQ(*DecodeInteger(out.substr(6)), std::numeric_limits<int64_t>::min());
  EXPECT_FALSE(DecodeInteger("abc").ok());
}

TEST(ValueTest, TimestampsCountFrom2000) {
  std::string out;
  AppendTimestampTz(&out, 946'684'800'000'001);
  EXPECT_EQ(Hex(out), "0000000000000001");
  EXPECT_EQ(*DecodeTimestampTz(out), 946'684'800'000'001);
}

TEST(ValueTest, NumericGroupsStandAroundThePoint) {
  EXPECT_EQ(Hex(Numeric("0")), "0000000000000000");
  EXPECT_EQ(Hex(Numeric("1")), "00010000000000000001");
  EXPECT_EQ(Hex(Numeric("-12345.678")),
            "0003000140000003"
            "000109291a7c");
  EXPECT_EQ(Hex(Numeric("10000")), "00010001000000000001");
  EXPECT_EQ(Hex(Numeric("0.00001")), "0001fffe0000000503e8");
}

TEST(ValueTest, NumericTextComesBackWithAllItsDigits) {
  for (const char* text :
       {"0", "1", "-1", "0.00", "1.50", "9999", "10000", "100000000", "0.0001", "0.00001",
        "-0.000000000000000001", "123456789012345678901234567890.123456789", "99999999.99999999",
        "1000000000000.0000000001", "5000.0005"}) {
    EXPECT_EQ(DecodeNumeric(Numeric(text)).value(), text);
  }
  EXPECT_EQ(DecodeNumeric(Numeric("007.5")).value(), "7.5");
  EXPECT_EQ(DecodeNumeric(Numeric("-0")).value(), "0");
}

TEST(ValueTest, NumericFromMantissaAndScaleEqualsItsText) {
  const auto text_of = [](__int128 mantissa, int scale) {
    std::string out;
    AppendNumeric(&out, mantissa, scale);
    return DecodeNumeric(out).value();
  };
  EXPECT_EQ(text_of(0, 0), "0");
  EXPECT_EQ(text_of(0, 3), "0.000");
  EXPECT_EQ(text_of(-5, 8), "-0.00000005");
  EXPECT_EQ(text_of(123456, 2), "1234.56");
  EXPECT_EQ(text_of(100, 0), "100");
  const __int128 least = static_cast<__int128>(1) << 127;
  EXPECT_EQ(text_of(least, 18), "-170141183460469231731.687303715884105728");
  EXPECT_EQ(text_of(1, 38), "0.00000000000000000000000000000000000001");
}

TEST(ValueTest, WhatIsNoPlainDecimalIsKnown) {
  for (const char* text : {"", "-", ".", ".5", "5.", "1e3", "+1", "1.2.3", " 1", "NaN", "--1"}) {
    EXPECT_FALSE(IsPlainDecimal(text)) << text;
  }
  EXPECT_TRUE(IsPlainDecimal("-0.50"));
}

TEST(ValueTest, BytesThatAreNoNumericAreAnError) {
  EXPECT_FALSE(DecodeNumeric("").ok());
  EXPECT_FALSE(DecodeNumeric(std::string("\0\2\0\0\0\0\0\0\0\1", 10)).ok());
  EXPECT_EQ(DecodeNumeric(std::string("\0\0\0\0\xC0\0\0\0", 8)).value(), "NaN");
}

TEST(ValueTest, ByteaTextIsDecoded) {
  EXPECT_EQ(DecodeByteaText("\\x00ff41").value(), std::string("\0\xff"
                                                              "A",
                                                              3));
  EXPECT_FALSE(DecodeByteaText("00ff").ok());
  EXPECT_FALSE(DecodeByteaText("\\x0g").ok());
  EXPECT_FALSE(DecodeByteaText("\\x0").ok());
}

}  // namespace
}  // namespace quantstream::postgres
