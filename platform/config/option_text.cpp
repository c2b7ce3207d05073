// What a person reads about the options: --help and the README's table.
#include <algorithm>

#include "platform/config/option.h"

namespace quantstream::config {
namespace {

std::string Indented(const std::string& text) {
  return "      " + text + "\n";
}

// A cell of a Markdown table: one line, with its bars escaped.
std::string Cell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

}  // namespace

std::string OptionSet::HelpText() const {
  std::string text =
      "Options (a key of the YAML file, or the variable " + Variable("<OPTION>") + "):\n";
  for (const Entry& entry : entries_) {
    text += "  " + entry.name + "\n" + Indented(entry.help);
    text += Indented("default: " + (entry.fallback.empty() ? "(empty)" : entry.fallback));
    text += Indented("range: " + entry.range);
    if (entry.secret) text += Indented("never in YAML; also " + entry.name + "_file");
    if (!entry.section) continue;
    for (const ForbiddenProperty& forbidden : entry.section->forbidden) {
      text += Indented("not " + forbidden.name + ": " + forbidden.why);
    }
  }
  return text;
}

std::string OptionSet::MarkdownTable() const {
  std::string table = "| option | default | range | what it does |\n|---|---|---|---|\n";
  for (const Entry& entry : entries_) {
    const std::string fallback = entry.fallback.empty() ? "" : "`" + entry.fallback + "`";
    table += "| `" + entry.name + "` | " + Cell(fallback) + " | " + Cell(entry.range) + " | " +
             Cell(entry.help) + " |\n";
  }
  return table;
}

}  // namespace quantstream::config
