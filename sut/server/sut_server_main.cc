// sut-server: one node of the cluster. Exit codes: 0 stopped, 1 can't serve, 2 wrong options, 3 the node could not go
// on.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "sut/server/server.h"

namespace {

constexpr int kCannotServe = 1;
constexpr int kUsage = 2;

struct Flags {
  std::string node_id;
  std::string data_dir;
  std::string listen;
  std::string peers;
  std::string master_members;
  int http_port = 0;
};

int Complain(const std::string& what, int code) {
  std::fprintf(stderr, "sut-server: %s\n", what.c_str());
  return code;
}

absl::StatusOr<sut::Server::Options> OptionsOf(const Flags& flags) {
  sut::Server::Options options;
  const auto id = sut::ParseNodeId(flags.node_id);
  if (!id.ok()) return id.status();
  options.id = *id;
  options.data_dir = flags.data_dir;
  auto peers = sut::ParseAddresses(flags.peers);
  if (!peers.ok()) return peers.status();
  options.peers = *std::move(peers);
  const auto own = options.peers.find(options.id);
  if (own == options.peers.end()) return absl::InvalidArgumentError("--peers does not name this node");
  auto listen = sut::ParseAddress(flags.listen.empty() ? own->second : flags.listen);
  if (!listen.ok()) return listen.status();
  options.listen = *std::move(listen);
  auto members = sut::ParseNodeIds(flags.master_members);
  if (!members.ok()) return members.status();
  options.master_members = *std::move(members);
  if (flags.http_port != 0) options.http = "127.0.0.1:" + std::to_string(flags.http_port);
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("One node of the cluster: tablets replicated by Raft, rows in RocksDB, served over gRPC.", "sut-server");
  app.add_option("--node-id", flags.node_id, "this node's id, from 1")->required();
  app.add_option("--data-dir", flags.data_dir, "where the node keeps everything")->required();
  app.add_option("--peers", flags.peers, "every node of the cluster: ID=HOST:PORT,...")->required();
  app.add_option("--listen", flags.listen, "HOST:PORT to bind to; by default this node's address among the peers");
  app.add_option("--master-members", flags.master_members, "ids of the nodes that hold the catalogue: ID,...")
      ->required();
  app.add_option("--http-port", flags.http_port, "port of the web page on 127.0.0.1; none by default")
      ->check(CLI::Range(1, 65535));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return Complain(error.what(), kUsage);
  }
  auto options = OptionsOf(flags);
  if (!options.ok()) return Complain(std::string(options.status().message()), kUsage);
  auto server = sut::Server::Start(*options, {});
  if (!server.ok()) {
    const bool usage = server.status().code() == absl::StatusCode::kInvalidArgument;
    return Complain(std::string(server.status().message()), usage ? kUsage : kCannotServe);
  }
  std::fprintf(stderr, "sut-server: node %s serves on %s\n", flags.node_id.c_str(), options->listen.c_str());
  if (options->http) std::fprintf(stderr, "sut-server: web page on http://%s/tables\n", options->http->c_str());
  (*server)->Run();
  server->reset();
  std::fprintf(stderr, "sut-server: stopped\n");
  return 0;
}
