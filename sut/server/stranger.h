// For tests: somebody at a server's port who sends any bytes he likes, and reads what comes until the end.

#ifndef SUT_SERVER_STRANGER_H_
#define SUT_SERVER_STRANGER_H_

#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <cstdint>
#include <string>
#include <system_error>

namespace sut {

class Stranger {
 public:
  explicit Stranger(int port) : socket_(context_) {
    std::error_code error;
    socket_.connect({asio::ip::address_v4::loopback(), static_cast<uint16_t>(port)}, error);
    EXPECT_FALSE(error);
  }
  // The server may hang up in the middle.
  void Send(const std::string& bytes) {
    std::error_code error;
    asio::write(socket_, asio::buffer(bytes), error);
  }
  // Until the server hangs up.
  std::string ReadAll() {
    std::string out;
    std::error_code error;
    asio::read(socket_, asio::dynamic_buffer(out, 1 << 20), error);
    return out;
  }

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_;
};

}  // namespace sut

#endif  // SUT_SERVER_STRANGER_H_
