#include "sut/server/server.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "sut/base/check.h"
#include "sut/server/client_id.h"
#include "sut/server/web_page.h"

namespace sut {
namespace {

constexpr int64_t kPageTimeoutUs = 5'000'000;
constexpr size_t kPagesOpenMax = 64;

class NoProbes final : public ProbeSink {
 public:
  void Hit(Probe, TabletId) override {}
};

class NoObserver final : public ApplyObserver {
 public:
  void OnRecovered(TabletId, ReplicaId, OpId) override {}
  void OnBegun(const Applied&) override {}
  void OnApplied(const Applied&) override {}
  void OnInstalled(TabletId, ReplicaId, OpId) override {}
};

absl::Status Check(const Server::Options& options) {
  if (options.data_dir.empty()) return absl::InvalidArgumentError("no data directory");
  if (!options.peers.contains(options.id)) {
    return absl::InvalidArgumentError(absl::StrCat("node ", options.id.value, " is not among the peers"));
  }
  if (options.master_members.empty()) return absl::InvalidArgumentError("the master has no members");
  for (const NodeId member : options.master_members) {
    if (!options.peers.contains(member)) {
      return absl::InvalidArgumentError(absl::StrCat("node ", member.value, " of the master is not among the peers"));
    }
  }
  return absl::OkStatus();
}

// A dead node must have no effect any more, so there is no way back into its code.
[[noreturn]] void EndProcess(const std::string& reason) {
  std::fprintf(stderr, "sut-server: the node can't go on: %s\n", reason.c_str());
  std::fflush(stderr);
  std::_Exit(Server::kFatalExit);
}

}  // namespace

// Routes the node's messages: to itself, to an open call of a client, or to a peer.
class Server::NodeTransport final : public Transport {
 public:
  explicit NodeTransport(Server* server) : server_(*server) {}

  void Send(NodeId to, LogicalIdentity, std::string envelope) override {
    if (to == server_.options_.id) {
      server_.loop_.Post([this, envelope = std::move(envelope)] { server_.node_->Receive(envelope); });
    } else if (GrpcFront::IsCall(to)) {
      if (server_.front_ != nullptr) server_.front_->Answer(to, envelope);
    } else if (const auto link = server_.links_.find(to); link != server_.links_.end()) {
      link->second->Send(std::move(envelope));
    }
  }

 private:
  Server& server_;
};

// The loop's clock and timers, as a hook changes them.
class Server::HookedTime final : public Clock, public Timers {
 public:
  HookedTime(TimeHook* hook, EventLoop* loop) : hook_(*hook), loop_(*loop) {}
  int64_t NowUs() const override { return hook_.NowUs(loop_.NowUs()); }
  void After(int64_t delay_us, std::function<void()> callback) override {
    loop_.After(hook_.TrueDelayUs(delay_us), std::move(callback));
  }

 private:
  TimeHook& hook_;
  EventLoop& loop_;
};

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Options options, const Hooks& hooks) {
  if (absl::Status status = Check(options); !status.ok()) return status;
  std::unique_ptr<Server> server(new Server(std::move(options), hooks));
  if (absl::Status status = server->Open(); !status.ok()) return status;
  return server;
}

Server::Server(Options options, const Hooks& hooks)
    : options_(std::move(options)),
      worker_(&loop_),
      log_worker_(&loop_),
      transport_(std::make_unique<NodeTransport>(this)),
      no_probes_(std::make_unique<NoProbes>()),
      no_observer_(std::make_unique<NoObserver>()),
      hooked_time_(hooks.time != nullptr ? std::make_unique<HookedTime>(hooks.time, &loop_) : nullptr),
      signals_(loop_.context(), SIGTERM, SIGINT) {
  seams_.clock = hooked_time_ != nullptr ? static_cast<Clock*>(hooked_time_.get()) : &loop_;
  seams_.timers = hooked_time_ != nullptr ? static_cast<Timers*>(hooked_time_.get()) : &loop_;
  seams_.transport = transport_.get();
  seams_.worker = &worker_;
  seams_.log_worker = &log_worker_;
  seams_.probes = hooks.probes != nullptr ? hooks.probes : no_probes_.get();
  seams_.observer = hooks.observer != nullptr ? hooks.observer : no_observer_.get();
  seams_.storage.env = hooks.env != nullptr ? hooks.env : rocksdb::Env::Default();
  seams_.on_fatal = EndProcess;
}

Server::~Server() {
  SUT_CHECK(!stopper_.joinable(), "Run ends with everything stopped");
  // The node's code runs no more: only its objects are left.
  worker_.Stop();
  log_worker_.Stop();
}

absl::Status Server::Open() {
  auto node = Node::Start(&seams_, {options_.id, options_.data_dir, options_.node, options_.master_members});
  if (!node.ok()) return node.status();
  node_ = *std::move(node);
  if (absl::Status status = OpenWebPage(); !status.ok()) return status;
  GrpcFront::Node side{[this](const std::string& envelope) { node_->Receive(envelope); }, [this] { return Status(); }};
  auto front = GrpcFront::Start({options_.id, options_.listen, options_.peers}, std::move(side), &loop_);
  if (!front.ok()) return front.status();
  front_ = *std::move(front);
  for (const auto& [peer, address] : options_.peers) {
    if (peer != options_.id) links_[peer] = PeerLink::Create({options_.id, peer, address}, &loop_);
  }
  signals_.async_wait([this](const std::error_code& error, int) {
    if (!error) BeginStop();
  });
  return absl::OkStatus();
}

absl::Status Server::OpenWebPage() {
  if (!options_.http) return absl::OkStatus();
  page_transport_ = std::make_unique<CallTransport>(&loop_, options_.peers);
  Session::Options session;
  session.id = RandomClientId();
  session.masters = options_.master_members;
  session.refusal_is_final = true;
  page_session_ = std::make_unique<Session>(session, &loop_, &loop_, page_transport_.get());
  page_transport_->set_deliver([this](const proto::Envelope& envelope) { page_session_->OnEnvelope(envelope); });
  auto http = HttpServer::Listen(
      *options_.http,
      [this](const std::string& path, HttpServer::Respond respond) { ServePage(path, std::move(respond)); }, &loop_);
  if (!http.ok()) return http.status();
  http_ = *std::move(http);
  return absl::OkStatus();
}

void Server::Run() {
  loop_.Run();
  if (stopper_.joinable()) stopper_.join();
}

void Server::Stop() {
  loop_.Post([this] { BeginStop(); });
}

proto::NodeStatus Server::Status() const {
  proto::NodeStatus status;
  status.set_node(options_.id.value);
  status.set_clock_us(seams_.clock->NowUs());
  for (const auto& [peer, address] : options_.peers) {
    proto::NodeStatus::Peer* one = status.add_peers();
    one->set_node(peer.value);
    one->set_address(address);
  }
  for (const NodeId member : options_.master_members) status.add_master_members(member.value);
  for (const auto& [tablet, replica] : node_->replicas()) {
    proto::NodeStatus::Replica* one = status.add_replicas();
    one->set_tablet(Bytes(tablet));
    one->set_replica(replica->replica().value);
    one->set_leads(replica->is_leader());
    one->set_term(replica->term().value);
    one->set_leader_node(replica->NodeOf(replica->raft().status().leader).value);
    one->mutable_applied()->set_term(replica->applied().term.value);
    one->mutable_applied()->set_index(replica->applied().index.value);
    one->set_out_of_service(replica->out_of_service());
    const raft::Status& raft = replica->raft().status();
    const OpId flushed = replica->store()->flushed_applied();
    one->mutable_last()->set_term(raft.last.term.value);
    one->mutable_last()->set_index(raft.last.index.value);
    one->set_commit(raft.commit.value);
    one->mutable_flushed()->set_term(flushed.term.value);
    one->mutable_flushed()->set_index(flushed.index.value);
    one->set_idle(replica->idle());
    one->set_maintaining(replica->maintaining());
  }
  if (node_->catalogue() == nullptr) return status;
  for (const auto& [id, table] : node_->catalogue()->tables) {
    for (const proto::TabletInfo& tablet : table.tablets()) {
      proto::NodeStatus::Group* group = status.add_groups();
      group->set_tablet(tablet.id());
      *group->mutable_replicas() = tablet.replicas();
    }
  }
  return status;
}

void Server::ServePage(const std::string& path, HttpServer::Respond respond) {
  if (stopping_) return respond({503, "text/plain", "the server is stopping\n"});
  const bool json = path == "/tables.json";
  if (path != "/" && path != "/tables" && !json) return respond({404, "text/plain", "no such page\n"});
  if (page_session_->open_count() >= kPagesOpenMax) return respond({503, "text/plain", "too many requests\n"});
  CollectClusterView(page_session_.get(), page_transport_.get(), loop_.NowUs() + kPageTimeoutUs,
                     [json, respond = std::move(respond)](absl::StatusOr<ClusterView> view) {
                       if (!view.ok()) {
                         const std::string why = absl::StrCat("The catalogue can't be read: ", view.status().message());
                         return respond({503, "text/plain; charset=utf-8", why + "\n"});
                       }
                       if (json) return respond({200, "application/json", TablesJson(*view)});
                       respond({200, "text/html; charset=utf-8", TablesHtml(*view)});
                     });
}

void Server::BeginStop() {
  if (std::exchange(stopping_, true)) return;
  signals_.cancel();
  http_.reset();
  page_session_.reset();
  page_transport_.reset();
  stopper_ = std::thread([this] {
    front_->Stop();
    loop_.Post([this] { CloseLinks(); });
  });
}

void Server::CloseLinks() {
  auto open = std::make_shared<size_t>(links_.size());
  if (*open == 0) return loop_.Stop();
  for (const auto& [peer, link] : links_) {
    link->Close([this, open] {
      if (--*open == 0) loop_.Stop();
    });
  }
}

}  // namespace sut
