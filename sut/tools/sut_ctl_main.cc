// sut-ctl: makes, starts, stops and removes a cluster of servers on this machine.
// Exit codes: 0 done, 1 not done, with the reason on stderr, 2 wrong arguments.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "sut/tools/local_cluster.h"

namespace {

namespace fs = std::filesystem;
using sut::LocalCluster;

constexpr int kNotDone = 1;
constexpr int kUsage = 2;

std::string DefaultDataDir() {
  const char* home = std::getenv("HOME");
  return absl::StrCat(home != nullptr ? home : ".", "/sut-data");
}

// Installed beside this program, or where the build puts it.
std::string DefaultServerBinary() {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& path : {own / "sut-server", own / "../server/sut-server"}) {
    if (fs::exists(path, error)) return fs::weakly_canonical(path, error).string();
  }
  return (own / "sut-server").string();
}

void PrintStatus(const LocalCluster& cluster) {
  std::printf("Data directory: %s\n", cluster.data_dir().c_str());
  for (const LocalCluster::Node& node : cluster.shape().nodes) {
    std::printf("Node %u: %s, %s, web page http://127.0.0.1:%d/tables\n", node.id.value,
                cluster.IsUp(node.id) ? "running" : "stopped", cluster.Address(node).c_str(), node.http_port);
  }
}

absl::Status StartAndReport(LocalCluster& cluster) {
  if (absl::Status status = cluster.StartAll(); !status.ok()) return status;
  std::printf("Waiting for cluster to be ready.\n");
  if (absl::Status status = cluster.WaitUntilReady(); !status.ok()) return status;
  PrintStatus(cluster);
  return absl::OkStatus();
}

absl::Status Create(const LocalCluster::Paths& paths, const LocalCluster::CreateOptions& options) {
  auto cluster = LocalCluster::Create(paths, options);
  if (!cluster.ok()) return cluster.status();
  std::printf("Creating cluster.\n");
  absl::Status status = StartAndReport(**cluster);
  // What could not be made whole leaves nothing behind; the reason matters more than a failure to clean up.
  if (!status.ok()) (*cluster)->Destroy().IgnoreError();
  return status;
}

// Every node must know every other one's address, which they read at their start: they are restarted one by one.
absl::Status AddNode(LocalCluster& cluster) {
  const auto added = cluster.AddNode();
  if (!added.ok()) return added.status();
  for (const LocalCluster::Node& node : cluster.shape().nodes) {
    if (!cluster.IsUp(node.id)) continue;
    if (absl::Status status = cluster.StopNode(node.id); !status.ok()) return status;
    if (absl::Status status = cluster.StartNode(node.id); !status.ok()) return status;
    if (absl::Status status = cluster.WaitUntilReady(); !status.ok()) return status;
  }
  if (absl::Status status = cluster.StartNode(added->id); !status.ok()) return status;
  PrintStatus(cluster);
  return absl::OkStatus();
}

// The other commands end with the cluster's status.
void ReportDone(const std::string& command, uint32_t node, const std::string& data_dir) {
  if (command == "stop") std::printf("Stopped cluster.\n");
  if (command == "stop_node") std::printf("Stopped node %u.\n", node);
  if (command == "start_node") std::printf("Started node %u.\n", node);
  if (command == "destroy") std::printf("Destroyed cluster in %s.\n", data_dir.c_str());
}

absl::Status Wipe(LocalCluster& cluster) {
  if (absl::Status status = cluster.StopAll(); !status.ok()) return status;
  if (absl::Status status = cluster.RemoveData(); !status.ok()) return status;
  return StartAndReport(cluster);
}

}  // namespace

int main(int argc, char** argv) {
  LocalCluster::Paths paths{DefaultDataDir(), DefaultServerBinary()};
  LocalCluster::CreateOptions create;
  uint32_t node = 0;
  CLI::App app("Makes, starts, stops and removes a cluster of servers on this machine.", "sut-ctl");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--data-dir", paths.data_dir, "the cluster's directory")->capture_default_str();
  app.add_option("--server-binary", paths.server_binary, "the sut-server to run")->capture_default_str();
  CLI::App* create_command = app.add_subcommand("create", "make a cluster and start it");
  create_command->add_option("--rf", create.nodes, "nodes, each with a replica of everything")->capture_default_str();
  create_command->add_option("--port", create.port_base, "of the first node; the others follow")
      ->check(CLI::Range(1, 65000))
      ->capture_default_str();
  create_command->add_option("--http-port", create.http_port_base, "of the first node's web page")
      ->check(CLI::Range(1, 65000))
      ->capture_default_str();
  app.add_subcommand("start", "start all nodes");
  app.add_subcommand("stop", "stop all nodes");
  app.add_subcommand("status", "say which nodes run, and where");
  app.add_subcommand("add_node", "add a node, for tables to come; the others are restarted one by one");
  app.add_subcommand("start_node", "start one node")->add_option("NODE", node)->required();
  app.add_subcommand("stop_node", "stop one node")->add_option("NODE", node)->required();
  app.add_subcommand("wipe", "stop, remove all data, and start empty");
  app.add_subcommand("destroy", "stop, and remove everything");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "sut-ctl: %s\n", error.what());
    return kUsage;
  }
  std::error_code error;
  paths.data_dir = fs::absolute(paths.data_dir, error).string();

  const std::string command = app.get_subcommands().front()->get_name();
  absl::Status status;
  if (command == "create") {
    status = Create(paths, create);
  } else if (auto cluster = LocalCluster::Open(paths); !cluster.ok()) {
    status = cluster.status();
  } else if (command == "start") {
    status = StartAndReport(**cluster);
  } else if (command == "stop") {
    status = (*cluster)->StopAll();
  } else if (command == "status") {
    PrintStatus(**cluster);
  } else if (command == "add_node") {
    status = AddNode(**cluster);
  } else if (command == "start_node") {
    status = (*cluster)->StartNode(sut::NodeId{node});
  } else if (command == "stop_node") {
    status = (*cluster)->StopNode(sut::NodeId{node});
  } else if (command == "wipe") {
    status = Wipe(**cluster);
  } else {
    status = (*cluster)->Destroy();
  }
  if (status.ok()) {
    ReportDone(command, node, paths.data_dir);
    return 0;
  }
  std::fprintf(stderr, "sut-ctl: %s\n", std::string(status.message()).c_str());
  return status.code() == absl::StatusCode::kInvalidArgument ? kUsage : kNotDone;
}
