// How values from the YAML file and from the environment find their way into the options' fields.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "platform/config/option.h"

namespace quantstream::config {
namespace {

constexpr std::string_view kFileSuffix = "_file";

std::string At(const std::string& path, int line) {
  return path + ":" + std::to_string(line);
}

std::string Upper(std::string text) {
  for (char& c : text) {
    c = static_cast<char>(c == '-' ? '_' : std::toupper(static_cast<unsigned char>(c)));
  }
  return text;
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string UnknownName(const std::string& what, const std::string& name,
                        const std::vector<std::string>& known) {
  const std::string nearest = NearestName(name, known);
  return "unknown " + what + " '" + name + "'" +
         (nearest.empty() ? "" : "; did you mean '" + nearest + "'?");
}

std::string Named(const std::string& name, const std::string& problem) {
  return name + ": " + problem;
}

// The name before `_file`, empty when it does not end so.
std::string WithoutFileSuffix(const std::string& name) {
  if (name.size() <= kFileSuffix.size() || !name.ends_with(kFileSuffix)) return "";
  return name.substr(0, name.size() - kFileSuffix.size());
}

// The text of a secret's file without the line end behind it.
std::optional<std::string> ReadSecret(const std::string& path) {
  if (std::filesystem::is_directory(path)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(std::istreambuf_iterator<char>(in), {});
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

std::string Trim(std::string text) {
  const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), blank));
  text.erase(std::find_if_not(text.rbegin(), text.rend(), blank).base(), text.end());
  return text;
}

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> items;
  size_t from = 0;
  while (from <= text.size() && !text.empty()) {
    const size_t comma = std::min(text.find(',', from), text.size());
    items.push_back(Trim(text.substr(from, comma - from)));
    from = comma + 1;
  }
  return items;
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Kubernetes puts QUANTSTREAM_QUERY_PORT_50051_TCP and its like into every container beside a
// service of that name.
bool IsServiceLink(const std::string& rest) {
  return rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_HOST") ||
         rest.starts_with("SERVICE_PORT");
}

}  // namespace

Problems OptionSet::Apply(const YamlFile* file,
                          const std::vector<std::pair<std::string, std::string>>& environment,
                          Rules rules) {
  Problems problems;
  for (Entry& entry : entries_) entry.given_at.clear();
  if (file != nullptr) ApplyYaml(*file, &problems);
  const std::string prefix = "QUANTSTREAM_" + Upper(service_) + "_";
  for (const auto& [variable, value] : environment) {
    if (variable.starts_with(prefix)) ApplyVariable(variable, value, &problems);
  }
  if (rules == Rules::kCheck) CheckRules(&problems);
  return problems;
}

void OptionSet::CheckRules(Problems* problems) {
  Problems found;
  for (const auto& check : checks_) check(&found);
  for (Problem& problem : found) {
    const Entry* const entry = Find(problem.where);
    if (entry != nullptr && !entry->given_at.empty()) {
      problem = {entry->given_at, Named(entry->name, problem.what)};
    }
    problems->push_back(std::move(problem));
  }
}

void OptionSet::ApplyYaml(const YamlFile& file, Problems* problems) {
  for (const YamlEntry& value : file.entries) {
    const std::string where = At(file.path, value.line);
    Entry* entry = Find(value.key);
    Entry* secret = entry != nullptr ? nullptr : Find(WithoutFileSuffix(value.key));
    if (entry != nullptr) entry->given_at = where;
    if (secret != nullptr && secret->secret) {
      ApplySecretFile(value, *secret, where, problems);
    } else if (entry == nullptr) {
      problems->push_back({where, UnknownName("key", value.key, Names())});
    } else if (value.is_null) {
      problems->push_back(
          {where, Named(value.key, "has no value; leave the key out for the default")});
    } else if (entry->secret) {
      problems->push_back(
          {where, Named(value.key, "a secret never stands in YAML; set " + Variable(value.key) +
                                       " or " + value.key + "_file")});
    } else if (entry->section) {
      ApplyYamlSection(*entry, value, file.path, problems);
    } else {
      ApplyYamlEntry(*entry, value, where, problems);
    }
  }
}

void OptionSet::ApplyYamlEntry(Entry& entry, const YamlEntry& value, const std::string& where,
                               Problems* problems) {
  static constexpr std::string_view kKinds[] = {"one value", "a list", "a map"};
  if (entry.kind != value.kind) {
    const auto name = [](YamlKind kind) { return std::string(kKinds[static_cast<int>(kind)]); };
    problems->push_back(
        {where, Named(entry.name, "expected " + name(entry.kind) + ", got " + name(value.kind))});
    return;
  }
  std::optional<std::string> problem;
  if (value.kind == YamlKind::kScalar) {
    problem = entry.set_scalar(value.scalar);
  } else if (value.kind == YamlKind::kList) {
    std::vector<std::string> items;
    for (const auto& [line, item] : value.list) items.push_back(item);
    problem = entry.set_list(items);
  } else {
    Properties pairs;
    for (const YamlEntry::Pair& pair : value.map) pairs[pair.key] = pair.value;
    problem = entry.set_map(pairs);
  }
  if (problem) problems->push_back({where, Named(entry.name, *problem)});
}

void OptionSet::ApplySecretFile(const YamlEntry& value, Entry& entry, const std::string& where,
                                Problems* problems) {
  const std::optional<std::string> secret = ReadSecret(value.scalar);
  if (!secret) {
    problems->push_back({where, Named(value.key, "cannot read '" + value.scalar + "'")});
  } else if (const auto problem = entry.set_scalar(*secret)) {
    problems->push_back({where, Named(value.key, "the file's text is not valid")});
  }
}

void OptionSet::ApplyYamlSection(Entry& entry, const YamlEntry& value, const std::string& path,
                                 Problems* problems) {
  if (value.kind != YamlKind::kMap) {
    problems->push_back(
        {At(path, value.line), Named(entry.name, "expected a map of client properties")});
    return;
  }
  for (const YamlEntry::Pair& pair : value.map) {
    const std::string where = At(path, pair.line);
    const std::string name = entry.name + "." + pair.key;
    const std::string secret = WithoutFileSuffix(pair.key);
    if (Contains(entry.section->secrets, secret)) {
      const std::optional<std::string> text = ReadSecret(pair.value);
      if (!text) problems->push_back({where, Named(name, "cannot read '" + pair.value + "'")});
      if (text) SetProperty(entry, secret, *text, where, problems);
    } else if (Contains(entry.section->secrets, pair.key)) {
      problems->push_back({where, Named(name, "a secret never stands in YAML; set " +
                                                  Variable(entry.name + "_" + pair.key) + " or " +
                                                  pair.key + "_file")});
    } else {
      SetProperty(entry, pair.key, pair.value, where, problems);
    }
  }
}

void OptionSet::SetProperty(Entry& entry, const std::string& property, const std::string& value,
                            const std::string& where, Problems* problems) {
  const SectionOption& section = *entry.section;
  const std::string name = entry.name + "." + property;
  for (const ForbiddenProperty& forbidden : section.forbidden) {
    if (forbidden.name == property) {
      problems->push_back({where, Named(name, "may not be set: " + forbidden.why)});
      return;
    }
  }
  std::optional<std::string> problem;
  if (section.check) problem = section.check(property, value);
  if (problem && Contains(section.secrets, property)) {
    problems->push_back({where, Named(name, "the secret's text is not valid")});
  } else if (problem) {
    problems->push_back({where, Named(name, *problem)});
  } else {
    (*entry.section_field)[property] = value;
  }
}

std::string OptionSet::Variable(const std::string& name) const {
  std::string variable = "QUANTSTREAM_" + Upper(service_) + "_" + Upper(name);
  std::replace(variable.begin(), variable.end(), '.', '_');
  return variable;
}

void OptionSet::ApplyVariable(const std::string& variable, const std::string& value,
                              Problems* problems) {
  const std::string rest = variable.substr(Variable("").size());
  const std::string name = Lower(rest);
  Entry* entry = Find(name);
  Entry* secret = Find(WithoutFileSuffix(name));
  if (entry != nullptr && entry->section) {
    problems->push_back({variable, "is a section; set " + variable + "_<PROPERTY>"});
  } else if (entry != nullptr) {
    entry->given_at = variable;
    if (const auto problem = SetFromText(*entry, value)) {
      problems->push_back({variable, entry->secret ? "the secret's text is not valid" : *problem});
    }
  } else if (secret != nullptr && secret->secret) {
    ApplySecretFile({.key = name, .scalar = value}, *secret, variable, problems);
  } else if (!ApplySectionVariable(name, variable, value, problems) && !IsServiceLink(rest)) {
    problems->push_back({variable, UnknownName("option", name, Names())});
  }
}

std::optional<std::string> OptionSet::SetFromText(Entry& entry, const std::string& text) {
  if (entry.kind == YamlKind::kScalar) return entry.set_scalar(text);
  const std::vector<std::string> items = SplitList(text);
  if (entry.kind == YamlKind::kList) return entry.set_list(items);
  Properties pairs;
  for (const std::string& item : items) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos) return "expected key=value, got '" + item + "'";
    pairs[Trim(item.substr(0, equals))] = Trim(item.substr(equals + 1));
  }
  return entry.set_map(pairs);
}

// KAFKA_SASL_PASSWORD, KAFKA_SASL_PASSWORD_FILE: a property of a section. False when it is of none.
bool OptionSet::ApplySectionVariable(const std::string& name, const std::string& variable,
                                     const std::string& value, Problems* problems) {
  for (Entry& entry : entries_) {
    if (!entry.section || !name.starts_with(entry.name + "_")) continue;
    const auto property_of = [&](std::string text) {
      std::replace(text.begin(), text.end(), '_', entry.section->separator);
      return text;
    };
    const std::string words = name.substr(entry.name.size() + 1);
    const std::string secret = property_of(WithoutFileSuffix(words));
    if (!Contains(entry.section->secrets, secret)) {
      SetProperty(entry, property_of(words), value, variable, problems);
    } else if (const std::optional<std::string> text = ReadSecret(value)) {
      SetProperty(entry, secret, *text, variable, problems);
    } else {
      problems->push_back({variable, "cannot read '" + value + "'"});
    }
    return true;
  }
  return false;
}

}  // namespace quantstream::config
