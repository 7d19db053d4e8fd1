#include "sut/master/table_rules.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/master/rules.h"

namespace sut::rules {
namespace {

using proto::KeyspaceInfo;
using proto::TableInfo;

const KeyspaceInfo* FindKeyspaceByName(const CatalogueState& state, const std::string& name) {
  for (const auto& [id, keyspace] : state.keyspaces) {
    if (keyspace.name() == name) return &keyspace;
  }
  return nullptr;
}

Transition NoKeyspace(const std::string& name) {
  return Refuse(proto::NOT_FOUND, absl::StrCat("Keyspace '", name, "' does not exist"));
}

// Whether both describe the same table, apart from how far it has got. A keyspace that is named without its id may have
// got any.
bool SameTable(TableInfo known, TableInfo wanted) {
  if (wanted.keyspace_id().empty()) wanted.set_keyspace_id(known.keyspace_id());
  for (TableInfo* table : {&known, &wanted}) {
    table->set_state(TableInfo::CREATING);
    table->set_hosted(false);
    for (auto& tablet : *table->mutable_tablets()) tablet.set_closed(false);
  }
  return known.SerializeAsString() == wanted.SerializeAsString();
}

// Into `transition`, the keyspace of `table`: it is there, or is made with it. False if neither.
bool SettleKeyspace(const CatalogueState& state, const std::string& new_keyspace, TableInfo* table,
                    Transition* transition) {
  if (!table->keyspace_id().empty()) {
    const KeyspaceInfo* named = Find(state.keyspaces, table->keyspace_id());
    return named != nullptr && named->name() == table->keyspace();
  }
  if (const KeyspaceInfo* known = FindKeyspaceByName(state, table->keyspace()); known != nullptr) {
    table->set_keyspace_id(known->id());
    return true;
  }
  if (new_keyspace.empty() || Find(state.keyspaces, new_keyspace) != nullptr) return false;
  table->set_keyspace_id(new_keyspace);
  transition->keyspace.emplace();
  transition->keyspace->set_id(new_keyspace);
  transition->keyspace->set_name(table->keyspace());
  return true;
}

}  // namespace

bool IsDropped(const TableInfo& table) {
  return table.state() == TableInfo::DROPPING || table.state() == TableInfo::HIDDEN;
}

const TableInfo* FindTable(const CatalogueState& state, const std::string& id) {
  const TableInfo* table = Find(state.tables, id);
  return table == nullptr || IsDropped(*table) ? nullptr : table;
}

Transition CreateKeyspace(const CatalogueState& state, const proto::CatalogueCommand::CreateKeyspace& command) {
  const KeyspaceInfo& wanted = command.keyspace();
  if (const KeyspaceInfo* known = Find(state.keyspaces, wanted.id()); known != nullptr) {
    if (known->name() == wanted.name()) return Accept();
    return Refuse(proto::ALREADY_EXISTS, absl::StrCat("Another keyspace has the id ", Shown(wanted.id())));
  }
  if (FindKeyspaceByName(state, wanted.name()) != nullptr) {
    return Refuse(proto::ALREADY_EXISTS, absl::StrCat("Keyspace '", wanted.name(), "' already exists"));
  }
  Transition transition;
  transition.keyspace = wanted;
  return transition;
}

Transition DropKeyspace(const CatalogueState& state, const proto::CatalogueCommand::DropKeyspace& command) {
  const KeyspaceInfo* known = Find(state.keyspaces, command.id());
  if (known == nullptr) {
    return Refuse(proto::NOT_FOUND, absl::StrCat("Keyspace with id '", Shown(command.id()), "' does not exist"));
  }
  for (const auto& [id, table] : state.tables) {
    if (table.keyspace_id() != command.id() || IsDropped(table)) continue;
    return Refuse(proto::NOT_EMPTY,
                  absl::StrCat("Cannot drop keyspace '", known->name(), "', it has table '", table.name(), "'"));
  }
  Transition transition;
  transition.keyspace_gone = IdFromBytes<KeyspaceId>(command.id()).value();
  return transition;
}

Transition CreateTable(const CatalogueState& state, const proto::CatalogueCommand::CreateTable& command) {
  const TableInfo& wanted = command.table();
  if (const TableInfo* known = Find(state.tables, wanted.id()); known != nullptr) {
    if (SameTable(*known, wanted)) return Accept();
    return Refuse(proto::ALREADY_EXISTS, absl::StrCat("Another table has the id ", Shown(wanted.id())));
  }
  for (const auto& [id, table] : state.tables) {
    if (!IsDropped(table) && table.keyspace() == wanted.keyspace() && table.name() == wanted.name()) {
      return Refuse(proto::ALREADY_EXISTS,
                    absl::StrCat("Table '", wanted.name(), "' already exists in namespace '", wanted.keyspace(), "'"));
    }
  }
  for (const auto& tablet : wanted.tablets()) {
    const auto id = IdFromBytes<TabletId>(tablet.id());
    if (!id.ok()) return Refuse(proto::BAD_REQUEST, "Malformed tablet id");
    if (FindTablet(state, *id) != nullptr) {
      return Refuse(proto::ALREADY_EXISTS, absl::StrCat("Another tablet has the id ", Hex(*id)));
    }
  }
  Transition transition;
  TableInfo table = wanted;
  if (!SettleKeyspace(state, command.new_keyspace(), &table, &transition)) return NoKeyspace(wanted.keyspace());
  table.set_state(TableInfo::CREATING);
  table.set_hosted(false);
  transition.table = std::move(table);
  return transition;
}

Transition SetTableRunning(const CatalogueState& state, const proto::CatalogueCommand::TableRunning& command) {
  const TableInfo* known = Find(state.tables, command.table());
  if (known == nullptr || known->hosted()) return Accept();
  TableInfo table = *known;
  table.set_hosted(true);
  if (table.state() == TableInfo::CREATING) table.set_state(TableInfo::RUNNING);
  return Change(std::move(table));
}

Transition DropTable(const CatalogueState& state, const proto::CatalogueCommand::DropTable& command) {
  const TableInfo* known = FindTable(state, command.table());
  if (known == nullptr) {
    return Refuse(proto::NOT_FOUND, absl::StrCat("Table with id '", Shown(command.table()), "' not found"));
  }
  TableInfo table = *known;
  table.set_state(TableInfo::DROPPING);
  return Change(std::move(table));
}

Transition SetTabletClosed(const CatalogueState& state, const proto::CatalogueCommand::TabletClosed& command) {
  const TableInfo* known = Find(state.tables, command.table());
  if (known == nullptr || known->state() != TableInfo::DROPPING) return Accept();
  TableInfo table = *known;
  bool changed = false;
  for (auto& tablet : *table.mutable_tablets()) {
    if (tablet.id() != command.tablet() || tablet.closed()) continue;
    tablet.set_closed(true);
    changed = true;
  }
  if (!changed) return Accept();
  const bool all_closed = std::all_of(table.tablets().begin(), table.tablets().end(),
                                      [](const proto::TabletInfo& tablet) { return tablet.closed(); });
  if (all_closed) table.set_state(TableInfo::HIDDEN);
  return Change(std::move(table));
}

Transition SetTableGone(const CatalogueState& state, const proto::CatalogueCommand::TableGone& command) {
  const TableInfo* known = Find(state.tables, command.table());
  if (known == nullptr || !IsRemovable(state, *known)) return Accept();
  Transition transition;
  transition.table_gone = IdFromBytes<TableId>(command.table()).value();
  return transition;
}

}  // namespace sut::rules
