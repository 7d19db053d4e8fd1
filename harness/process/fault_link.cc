#include "harness/process/fault_link.h"

#include <algorithm>
#include <array>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace holdfast::process {
namespace {

using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr size_t kReadBytes = 64 << 10;

tcp::endpoint Loopback(uint16_t port) { return {asio::ip::address_v4::loopback(), port}; }

// The other side sees a reset instead of an orderly end.
void ResetSocket(tcp::socket* socket) {
  std::error_code ignored;
  socket->set_option(asio::socket_base::linger(true, 0), ignored);
  socket->close(ignored);
}

}  // namespace

// A client's connection and the one to the far side that serves it.
class FaultLink::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<FaultLink> link, tcp::socket client)
      : link_(std::move(link)),
        client_(std::move(client)),
        server_(*link_->context_),
        forward_(this, &client_, &server_),
        backward_(this, &server_, &client_) {}

  // Connects to the far side, if there is one.
  void Connect() {
    if (connecting_ || closed_ || link_->upstream_ == 0) return;
    connecting_ = true;
    server_.async_connect(Loopback(link_->upstream_),
                          [self = shared_from_this()](const std::error_code& error) { self->OnConnected(error); });
  }

  void OnStateChange() {
    if (closed_) return;
    const LinkState& state = link_->state_;
    const bool lost = (forward_.lost() && state.forward.flow == Flow::kOpen) ||
                      (backward_.lost() && state.backward.flow == Flow::kOpen);
    if (lost) return Reset();
    forward_.Write();
    backward_.Write();
  }

  void Reset() {
    if (closed_) return;
    ++link_->counters_.resets;
    Close(true);
  }
  void Close(bool reset) {
    if (std::exchange(closed_, true)) return;
    for (tcp::socket* socket : {&client_, &server_}) {
      std::error_code ignored;
      if (reset) {
        ResetSocket(socket);
      } else {
        socket->close(ignored);
      }
    }
    forward_.Stop();
    backward_.Stop();
    link_->Remove(shared_from_this());
  }

 private:
  // One direction: reads from one side, and writes to the other when its time has come.
  class Pump {
   public:
    Pump(Connection* connection, tcp::socket* from, tcp::socket* to)
        : connection_(*connection), from_(*from), to_(*to), timer_(from->get_executor()) {}

    void Read() {
      if (reading_ || ended_ || connection_.closed_ || buffered_ >= kBufferedBytesMax) return;
      reading_ = true;
      from_.async_read_some(asio::buffer(input_),
                            [this, self = connection_.shared_from_this()](const std::error_code& error, size_t bytes) {
                              reading_ = false;
                              if (connection_.closed_) return;
                              Take(error ? std::nullopt : std::optional(bytes));
                              Read();
                              Write();
                            });
    }

    void Write() {
      if (writing_ || waiting_ || queue_.empty() || connection_.closed_ || direction().flow != Flow::kOpen) return;
      if (queue_.front().due > Clock::now()) return Wait();
      if (queue_.front().bytes.empty()) return connection_.Close(false);  // the sender's end
      writing_ = true;
      asio::async_write(to_, asio::buffer(queue_.front().bytes),
                        [this, self = connection_.shared_from_this()](const std::error_code& error, size_t bytes) {
                          writing_ = false;
                          if (connection_.closed_) return;
                          if (error) return connection_.Close(true);
                          connection_.link_->counters_.bytes_passed += bytes;
                          buffered_ -= bytes;
                          queue_.pop_front();
                          Read();
                          Write();
                        });
    }

    void Stop() { timer_.cancel(); }
    // Something was swallowed: the stream has a hole.
    bool lost() const { return lost_; }

   private:
    struct Chunk {
      Clock::time_point due;
      std::string bytes;  // empty: the end
    };

    const Direction& direction() const {
      const LinkState& state = connection_.link_->state_;
      return this == &connection_.forward_ ? state.forward : state.backward;
    }

    // What was read, or the end.
    void Take(std::optional<size_t> bytes) {
      ended_ = !bytes.has_value();
      if (direction().flow == Flow::kHalfOpen || lost_) {
        lost_ = true;
        connection_.link_->counters_.bytes_swallowed += bytes.value_or(0);
        return;
      }
      const Clock::time_point now = Clock::now();
      Clock::time_point due = std::max(last_due_, now + std::chrono::microseconds(direction().delay_us));
      if (const uint64_t rate = direction().bytes_per_second_max; rate > 0) {
        due += std::chrono::microseconds(bytes.value_or(0) * 1'000'000 / rate);
      }
      if (due > now) connection_.link_->counters_.bytes_delayed += bytes.value_or(0);
      last_due_ = due;
      buffered_ += bytes.value_or(0);
      queue_.push_back({due, std::string(input_.data(), bytes.value_or(0))});
    }

    void Wait() {
      waiting_ = true;
      timer_.expires_at(queue_.front().due);
      timer_.async_wait([this, self = connection_.shared_from_this()](const std::error_code&) {
        waiting_ = false;
        Write();
      });
    }

    Connection& connection_;
    tcp::socket& from_;
    tcp::socket& to_;
    asio::steady_timer timer_;
    std::array<char, kReadBytes> input_;
    std::deque<Chunk> queue_;
    size_t buffered_ = 0;
    Clock::time_point last_due_;
    bool reading_ = false;
    bool writing_ = false;
    bool waiting_ = false;
    bool ended_ = false;
    bool lost_ = false;
  };

  void OnConnected(const std::error_code& error) {
    connecting_ = false;
    if (closed_) return;
    if (error) {
      std::error_code ignored;
      server_.close(ignored);
      if (link_->options_.hold_while_unreachable) return;  // until the far side says where it is
      return Reset();
    }
    std::error_code ignored;
    server_.set_option(tcp::no_delay(true), ignored);
    forward_.Read();
    backward_.Read();
  }

  const std::shared_ptr<FaultLink> link_;
  tcp::socket client_;
  tcp::socket server_;
  Pump forward_;
  Pump backward_;
  bool connecting_ = false;
  bool closed_ = false;
};

absl::Status FaultLink::Listen(asio::io_context* context, const Options& options, std::shared_ptr<FaultLink>* link) {
  std::shared_ptr<FaultLink> made(new FaultLink(context, options));
  std::error_code error;
  made->acceptor_.open(tcp::v4(), error);
  if (!error) made->acceptor_.bind(Loopback(0), error);
  if (!error) made->acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) made->port_ = made->acceptor_.local_endpoint(error).port();
  if (error) return absl::UnavailableError(absl::StrCat("a fault proxy can't listen: ", error.message()));
  made->Accept();
  *link = std::move(made);
  return absl::OkStatus();
}

FaultLink::FaultLink(asio::io_context* context, const Options& options)
    : context_(context), options_(options), acceptor_(*context) {}

FaultLink::~FaultLink() = default;

void FaultLink::Accept() {
  acceptor_.async_accept([self = shared_from_this()](const std::error_code& error, tcp::socket socket) {
    if (!self->acceptor_.is_open()) return;
    if (!error) {
      std::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      ++self->counters_.connections;
      const bool unreachable = self->upstream_ == 0 && !self->options_.hold_while_unreachable;
      if (self->state_.broken || unreachable || self->connections_.size() >= kConnectionsMax) {
        ++self->counters_.resets;
        ResetSocket(&socket);
      } else {
        const auto connection = std::make_shared<Connection>(self, std::move(socket));
        self->connections_.insert(connection);
        connection->Connect();
      }
    }
    self->Accept();
  });
}

void FaultLink::Remove(const std::shared_ptr<Connection>& connection) { connections_.erase(connection); }

void FaultLink::SetUpstream(uint16_t port) {
  upstream_ = port;
  // Those that are held; the others are connected.
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->Connect();
}

void FaultLink::SetState(const LinkState& state) {
  state_ = state;
  if (state.broken) return Reset();
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->OnStateChange();
}

void FaultLink::Reset() {
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->Reset();
}

void FaultLink::Close() {
  std::error_code ignored;
  acceptor_.close(ignored);
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->Close(false);
}

}  // namespace holdfast::process
