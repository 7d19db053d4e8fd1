#include "sut/cql/table_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "sut/cql/utf8.h"

namespace sut::cql {
namespace {

constexpr size_t kScreenWidth = 80;
constexpr std::string_view kGap = "  ";

struct WidthRange {
  char32_t first;
  char32_t last;
  size_t width;
};
// The blocks that Unicode's East Asian Width and its combining marks make matter in practice.
constexpr WidthRange kWidths[] = {
    {0x300, 0x36f, 0},   {0x1100, 0x115f, 2},   {0x200b, 0x200f, 0},   {0x2e80, 0x303e, 2},  {0x3041, 0xa4cf, 2},
    {0xac00, 0xd7a3, 2}, {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},  {0xff00, 0xff60, 2},
    {0xffe0, 0xffe6, 2}, {0x1f300, 0x1f64f, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}};

size_t WidthOf(char32_t code_point) {
  for (const WidthRange& range : kWidths) {
    if (range.first <= code_point && code_point <= range.last) return range.width;
  }
  return 1;
}

std::string Pad(const std::string& text, size_t width) {
  const size_t shown = DisplayWidth(text);
  return std::string(width > shown ? width - shown : 0, ' ');
}

using Lines = std::vector<std::vector<std::string>>;

std::string JoinedLine(const std::vector<std::string>& cells, const std::vector<size_t>& widths, bool to_the_right) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string pad = Pad(cells[i], widths[i]);
    absl::StrAppend(&line, i == 0 ? " " : " | ", to_the_right ? pad : "", cells[i], to_the_right ? "" : pad);
  }
  return line;
}

std::string Rule(const std::vector<size_t>& widths) {
  std::string rule;
  for (const size_t width : widths) absl::StrAppend(&rule, rule.empty() ? "-" : "-+-", std::string(width, '-'));
  return rule + "-";
}

// Widths of the columns when the names are put into so many rows; empty if that is wider than the screen.
std::vector<size_t> WidthsWithRows(const std::vector<std::string>& names, size_t rows) {
  std::vector<size_t> widths;
  size_t total = 0;
  for (size_t begin = 0; begin < names.size(); begin += rows) {
    size_t width = 0;
    for (size_t i = begin; i < std::min(begin + rows, names.size()); ++i) width = std::max(width, names[i].size());
    total += width + (begin == 0 ? 0 : kGap.size());
    widths.push_back(width);
  }
  return total <= kScreenWidth || rows >= names.size() ? widths : std::vector<size_t>();
}

}  // namespace

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const auto next = FirstCodePoint(text);
    width += next ? WidthOf(next->value) : 1;
    text.remove_prefix(next ? next->bytes : 1);
  }
  return width;
}

std::string TableText(const ResultSet& result) {
  std::vector<std::string> header;
  for (const std::string& name : result.names) header.push_back(ValueText(Value(name)));
  Lines lines;
  for (const Row& row : result.rows) {
    auto& line = lines.emplace_back();
    for (const auto& value : row) line.push_back(value ? ValueText(*value) : "null");
  }
  std::vector<size_t> widths;
  for (size_t i = 0; i < header.size(); ++i) {
    widths.push_back(DisplayWidth(header[i]));
    for (const auto& line : lines) widths[i] = std::max(widths[i], DisplayWidth(line[i]));
  }
  std::string head = JoinedLine(header, widths, false);
  absl::StripTrailingAsciiWhitespace(&head);
  std::string out = absl::StrCat("\n", head, "\n", Rule(widths), "\n");
  for (const auto& line : lines) absl::StrAppend(&out, JoinedLine(line, widths, true), "\n");
  absl::StrAppend(&out, "\n(", lines.size(), " rows)\n");
  return out;
}

std::string ColumnsText(const std::vector<std::string>& names) {
  if (names.empty()) return "<empty>\n";
  size_t rows = 1;
  std::vector<size_t> widths = WidthsWithRows(names, rows);
  while (widths.empty()) widths = WidthsWithRows(names, ++rows);
  std::string out;
  for (size_t row = 0; row < std::min(rows, names.size()); ++row) {
    std::string line;
    for (size_t column = 0; column * rows + row < names.size(); ++column) {
      const std::string& name = names[column * rows + row];
      absl::StrAppend(&line, column == 0 ? "" : std::string(kGap), name, Pad(name, widths[column]));
    }
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

}  // namespace sut::cql
