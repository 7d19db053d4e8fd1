// Catalogue commands and ids in short, for tests.

#ifndef SUT_MASTER_CATALOGUE_COMMANDS_H_
#define SUT_MASTER_CATALOGUE_COMMANDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sut/base/ids.h"
#include "sut/proto/catalogue.pb.h"
#include "sut/tablet/partition.h"

namespace sut::commands {

inline KeyspaceId Keyspace(uint64_t n) { return {0x6b, n}; }
inline TableId Table(uint64_t n) { return {0x7ab1e, n}; }
// The n-th tablet of a table.
inline TabletId Tablet(uint64_t table, uint64_t n) { return {0x7ab1e7, table * 100 + n}; }
inline SnapshotId Snapshot(uint64_t n) { return {0x5, n}; }
inline RestorationId Restoration(uint64_t n) { return {0xe, n}; }

// Table n of keyspace "k", which is made with the first one, with the given number of tablets, each with replicas on nodes 1 to 3.
inline proto::CatalogueCommand CreateTable(uint64_t n, uint32_t tablets) {
  proto::CatalogueCommand command;
  command.mutable_create_table()->set_new_keyspace(Bytes(Keyspace(n)));
  proto::TableInfo* table = command.mutable_create_table()->mutable_table();
  table->set_id(Bytes(Table(n)));
  table->set_keyspace("k");
  table->set_name("t" + std::to_string(n));
  for (uint32_t i = 0; i < tablets; ++i) {
    proto::TabletInfo* tablet = table->add_tablets();
    tablet->set_id(Bytes(Tablet(n, i)));
    tablet->set_hash_begin(TabletRange(i, tablets).begin);
    tablet->set_hash_end(TabletRange(i, tablets).end);
    for (uint32_t node = 1; node <= 3; ++node) {
      proto::ReplicaInfo* replica = tablet->add_replicas();
      replica->set_replica(node);
      replica->set_node(node);
    }
  }
  return command;
}

inline proto::CatalogueCommand TableRunning(uint64_t n) {
  proto::CatalogueCommand command;
  command.mutable_table_running()->set_table(Bytes(Table(n)));
  return command;
}

inline proto::CatalogueCommand CreateKeyspace(uint64_t n, const std::string& name) {
  proto::CatalogueCommand command;
  command.mutable_create_keyspace()->mutable_keyspace()->set_id(Bytes(Keyspace(n)));
  command.mutable_create_keyspace()->mutable_keyspace()->set_name(name);
  return command;
}

inline proto::CatalogueCommand DropKeyspace(uint64_t n) {
  proto::CatalogueCommand command;
  command.mutable_drop_keyspace()->set_id(Bytes(Keyspace(n)));
  return command;
}

inline proto::CatalogueCommand DropTable(uint64_t n) {
  proto::CatalogueCommand command;
  command.mutable_drop_table()->set_table(Bytes(Table(n)));
  return command;
}

inline proto::CatalogueCommand TabletClosed(uint64_t table, uint64_t tablet) {
  proto::CatalogueCommand command;
  command.mutable_tablet_closed()->set_table(Bytes(Table(table)));
  command.mutable_tablet_closed()->set_tablet(Bytes(Tablet(table, tablet)));
  return command;
}

inline proto::CatalogueCommand TableGone(uint64_t n) {
  proto::CatalogueCommand command;
  command.mutable_table_gone()->set_table(Bytes(Table(n)));
  return command;
}

inline proto::CatalogueCommand CreateSnapshot(uint64_t n, const std::vector<uint64_t>& tables) {
  proto::CatalogueCommand command;
  command.mutable_create_snapshot()->set_id(Bytes(Snapshot(n)));
  for (const uint64_t table : tables) command.mutable_create_snapshot()->add_tables(Bytes(Table(table)));
  return command;
}

inline proto::CatalogueCommand DeleteSnapshot(uint64_t n) {
  proto::CatalogueCommand command;
  command.mutable_delete_snapshot()->set_id(Bytes(Snapshot(n)));
  return command;
}

inline proto::CatalogueCommand FailSnapshot(uint64_t n) {
  proto::CatalogueCommand command;
  command.mutable_fail_snapshot()->set_id(Bytes(Snapshot(n)));
  return command;
}

inline proto::CatalogueCommand Restore(uint64_t restoration, uint64_t snapshot) {
  proto::CatalogueCommand command;
  command.mutable_restore_snapshot()->set_restoration(Bytes(Restoration(restoration)));
  command.mutable_restore_snapshot()->set_snapshot(Bytes(Snapshot(snapshot)));
  return command;
}

// The op that TabletDone reports is at index `op_index`.
inline proto::CatalogueCommand SnapshotDone(uint64_t n, TabletId tablet, proto::SnapshotInfo::State expected,
                                            uint64_t op_index = 7) {
  proto::CatalogueCommand command;
  auto* done = command.mutable_tablet_done();
  done->set_snapshot(Bytes(Snapshot(n)));
  done->set_tablet(Bytes(tablet));
  done->set_expected_state(expected);
  done->mutable_op()->set_index(op_index);
  return command;
}

inline proto::CatalogueCommand RestorationDone(uint64_t n, TabletId tablet) {
  proto::CatalogueCommand command;
  auto* done = command.mutable_tablet_done();
  done->set_restoration(Bytes(Restoration(n)));
  done->set_tablet(Bytes(tablet));
  done->set_expected_state(proto::RestorationInfo::RESTORING);
  done->mutable_op()->set_index(9);
  return command;
}

}  // namespace sut::commands

#endif  // SUT_MASTER_CATALOGUE_COMMANDS_H_
