#include "harness/process/process_clients.h"

#include <utility>

namespace holdfast::process {

ProcessClients::ProcessClients(Options options, const PlanIds& ids, sut::EventLoop* loop)
    : options_(std::move(options)), ids_(ids), loop_(loop) {}

ProcessClients::~ProcessClients() {
  for (auto& [number, client] : clients_) {
    client.session.reset();
    client.transport.reset();
  }
}

sut::Session& ProcessClients::session(uint32_t number) {
  Client& client = clients_[number];
  if (client.session != nullptr) return *client.session;
  client.transport = std::make_unique<sut::CallTransport>(loop_, options_.addresses);
  sut::Session::Options options;
  options.id = ids_.Session(number);
  options.masters = options_.masters;
  options.attempt_timeout_us = options_.attempt_timeout_us;
  options.retry_pause_us = options_.retry_pause_us;
  options.refusal_is_final = true;  // TCP brings a request once, and gRPC does not repeat it
  client.session = std::make_unique<sut::Session>(options, loop_, loop_, client.transport.get());
  client.transport->set_deliver(
      [session = client.session.get()](const sut::proto::Envelope& envelope) { session->OnEnvelope(envelope); });
  return *client.session;
}

sut::Session* ProcessClients::FindSession(uint32_t number) {
  const auto client = clients_.find(number);
  return client == clients_.end() ? nullptr : client->second.session.get();
}

void ProcessClients::ExtendDeadlines(int64_t deadline_us) {
  for (auto& [number, client] : clients_) client.session->ExtendDeadlines(deadline_us);
}

}  // namespace holdfast::process
