// Sessions with the simulator's timers and network under them.

#include "harness/sim/sim_clients.h"

#include <utility>

#include "sut/proto/service.pb.h"

namespace holdfast::sim {

namespace {

sut::NodeId AddressOf(uint32_t session) {
  return session == kAdminSession ? kAdminAddress : sut::NodeId{kFirstClientAddress + 1 + session};
}

}  // namespace

class SimClients::Client final : sut::Timers, sut::Transport {
 public:
  Client(SimClients* clients, uint32_t number)
      : clients_(clients),
        address_(AddressOf(number)),
        session_({.id = clients->ids_.Session(number),
                  .self = address_,
                  .masters = clients->options_.masters,
                  .attempt_timeout_us = clients->options_.attempt_timeout_us,
                  .retry_pause_us = clients->options_.retry_pause_us,
                  .refusal_is_final = clients->options_.refusal_is_final},
                 &clients->clock_, this, this) {}

  sut::Session& session() { return session_; }

 private:
  void After(int64_t delay_us, std::function<void()> callback) override {
    clients_->queue_->Schedule(clients_->queue_->now_us() + delay_us, {}, std::move(callback));
  }
  void Send(sut::NodeId to, sut::LogicalIdentity identity, std::string envelope) override {
    clients_->network_->Send({address_, to}, identity, std::move(envelope));
  }

  SimClients* const clients_;
  const sut::NodeId address_;
  sut::Session session_;
};

SimClients::SimClients(Options options, const PlanIds& ids, EventQueue* queue, SimNetwork* network)
    : options_(std::move(options)), ids_(ids), queue_(queue), network_(network), clock_(queue, 0, nullptr) {}

SimClients::~SimClients() = default;

sut::Session& SimClients::session(uint32_t number) {
  std::unique_ptr<Client>& client = clients_[AddressOf(number).value];
  if (client == nullptr) client = std::make_unique<Client>(this, number);
  return client->session();
}

sut::Session* SimClients::FindSession(uint32_t number) {
  const auto client = clients_.find(AddressOf(number).value);
  return client == clients_.end() ? nullptr : &client->second->session();
}

void SimClients::ExtendDeadlines(int64_t deadline_us) {
  for (auto& [address, client] : clients_) client->session().ExtendDeadlines(deadline_us);
}

void SimClients::Deliver(sut::NodeId to, const std::string& envelope) {
  const auto client = clients_.find(to.value);
  if (client == clients_.end()) return;
  sut::proto::Envelope parsed;
  if (parsed.ParseFromString(envelope)) client->second->session().OnEnvelope(parsed);
}

}  // namespace holdfast::sim
