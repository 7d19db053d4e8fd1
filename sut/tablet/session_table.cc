#include "sut/tablet/session_table.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"

namespace sut {
namespace {

std::string SessionKey(const ClientId& client) { return StoreKey(KeySpace::kSession, Bytes(client)); }

std::string RequestKey(const ClientId& client, uint64_t sequence) {
  return StoreKey(KeySpace::kRequest, absl::StrCat(Bytes(client), UuidBytes(0, sequence).substr(8)));
}

ClientId ClientOf(const proto::RequestId& request) {
  const auto client = IdFromBytes<ClientId>(request.client());
  SUT_CHECK(client.ok(), "request of no client");
  return *client;
}

proto::Reply Refusal(proto::Code code, std::string message) {
  proto::Reply reply;
  reply.set_code(code);
  reply.set_message(std::move(message));
  return reply;
}

}  // namespace

bool ValidRequest(const proto::RequestId& request) {
  return request.client().size() == 16 && request.sequence() > 0 && request.first_incomplete() <= request.sequence();
}

absl::Status SessionTable::Load(const TabletStore& store) {
  sessions_.clear();
  absl::Status parsed = absl::OkStatus();
  const TabletStore::View view = store.Latest();
  const auto for_each = [&](KeySpace space, const auto& visit) {
    const std::string end(1, static_cast<char>(static_cast<char>(space) + 1));
    return view.Scan(StoreKey(space, ""), end, [&](std::string_view key, std::string_view value) {
      const auto client = IdFromBytes<ClientId>(key.substr(1, 16));
      if (!client.ok() || !visit(*client, key.substr(17), value)) {
        parsed = absl::DataLossError("a session or remembered request does not parse");
      }
      return parsed.ok();
    });
  };
  absl::Status read =
      for_each(KeySpace::kSession, [&](const ClientId& client, std::string_view, std::string_view value) {
        return sessions_[client].record.ParseFromArray(value.data(), static_cast<int>(value.size()));
      });
  if (!read.ok()) return read;
  read = for_each(KeySpace::kRequest, [&](const ClientId& client, std::string_view rest, std::string_view value) {
    const auto sequence = ParseUuidBytes(std::string(8, '\0').append(rest));
    if (!sequence.ok()) return false;
    return sessions_[client].replies[sequence->second].ParseFromArray(value.data(), static_cast<int>(value.size()));
  });
  if (!read.ok()) return read;
  return parsed;
}

std::optional<proto::Reply> SessionTable::Lookup(const proto::RequestId& request) const {
  const auto session = sessions_.find(ClientOf(request));
  if (session == sessions_.end()) return std::nullopt;
  if (session->second.record.closed()) return Refusal(proto::SESSION_CLOSED, "the client's session was closed");
  if (request.sequence() < session->second.record.first_incomplete()) {
    return Refusal(proto::STALE_REQUEST, "the request was answered and forgotten");
  }
  const auto reply = session->second.replies.find(request.sequence());
  if (reply == session->second.replies.end()) return std::nullopt;
  return reply->second;
}

void SessionTable::Remember(const proto::RequestId& request, const proto::Reply& reply, StoreBatch* batch) {
  const ClientId client = ClientOf(request);
  auto [found, inserted] = sessions_.try_emplace(client);
  Session& session = found->second;
  if (inserted || request.first_incomplete() > session.record.first_incomplete()) {
    session.record.set_first_incomplete(std::max(session.record.first_incomplete(), request.first_incomplete()));
    batch->Put(SessionKey(client), session.record.SerializeAsString());
  }
  while (!session.replies.empty() && session.replies.begin()->first < session.record.first_incomplete()) {
    batch->Delete(RequestKey(client, session.replies.begin()->first));
    session.replies.erase(session.replies.begin());
  }
  session.replies[request.sequence()] = reply;
  batch->Put(RequestKey(client, request.sequence()), reply.SerializeAsString());
}

proto::Reply SessionTable::Close(const ClientId& client, StoreBatch* batch) {
  Session& session = sessions_[client];
  session.record.set_closed(true);
  batch->Put(SessionKey(client), session.record.SerializeAsString());
  proto::Reply reply;
  reply.set_code(proto::OK);
  reply.mutable_fence();
  for (const auto& [sequence, remembered] : session.replies) {
    if (remembered.code() == proto::OK) reply.mutable_fence()->add_applied_sequences(sequence);
  }
  return reply;
}

}  // namespace sut
