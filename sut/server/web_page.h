// The web page at /tables and its JSON twin, made from a view of the cluster.

#ifndef SUT_SERVER_WEB_PAGE_H_
#define SUT_SERVER_WEB_PAGE_H_

#include <string>
#include <string_view>

#include "sut/server/cluster_view.h"

namespace sut {

// All text in a view comes from users or the network: none of it reaches the page unescaped.
std::string EscapeHtml(std::string_view text);

std::string TablesHtml(const ClusterView& view);
std::string TablesJson(const ClusterView& view);

}  // namespace sut

#endif  // SUT_SERVER_WEB_PAGE_H_
