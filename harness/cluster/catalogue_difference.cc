#include "harness/cluster/catalogue_difference.h"

#include <map>

#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

template <typename Id, typename Info>
void Compare(const char* kind, const std::map<Id, Info>& memory, const std::map<Id, Info>& store,
             std::vector<std::string>* lines) {
  for (const auto& [id, info] : memory) {
    const auto stored = store.find(id);
    if (stored == store.end()) {
      lines->push_back(absl::StrCat(kind, " ", Hex(id), " is in memory only: ", info.ShortDebugString()));
    } else if (stored->second.SerializeAsString() != info.SerializeAsString()) {
      lines->push_back(absl::StrCat(kind, " ", Hex(id), " is in memory: ", info.ShortDebugString()));
      lines->push_back(absl::StrCat("  and in the store: ", stored->second.ShortDebugString()));
    }
  }
  for (const auto& [id, info] : store) {
    if (memory.contains(id)) continue;
    lines->push_back(absl::StrCat(kind, " ", Hex(id), " is in the store only: ", info.ShortDebugString()));
  }
}

}  // namespace

std::vector<std::string> CatalogueDifference(const sut::CatalogueState& memory, const sut::CatalogueState& store) {
  std::vector<std::string> lines;
  Compare("keyspace", memory.keyspaces, store.keyspaces, &lines);
  Compare("table", memory.tables, store.tables, &lines);
  Compare("snapshot", memory.snapshots, store.snapshots, &lines);
  Compare("restoration", memory.restorations, store.restorations, &lines);
  return lines;
}

}  // namespace holdfast
