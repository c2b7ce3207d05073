#include "platform/config/option.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <sstream>

#include "platform/require.h"

namespace quantstream::config {
namespace {

std::string Join(const std::vector<std::string>& parts, std::string_view between) {
  std::string joined;
  for (const std::string& part : parts) {
    if (!joined.empty()) joined += between;
    joined += part;
  }
  return joined;
}

std::string Join(const Properties& pairs) {
  std::string joined;
  for (const auto& [key, value] : pairs) {
    if (!joined.empty()) joined += ", ";
    joined += key + "=" + value;
  }
  return joined;
}

std::string Range(const std::string& low, const std::string& high, const std::string& unit) {
  return low + " .. " + high + (unit.empty() ? "" : " " + unit);
}

std::string RealText(double number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

std::optional<bool> ParseBool(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"false", "no", "off", "0"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

std::optional<std::string> CheckChoice(const std::string& text,
                                       const std::vector<std::string>& choices) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end()) {
    return std::nullopt;
  }
  return "'" + text + "' is not one of " + Join(choices, ", ");
}

std::optional<std::string> CheckCount(size_t count, int64_t items_min, int64_t items_max) {
  const auto items = static_cast<int64_t>(count);
  if (items >= items_min && items <= items_max) return std::nullopt;
  return std::to_string(items) + " items is out of range " +
         Range(std::to_string(items_min), std::to_string(items_max), "items");
}

}  // namespace

OptionSet::OptionSet(std::string service) : service_(std::move(service)) {}

void OptionSet::Insert(Entry entry) {
  Require(!entry.name.empty() && Find(entry.name) == nullptr, "an option has a name of its own");
  entries_.push_back(std::move(entry));
}

OptionSet::Entry* OptionSet::Find(std::string_view name) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

void OptionSet::Add(int64_t* field, IntegerOption option) {
  *field = option.fallback;
  Entry entry{
      .name = option.name, .fallback = std::to_string(option.fallback), .help = option.help};
  entry.range = Range(std::to_string(option.minimum), std::to_string(option.maximum), option.unit);
  entry.set_scalar = [field, option,
                      range = entry.range](const std::string& text) -> std::optional<std::string> {
    const std::optional<int64_t> number = ParseNumber<int64_t>(text);
    if (!number) return "expected a whole number (" + range + "), got '" + text + "'";
    if (*number < option.minimum || *number > option.maximum) {
      return text + " is out of range " + range;
    }
    *field = *number;
    return std::nullopt;
  };
  Insert(std::move(entry));
}

void OptionSet::Add(int* field, IntegerOption option) {
  option.maximum = std::min<int64_t>(option.maximum, std::numeric_limits<int>::max());
  option.minimum = std::max<int64_t>(option.minimum, std::numeric_limits<int>::min());
  auto wide = std::make_shared<int64_t>();
  Add(wide.get(), option);
  *field = static_cast<int>(option.fallback);
  Entry& entry = entries_.back();
  entry.set_scalar = [field, wide, set = entry.set_scalar](const std::string& text) {
    std::optional<std::string> problem = set(text);
    if (!problem) *field = static_cast<int>(*wide);
    return problem;
  };
}

void OptionSet::Add(double* field, RealOption option) {
  *field = option.fallback;
  Entry entry{.name = option.name, .fallback = RealText(option.fallback), .help = option.help};
  entry.range = Range(RealText(option.minimum), RealText(option.maximum), option.unit);
  entry.set_scalar = [field, option,
                      range = entry.range](const std::string& text) -> std::optional<std::string> {
    const std::optional<double> number = ParseNumber<double>(text);
    if (!number || !std::isfinite(*number)) {
      return "expected a number (" + range + "), got '" + text + "'";
    }
    if (*number < option.minimum || *number > option.maximum) {
      return text + " is out of range " + range;
    }
    *field = *number;
    return std::nullopt;
  };
  Insert(std::move(entry));
}

void OptionSet::Add(bool* field, BoolOption option) {
  *field = option.fallback;
  Entry entry{.name = option.name,
              .fallback = option.fallback ? "true" : "false",
              .range = "true or false",
              .help = option.help};
  entry.set_scalar = [field](const std::string& text) -> std::optional<std::string> {
    const std::optional<bool> flag = ParseBool(text);
    if (!flag) return "expected true or false, got '" + text + "'";
    *field = *flag;
    return std::nullopt;
  };
  Insert(std::move(entry));
}

void OptionSet::Add(std::string* field, TextOption option) {
  *field = option.fallback;
  Entry entry{.name = option.name, .fallback = option.fallback, .help = option.help};
  entry.secret = option.secret;
  entry.range = option.choices.empty() ? (option.secret ? "secret text" : "text")
                                       : "one of " + Join(option.choices, ", ");
  entry.set_scalar = [field, option](const std::string& text) {
    std::optional<std::string> problem = CheckChoice(text, option.choices);
    if (!problem) *field = text;
    return problem;
  };
  if (option.required) {
    AddCheck([field, name = option.name](Problems* problems) {
      if (field->empty()) problems->push_back({name, "must be given"});
    });
  }
  Insert(std::move(entry));
}

void OptionSet::Add(std::vector<std::string>* field, ListOption option) {
  *field = option.fallback;
  Entry entry{.name = option.name,
              .fallback = Join(option.fallback, ", "),
              .help = option.help,
              .kind = YamlKind::kList};
  entry.range = (option.choices.empty() ? "list of texts" : "of " + Join(option.choices, ", ")) +
                ", " +
                Range(std::to_string(option.items_min), std::to_string(option.items_max), "items");
  entry.set_list = [field, option](const std::vector<std::string>& items) {
    std::optional<std::string> problem =
        CheckCount(items.size(), option.items_min, option.items_max);
    for (const std::string& item : items) {
      if (!problem) problem = CheckChoice(item, option.choices);
    }
    if (!problem) *field = items;
    return problem;
  };
  if (option.items_min > 0) {
    AddCheck([field, name = option.name](Problems* problems) {
      if (field->empty()) problems->push_back({name, "must have at least one item"});
    });
  }
  Insert(std::move(entry));
}

void OptionSet::Add(Properties* field, MapOption option) {
  *field = option.fallback;
  Entry entry{.name = option.name,
              .fallback = Join(option.fallback),
              .help = option.help,
              .kind = YamlKind::kMap};
  entry.range = "map of texts, " + Range("0", std::to_string(option.items_max), "items");
  entry.set_map = [field, option](const Properties& pairs) {
    std::optional<std::string> problem = CheckCount(pairs.size(), 0, option.items_max);
    if (!problem) *field = pairs;
    return problem;
  };
  Insert(std::move(entry));
}

void OptionSet::AddSection(Properties* field, SectionOption option) {
  *field = option.fallback;
  Entry entry{.name = option.name,
              .fallback = Join(option.fallback),
              .range = "section of client properties",
              .help = option.help,
              .kind = YamlKind::kMap};
  entry.section = std::make_shared<SectionOption>(std::move(option));
  entry.section_field = field;
  Insert(std::move(entry));
}

void OptionSet::AddCheck(std::function<void(Problems*)> check) {
  checks_.push_back(std::move(check));
}

std::vector<std::string> OptionSet::Names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.push_back(entry.name);
  return names;
}

}  // namespace quantstream::config
