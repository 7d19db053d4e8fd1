#include "sut/server/http_server.h"

#include <asio/buffer.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sut {
namespace {

using asio::ip::tcp;

std::string Reason(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

std::string Serialise(const HttpServer::Response& response) {
  return absl::StrCat("HTTP/1.1 ", response.code, " ", Reason(response.code),
                      "\r\nContent-Type: ", response.content_type, "\r\nContent-Length: ", response.body.size(),
                      "\r\nConnection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff",
                      // Should anything get past the escaping, it does nothing.
                      "\r\nContent-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n\r\n",
                      response.body);
}

}  // namespace

// Outlives the server for as long as connections last.
struct HttpServer::Shared {
  Shared(EventLoop* loop, Handler handle)
      : acceptor(loop->context()), pause(loop->context()), handler(std::move(handle)) {}
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  Handler handler;
  int connections = 0;
};

class HttpServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), socket_(std::move(socket)), deadline_(socket_.get_executor()) {
    ++shared_->connections;
  }
  ~Connection() { --shared_->connections; }

  void Start() {
    deadline_.expires_after(std::chrono::microseconds(kConnectionUsMax));
    deadline_.async_wait([weak = weak_from_this()](const std::error_code& error) {
      const auto self = weak.lock();
      if (!error && self != nullptr) self->Close();
    });
    asio::async_read_until(socket_, asio::dynamic_buffer(head_, kHeadBytesMax), "\r\n\r\n",
                           [self = shared_from_this()](const std::error_code& error, size_t) {
                             if (error && self->head_.size() < kHeadBytesMax) return self->Close();
                             self->Handle(error ? "" : self->head_);
                           });
  }

 private:
  void Handle(const std::string& head) {
    const std::vector<std::string> words = absl::StrSplit(head.substr(0, head.find('\r')), ' ');
    if (words.size() != 3 || words[2].substr(0, 5) != "HTTP/") return Respond({400, "text/plain", "not HTTP\n"});
    if (words[0] != "GET") return Respond({405, "text/plain", "only GET\n"});
    const std::string path = words[1].substr(0, words[1].find('?'));
    shared_->handler(path, [self = shared_from_this()](Response response) { self->Respond(response); });
  }
  void Respond(const Response& response) {
    answer_ = Serialise(response);
    asio::async_write(socket_, asio::buffer(answer_),
                      [self = shared_from_this()](const std::error_code&, size_t) { self->Close(); });
  }
  void Close() {
    std::error_code ignored;  // the other side may have gone first
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
    deadline_.cancel();
  }

  const std::shared_ptr<Shared> shared_;
  tcp::socket socket_;
  asio::steady_timer deadline_;
  std::string head_;
  std::string answer_;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Listen(const std::string& address, Handler handler,
                                                               EventLoop* loop) {
  const size_t colon = address.rfind(':');
  uint32_t port = 0;
  std::error_code error;
  const auto host = asio::ip::make_address(address.substr(0, colon), error);
  if (error || colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port)) {
    return absl::InvalidArgumentError(absl::StrCat("not a numeric address: ", address));
  }
  auto shared = std::make_shared<Shared>(loop, std::move(handler));
  const tcp::endpoint endpoint(host, static_cast<uint16_t>(port));
  shared->acceptor.open(endpoint.protocol(), error);
  if (!error) shared->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) shared->acceptor.bind(endpoint, error);
  if (!error) shared->acceptor.listen(kConnectionsMax, error);
  if (error) return absl::UnavailableError(absl::StrCat("can't listen on ", address, ": ", error.message()));
  Accept(shared);
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(shared)));
}

HttpServer::HttpServer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

HttpServer::~HttpServer() {
  std::error_code ignored;
  shared_->acceptor.close(ignored);
  shared_->pause.cancel();
}

void HttpServer::Accept(const std::shared_ptr<Shared>& shared) {
  shared->acceptor.async_accept([shared](const std::error_code& error, tcp::socket socket) {
    if (!shared->acceptor.is_open()) return;
    if (error) {
      // Out of descriptors, most likely: that does not get better by trying at once.
      shared->pause.expires_after(std::chrono::milliseconds(100));
      shared->pause.async_wait([shared](const std::error_code& cancelled) {
        if (!cancelled) Accept(shared);
      });
      return;
    }
    // One too many is closed as it goes out of scope.
    if (shared->connections < kConnectionsMax) std::make_shared<Connection>(std::move(socket), shared)->Start();
    Accept(shared);
  });
}

}  // namespace sut
