#include "proxy/data/bench.hpp"
#include "tools/bench/bench.hpp"
#include "tools/shell/text_table.hpp"

#include <cmath>

namespace thespis::tools::bench {

api::result<figures> measure_services(const context& c) {
  const auto n = static_cast<size_t>(c.opts.services);
  c.log.say("programming " + std::to_string(n) + " services of two endpoints");
  auto res = proxy::program_from_nothing(n);
  if (!res)
    return api::fail(std::move(res.error()));
  const auto milliseconds = [](std::string what, double value, std::string note) {
    figure f;
    f.what = std::move(what);
    f.value = value;
    f.unit = "ms";
    f.less_is_better = true;
    f.note = std::move(note);
    return f;
  };
  figures out{
      milliseconds(grouped(n) + " services", res->from_nothing,
                   "from nothing; of it the plan takes " + std::to_string(std::lround(res->plan)) +
                       " ms"),
      milliseconds("endpoint changed", res->change, "one of one service, median"),
      milliseconds("service scaled", res->scale, "from two endpoints to three or back, median"),
  };
  auto traffic = measure_traffic(c);
  if (!traffic)
    return api::fail(std::move(traffic.error()));
  out.insert(out.end(), traffic->begin(), traffic->end());
  return out;
}

} // namespace thespis::tools::bench
