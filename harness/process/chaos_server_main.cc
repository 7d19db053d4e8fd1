// holdfast-sut-server: the chaos build of sut-server. The same node on the same server, with the harness's hooks in it:
// the apply ledger is kept, probes may be where it dies, its disk can fail and lose power, and its clock can be wrong.
// Started by the harness alone.
//
// It listens on a port that the system picks, and tells the ledger which. Exit codes: as sut-server's.

#include <google/protobuf/text_format.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "faults/chaos_file_system.h"
#include "harness/cluster/plan_shape.h"
#include "harness/process/chaos_hooks.h"
#include "harness/process/server_config.pb.h"
#include "sut/server/server.h"

namespace holdfast::process {
namespace {

constexpr int kCannotServe = 1;
constexpr int kUsage = 2;
constexpr const char* kAnyPort = "127.0.0.1:0";

int Complain(const absl::Status& status, int code) {
  std::fprintf(stderr, "holdfast-sut-server: %s\n", std::string(status.message()).c_str());
  return code;
}

absl::StatusOr<ServerConfig> ReadConfig(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return absl::InvalidArgumentError(absl::StrCat(file, ": can't be read"));
  ServerConfig config;
  if (!google::protobuf::TextFormat::ParseFromString(text.str(), &config)) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": is no server config"));
  }
  return config;
}

absl::StatusOr<sut::Server::Options> OptionsOf(const ServerConfig& config) {
  plan::Plan plan;
  *plan.mutable_options() = config.options();
  *plan.mutable_bugs() = config.bugs();
  const auto node_options = NodeOptionsOf(plan);
  if (!node_options.ok()) return node_options.status();
  sut::Server::Options options;
  options.id = sut::NodeId{config.node()};
  options.data_dir = config.data_dir();
  options.listen = kAnyPort;
  options.node = *node_options;
  for (const ServerConfig::Peer& peer : config.peers()) {
    auto address = sut::ParseAddress(peer.address());
    if (!address.ok()) return address.status();
    options.peers[sut::NodeId{peer.node()}] = *std::move(address);
    options.master_members.push_back(sut::NodeId{peer.node()});
  }
  return options;
}

int Serve(const std::string& config_file) {
  const auto config = ReadConfig(config_file);
  if (!config.ok()) return Complain(config.status(), kUsage);
  auto options = OptionsOf(*config);
  if (!options.ok()) return Complain(options.status(), kUsage);
  const auto ledger = LedgerWriter::Open(config->ledger_file());
  if (!ledger.ok()) return Complain(ledger.status(), kCannotServe);
  const auto control = ControlFile::Open(config->control_file());
  if (!control.ok()) return Complain(control.status(), kCannotServe);
  faults::ChaosDiskOptions disk_options;
  disk_options.data_dir = config->data_dir();
  disk_options.control_file = config->disk_faults_file();
  const auto disk = faults::OpenChaosDisk(std::move(disk_options));
  if (!disk.ok()) return Complain(disk.status(), kCannotServe);
  ChaosHooks hooks(config->node(), ledger->get(), control->get());
  auto server = sut::Server::Start(*std::move(options),
                                   {.env = (*disk)->env(), .probes = &hooks, .observer = &hooks, .time = &hooks});
  if (!server.ok()) return Complain(server.status(), kCannotServe);
  hooks.OnServing((*server)->port());
  (*server)->Run();
  server->reset();
  return 0;
}

}  // namespace
}  // namespace holdfast::process

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: holdfast-sut-server CONFIG\n");
    return holdfast::process::kUsage;
  }
  return holdfast::process::Serve(argv[1]);
}
