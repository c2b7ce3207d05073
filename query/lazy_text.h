// Text that is made when it is first asked for, once for all who ask: of the open candles of an
// instrument most are asked for by nobody. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace quantstream::query {

class LazyText {
 public:
  using Make = std::string (*)(const void* of);

  LazyText() : LazyText(std::string()) {}
  LazyText(std::string made)  // NOLINT: it stands for the text
      : bytes_(static_cast<int64_t>(made.size())), made_(new std::string(std::move(made))) {}
  // make(of) is called at most once by each of those who are first. REQUIRES: `of` lives as long,
  // and what is made of it never changes. `bytes`: about how much it will be.
  LazyText(Make make, const void* of, int64_t bytes) : make_(make), of_(of), bytes_(bytes) {}
  LazyText(const LazyText& other) : LazyText(other.get()) {}
  LazyText& operator=(LazyText other) {
    std::swap(make_, other.make_);
    std::swap(of_, other.of_);
    std::swap(bytes_, other.bytes_);
    other.made_ = made_.exchange(other.made_.load());
    return *this;
  }
  ~LazyText() { delete made_.load(); }

  const std::string& get() const {
    const std::string* made = made_.load(std::memory_order_acquire);
    return made != nullptr ? *made : MakeNow();
  }
  operator const std::string&() const { return get(); }  // NOLINT
  operator std::string_view() const { return get(); }    // NOLINT
  size_t size() const { return get().size(); }
  // For bounds: never changes, whether the text is made or not.
  int64_t bytes() const { return bytes_; }
  bool is_made() const { return made_.load() != nullptr; }

 private:
  const std::string& MakeNow() const {
    auto text = std::make_unique<const std::string>(make_(of_));
    const std::string* first = nullptr;
    if (made_.compare_exchange_strong(first, text.get(), std::memory_order_acq_rel)) {
      return *text.release();
    }
    return *first;
  }

  Make make_ = nullptr;
  const void* of_ = nullptr;
  int64_t bytes_ = 0;
  mutable std::atomic<const std::string*> made_ = nullptr;
};

}  // namespace quantstream::query
