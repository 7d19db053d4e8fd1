#include "harness/check/scan_shape.h"

#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace holdfast::check {
namespace {

std::string Quoted(const std::string& key) { return absl::StrCat("\"", absl::CHexEscape(key), "\""); }

}  // namespace

std::optional<Violation> CheckScanShape(const std::string& what,
                                        const std::vector<std::pair<std::string, std::string>>& rows,
                                        const ScanOrder& order) {
  const auto violation = [&](const std::string& fault, std::vector<std::string> evidence) {
    return Violation{"scan", "", absl::StrCat(what, " ", fault), std::move(evidence)};
  };
  std::set<std::string> seen;
  const std::string* last = nullptr;
  for (const auto& [key, value] : rows) {
    if (!seen.insert(key).second) {
      return violation("shows a key twice", {absl::StrCat("key ", Quoted(key), ", of ", rows.size(), " rows")});
    }
    if (order.owns && !order.owns(key)) {
      return violation("shows a key of another tablet", {absl::StrCat("key ", Quoted(key))});
    }
    if (order.before && last != nullptr && !order.before(*last, key)) {
      return violation("is out of order", {absl::StrCat("key ", Quoted(key), " comes after ", Quoted(*last))});
    }
    last = &key;
  }
  return std::nullopt;
}

}  // namespace holdfast::check
