// Bytes of a history file, a window at a time: files of any size are read without being held.
//
// Counts lines and columns from 1, for messages. A line handed out whole may be at most kLineBytesMax long. One thread.
#ifndef HOLDFAST_HARNESS_HISTORY_TEXT_SOURCE_H_
#define HOLDFAST_HARNESS_HISTORY_TEXT_SOURCE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::history {

// Where and why a text is no history.
struct ParseError {
  int64_t line = 0;
  int64_t column = 0;
  std::string message;
};

class TextSource {
 public:
  // Fills up to `size` bytes and returns how many; 0 at the end.
  using Reader = std::function<size_t(char* bytes, size_t size)>;

  static constexpr size_t kWindowBytes = size_t{1} << 18;
  static constexpr size_t kLineBytesMax = size_t{1} << 28;

  // Bytes behind whatever is handed out that may be read, so that scanners can look at whole words.
  static constexpr size_t kSlackBytes = 8;

  // `size_hint`: how long the text is, about, where that is known; 0: it is not.
  explicit TextSource(Reader reader, size_t size_hint = 0)
      : reader_(std::move(reader)), size_hint_(size_hint), window_(FirstWindow(size_hint) + kSlackBytes) {}

  static Reader FromMemory(std::string_view text) {
    return [text](char* bytes, size_t size) mutable {
      const size_t count = std::min(size, text.size());
      std::memcpy(bytes, text.data(), count);
      text.remove_prefix(count);
      return count;
    };
  }

  // The next byte, or -1 at the end.
  int Peek() {
    if (cursor_ == end_ && !Refill()) return -1;
    return static_cast<unsigned char>(window_[cursor_]);
  }
  // REQUIRES: Peek() is not -1.
  void Next() {
    if (window_[cursor_++] == '\n') {
      ++line_;
      column_ = 1;
    } else {
      ++column_;
    }
  }

  // Whole lines with their ends, as many as have been read, at least one; the last line of a text may lack its end.
  // False as in NextLine. Lines are not counted. Not to be mixed with the other ways to read.
  bool NextLines(std::string_view* lines) {
    size_t searched = 0;  // of what is unread, holds no end of a line
    while (true) {
      const std::string_view unread(window_.data() + cursor_, end_ - cursor_);
      const size_t last = unread.substr(searched).rfind('\n');
      if (last != std::string_view::npos) {
        *lines = unread.substr(0, searched + last + 1);
        break;
      }
      searched = unread.size();
      if (searched > kLineBytesMax) {
        too_long_ = true;
        return false;
      }
      if (Refill()) continue;
      if (unread.empty()) return false;
      *lines = unread;
      break;
    }
    cursor_ += lines->size();
    return true;
  }

  // The next line without its end; false at the end of the text or if the line is too long (see too_long). The view is
  // valid until the next call. Not to be mixed with Peek within a line.
  bool NextLine(std::string_view* text) {
    size_t searched = cursor_;
    while (true) {
      const void* const found = std::memchr(window_.data() + searched, '\n', end_ - searched);
      if (found != nullptr) {
        const size_t at = static_cast<size_t>(static_cast<const char*>(found) - window_.data());
        *text = std::string_view(window_.data() + cursor_, at - cursor_);
        cursor_ = at + 1;
        ++line_;
        break;
      }
      const size_t pending = end_ - cursor_;
      if (pending > kLineBytesMax) {
        too_long_ = true;
        return false;
      }
      if (!Refill()) {
        if (cursor_ == end_) return false;
        *text = std::string_view(window_.data() + cursor_, end_ - cursor_);
        cursor_ = end_;
        ++line_;
        break;
      }
      searched = cursor_ + pending;
    }
    if (!text->empty() && text->back() == '\r') text->remove_suffix(1);
    return true;
  }
  bool too_long() const { return too_long_; }
  size_t size_hint() const { return size_hint_; }

  // Looks ahead without consuming; at most the first window.
  std::string_view Head(size_t size) {
    while (end_ - cursor_ < size && Refill()) {
    }
    return std::string_view(window_.data() + cursor_, std::min(size, end_ - cursor_));
  }

  // Line of the next byte; after NextLine, one more than that of the line handed out.
  int64_t line() const { return line_; }
  int64_t column() const { return column_; }

 private:
  // A short text needs no large window; one byte more than it has tells that it ends.
  static size_t FirstWindow(size_t size_hint) {
    return size_hint == 0 ? kWindowBytes : std::min(kWindowBytes, size_hint + 1);
  }

  // Reads on behind what is unread; false at the end.
  bool Refill() {
    if (done_) return false;
    if (cursor_ > 0) {
      std::memmove(window_.data(), window_.data() + cursor_, end_ - cursor_);
      end_ -= cursor_;
      cursor_ = 0;
    }
    if (end_ + kSlackBytes == window_.size()) window_.resize(window_.size() * 2);
    const size_t count = reader_(window_.data() + end_, window_.size() - kSlackBytes - end_);
    if (count == 0) {
      done_ = true;
      return false;
    }
    end_ += count;
    return true;
  }

  Reader reader_;
  size_t size_hint_;
  std::vector<char> window_;  // with kSlackBytes at its end that are never filled
  size_t cursor_ = 0;
  size_t end_ = 0;
  int64_t line_ = 1;
  int64_t column_ = 1;
  bool done_ = false;
  bool too_long_ = false;
};

}  // namespace holdfast::history

#endif  // HOLDFAST_HARNESS_HISTORY_TEXT_SOURCE_H_
