// A little HTTP/1.1 server for pages: GET only, one request a connection, on the event loop.
//
// Bounds: connections at once, bytes of a request's head, seconds a connection may last. What is no HTTP gets a 400 or
// is cut off. Loop rule: all on the loop.

#ifndef SUT_SERVER_HTTP_SERVER_H_
#define SUT_SERVER_HTTP_SERVER_H_

#include <asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "sut/server/event_loop.h"

namespace sut {

class HttpServer {
 public:
  struct Response {
    int code = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
  };
  using Respond = std::function<void(Response)>;
  // Called for each GET with its path, without the query; must respond once, now or later.
  using Handler = std::function<void(const std::string& path, Respond respond)>;

  // `address` is HOST:PORT with a numeric host. Unavailable if it can't be had. The loop outlives the server.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Listen(const std::string& address, Handler handler,
                                                            EventLoop* loop);
  ~HttpServer();

  static constexpr int kConnectionsMax = 64;
  static constexpr size_t kHeadBytesMax = 8192;
  static constexpr int64_t kConnectionUsMax = 15'000'000;

 private:
  class Connection;
  struct Shared;
  explicit HttpServer(std::shared_ptr<Shared> shared);
  static void Accept(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace sut

#endif  // SUT_SERVER_HTTP_SERVER_H_
