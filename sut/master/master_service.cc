#include "sut/master/master_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/prng.h"
#include "sut/master/replica_rules.h"
#include "sut/master/request_validation.h"
#include "sut/master/table_rules.h"

namespace sut {
namespace {

Coordinator::Options CoordinatorOptions(const NodeOptions& options) {
  Coordinator::Options out;
  out.reconcile_interval_us = options.reconcile_interval_us;
  out.tablet_call_timeout_us = options.tablet_call_timeout_us;
  out.snapshot_timeout_us = options.snapshot_timeout_us;
  out.bugs = options.bugs;
  return out;
}

// A snapshot as clients see it. That it is going to fail is not published before every tablet has made sure that it
// can't come into being any more.
proto::SnapshotInfo Published(const proto::SnapshotInfo& snapshot) {
  proto::SnapshotInfo out = snapshot;
  if (out.state() != proto::SnapshotInfo::FAILING) return out;
  out.set_state(proto::SnapshotInfo::CREATING);
  for (auto& tablet : *out.mutable_tablets()) tablet.set_done(false);
  return out;
}

void FillSnapshots(const CatalogueState& state, proto::Reply::SnapshotList* list) {
  for (const auto& [id, snapshot] : state.snapshots) *list->add_snapshots() = Published(snapshot);
  for (const auto& [id, restoration] : state.restorations) *list->add_restorations() = restoration;
}

// Clients ask replicas that may answer, and need not know of others.
void KeepGroups(proto::TableInfo* table) {
  for (proto::TabletInfo& tablet : *table->mutable_tablets()) {
    auto& replicas = *tablet.mutable_replicas();
    replicas.erase(std::remove_if(replicas.begin(), replicas.end(),
                                  [](const proto::ReplicaInfo& replica) { return !rules::IsInGroup(replica); }),
                   replicas.end());
  }
}

void FillTables(const CatalogueState& state, const proto::ListTables& wanted, proto::Reply::TableList* list) {
  for (const auto& [id, table] : state.tables) {
    if (rules::IsDropped(table) && !wanted.dropped()) continue;
    *list->add_tables() = table;
    if (!wanted.all_replicas()) KeepGroups(list->mutable_tables(list->tables_size() - 1));
  }
  for (const auto& [id, keyspace] : state.keyspaces) *list->add_keyspaces() = keyspace;
}

// A client that names a keyspace by its name alone gets it made with the table. The id follows from the table's, so
// that it is the same on every attempt.
void NameKeyspace(proto::CatalogueCommand::CreateTable* command) {
  const auto table = IdFromBytes<TableId>(command->table().id());
  if (!command->table().keyspace_id().empty() || !table.ok()) return;
  command->set_new_keyspace(UuidBytes(Mix({table->hi, table->lo, 1}), Mix({table->hi, table->lo, 2})));
}

absl::Status Validate(const proto::Request& request) {
  if (request.tablet() != Bytes(kMasterTablet)) return absl::InvalidArgumentError("Not addressed to the master");
  switch (request.body_case()) {
    case proto::Request::kListSnapshots:
    case proto::Request::kListTables:
      return absl::OkStatus();
    case proto::Request::kCatalogue: {
      const absl::Status status = ValidateRequestId(request.id());
      return status.ok() ? ValidateChange(request.catalogue()) : status;
    }
    default:
      return absl::InvalidArgumentError("Not a request that the master takes");
  }
}

}  // namespace

MasterService::MasterService(const NodeOptions& options, const World& world)
    : bugs_(options.bugs),
      world_(world),
      coordinator_(CoordinatorOptions(options), Coordinator::World{.group = world.group,
                                                                   .catalogue = world.catalogue,
                                                                   .clock = world.clock,
                                                                   .timers = world.timers,
                                                                   .sender = world.sender,
                                                                   .probes = world.probes}),
      placement_({.bugs = options.bugs}, world.timers, world.sender) {
  world_.catalogue->set_on_changed([this] { coordinator_.Wake(); });
  coordinator_.Wake();  // for what the catalogue holds already
}

MasterService::~MasterService() { world_.catalogue->set_on_changed(nullptr); }

void MasterService::Handle(const proto::Request& request, std::function<void(proto::Reply)> done) {
  auto answer = [id = request.id(), attempt = request.attempt(), done = std::move(done)](proto::Reply reply) {
    *reply.mutable_id() = id;
    reply.set_attempt(attempt);
    done(std::move(reply));
  };
  if (const absl::Status status = Validate(request); !status.ok()) {
    return answer(RefusedReply(proto::BAD_REQUEST, std::string(status.message())));
  }
  if (request.has_list_snapshots() || request.has_list_tables()) {
    HandleList(request, std::move(answer));
  } else if (request.catalogue().has_restore_snapshot()) {
    HandleRestore(request, std::move(answer));
  } else {
    HandleChange(request, std::move(answer));
  }
}

void MasterService::HandleChange(const proto::Request& request, std::function<void(proto::Reply)> done) {
  proto::Command command;
  *command.mutable_request() = request.id();
  *command.mutable_catalogue() = request.catalogue();
  if (command.catalogue().has_create_table()) NameKeyspace(command.mutable_catalogue()->mutable_create_table());
  world_.group->Propose(std::move(command), std::move(done));
}

void MasterService::HandleRestore(const proto::Request& request, std::function<void(proto::Reply)> done) {
  proto::Request whole = request;
  auto* restore = whole.mutable_catalogue()->mutable_restore_snapshot();
  restore->clear_placed();
  restore->clear_not_placed();
  const CatalogueState& state = world_.catalogue->state();
  const auto snapshot = state.snapshots.find(*IdFromBytes<SnapshotId>(restore->snapshot()));
  const bool to_check = world_.group->is_leader() && snapshot != state.snapshots.end() &&
                        snapshot->second.state() == proto::SnapshotInfo::COMPLETE && AwaitsPlacement(snapshot->second);
  if (to_check && bugs_.has(Bug::kImportTakesFilesForGranted)) {
    restore->set_placed(true);
    return HandleChange(whole, std::move(done));
  }
  if (!to_check) return HandleChange(whole, std::move(done));
  world_.probes->Hit(Probe::kPlacementAsked, kMasterTablet);
  placement_.Run(state, snapshot->second, [this, whole, done = std::move(done)](const absl::Status& status) {
    if (status.ok()) world_.probes->Hit(Probe::kPlacementShown, kMasterTablet);
    proto::Request checked = whole;
    auto* command = checked.mutable_catalogue()->mutable_restore_snapshot();
    command->set_placed(status.ok());
    if (!status.ok()) command->set_not_placed(absl::StrCat("Cannot restore snapshot, ", status.message()));
    HandleChange(checked, done);
  });
}

void MasterService::HandleList(const proto::Request& request, std::function<void(proto::Reply)> done) {
  const bool snapshots = request.has_list_snapshots();
  auto list = [this, snapshots, wanted = request.list_tables(), done = std::move(done)](proto::Reply reply) {
    if (reply.code() == proto::OK) {
      if (snapshots) {
        FillSnapshots(world_.catalogue->state(), reply.mutable_snapshots());
      } else {
        FillTables(world_.catalogue->state(), wanted, reply.mutable_tables());
      }
    }
    done(std::move(reply));
  };
  if (bugs_.has(Bug::kListFromDeposedMaster) && world_.group->is_leader()) {
    proto::Reply at_once;
    at_once.set_code(proto::OK);
    return list(std::move(at_once));
  }
  world_.group->ReadBarrier(std::move(list));
}

}  // namespace sut
