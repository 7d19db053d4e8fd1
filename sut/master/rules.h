// What the rules of the catalogue are written in: finding objects, refusing, and changing one.
//
// Everything here is pure; the rules themselves stand in catalogue_state.cc (snapshots, restorations) and
// table_rules.cc (keyspaces, tables).

#ifndef SUT_MASTER_RULES_H_
#define SUT_MASTER_RULES_H_

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "sut/master/catalogue_state.h"

namespace sut::rules {

// The object of that id, or null; also for what is no id, which no object has.
template <typename Id, typename Info>
const Info* Find(const std::map<Id, Info>& objects, const std::string& id) {
  const auto parsed = IdFromBytes<Id>(id);
  if (!parsed.ok()) return nullptr;
  const auto it = objects.find(*parsed);
  return it == objects.end() ? nullptr : &it->second;
}

// An id as people see it; ids in stored objects are valid.
inline std::string Shown(const std::string& id) {
  const auto parsed = ParseUuidBytes(id);
  return parsed.ok() ? UuidHex(parsed->first, parsed->second) : "(malformed)";
}

inline Transition Accept() { return {}; }
inline Transition Refuse(proto::Code code, std::string message) {
  Transition transition;
  transition.reply = RefusedReply(code, std::move(message));
  return transition;
}
inline Transition Change(proto::SnapshotInfo snapshot) {
  Transition transition;
  transition.snapshot = std::move(snapshot);
  return transition;
}
inline Transition Change(proto::RestorationInfo restoration) {
  Transition transition;
  transition.restoration = std::move(restoration);
  return transition;
}
inline Transition Change(proto::TableInfo table) {
  Transition transition;
  transition.table = std::move(table);
  return transition;
}

template <typename Info>
bool AllDone(const Info& info) {
  return std::all_of(info.tablets().begin(), info.tablets().end(), [](const auto& tablet) { return tablet.done(); });
}

}  // namespace sut::rules

#endif  // SUT_MASTER_RULES_H_
