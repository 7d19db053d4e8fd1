// The rules for keyspaces and tables.
//
//   CREATING -> RUNNING;  CREATING | RUNNING -> DROPPING -> HIDDEN -> gone
//
// A dropped table's name is free at once. In DROPPING its tablets are closed one by one, by an entry of their own logs,
// and until then may still answer. From HIDDEN on no row of it is served. It stays HIDDEN for as long as a snapshot of
// it is neither DELETED nor FAILED or a restoration runs, since creates, restores and deletes that are under way need
// its tablets to come to their end, and the directories of its snapshots may still be exported and copied. Then every
// node is asked to remove its replica, until all have; the last answer makes it gone. No rule leads back, so what is
// not in use when the asking begins never will be; the delete of a FAILED snapshot asks nothing of it from then on.

#ifndef SUT_MASTER_TABLE_RULES_H_
#define SUT_MASTER_TABLE_RULES_H_

#include <string>

#include "sut/master/catalogue_state.h"

namespace sut::rules {

Transition CreateKeyspace(const CatalogueState& state, const proto::CatalogueCommand::CreateKeyspace& command);
Transition DropKeyspace(const CatalogueState& state, const proto::CatalogueCommand::DropKeyspace& command);
Transition CreateTable(const CatalogueState& state, const proto::CatalogueCommand::CreateTable& command);
Transition SetTableRunning(const CatalogueState& state, const proto::CatalogueCommand::TableRunning& command);
Transition DropTable(const CatalogueState& state, const proto::CatalogueCommand::DropTable& command);
Transition SetTabletClosed(const CatalogueState& state, const proto::CatalogueCommand::TabletClosed& command);
Transition SetTableGone(const CatalogueState& state, const proto::CatalogueCommand::TableGone& command);

// A table of that id that was not dropped; null if there is none.
const proto::TableInfo* FindTable(const CatalogueState& state, const std::string& id);
bool IsDropped(const proto::TableInfo& table);

}  // namespace sut::rules

#endif  // SUT_MASTER_TABLE_RULES_H_
