#include "query/service/page_message.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpc/slice.h>
#include <grpcpp/support/slice.h>

#include <cstring>
#include <string_view>

namespace quantstream::query {
namespace {

using google::protobuf::io::CodedOutputStream;

constexpr uint8_t kCandles = 0x0a;        // field 1, length-delimited
constexpr uint8_t kNextPageToken = 0x12;  // field 2, likewise

size_t SizeOf(std::string_view value) {
  return 1 + CodedOutputStream::VarintSize64(value.size()) + value.size();
}

uint8_t* Write(uint8_t tag, std::string_view value, uint8_t* at) {
  *at++ = tag;
  at = CodedOutputStream::WriteVarint64ToArray(value.size(), at);
  std::memcpy(at, value.data(), value.size());
  return at + value.size();
}

}  // namespace

grpc::ByteBuffer PageMessage(const CandlePage& page) {
  size_t size = page.next_page_token.empty() ? 0 : SizeOf(page.next_page_token);
  for (const Update& candle : page.candles) size += SizeOf(candle->message);
  grpc_slice bytes = grpc_slice_malloc(size);
  uint8_t* at = GRPC_SLICE_START_PTR(bytes);
  for (const Update& candle : page.candles) at = Write(kCandles, candle->message, at);
  if (!page.next_page_token.empty()) Write(kNextPageToken, page.next_page_token, at);
  const grpc::Slice slice(bytes, grpc::Slice::STEAL_REF);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace quantstream::query
