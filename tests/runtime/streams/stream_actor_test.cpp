#include "actors/fixture.hpp"
#include "runtime/streams/stream_actor.hpp"

#include <algorithm>

using namespace thespis;
using namespace thespis::test;

namespace {

/// A local side under the test's control: it gives `left` bytes, and takes at the test's pace.
struct fake_port final : runtime::stream_port {
  void read(size_t max, read_handler f) override {
    if (!failure.empty())
      return f(api::fail(api::internal_error(failure)));
    if (left == 0 && !ends) {
      reader = std::move(f);
      return;
    }
    if (left == 0)
      return f(std::nullopt);
    const auto n = std::min(left, max);
    std::string bytes(n, '\0');
    for (auto& c : bytes)
      c = static_cast<char>(given++ * 31 % 251);
    left -= n;
    largest = std::max(largest, n);
    f(std::optional{std::move(bytes)});
  }
  void write(std::string bytes, write_handler f) override {
    for (const char c : bytes)
      intact = intact && c == static_cast<char>(taken++ * 31 % 251);
    if (slow)
      writer = std::move(f);
    else if (refuses)
      f(api::fail(api::internal_error("broken pipe")));
    else
      f({});
  }
  void end_write() override { ended = true; }
  void close(const std::optional<api::error>& why) override {
    ++closed;
    if (why)
      reason = why->message;
  }
  bool alive() override { return there; }

  /// Ends what waits for bytes.
  void end() {
    ends = true;
    if (reader)
      std::exchange(reader, nullptr)(std::nullopt);
  }
  /// Takes the one write that waits.
  bool take_one() {
    if (!writer)
      return false;
    std::exchange(writer, nullptr)({});
    return true;
  }

  size_t left = 0, given = 0, taken = 0, largest = 0;
  bool ends = true, slow = false, refuses = false, intact = true, ended = false, there = true;
  int closed = 0;
  std::string reason, failure;
  read_handler reader;
  write_handler writer;
};

struct stream_fixture : cluster_fixture {
  using port = std::shared_ptr<fake_port>;

  /// Two ends of one stream; `b` is the one that waits to be spoken to.
  std::pair<port, port> connect(const std::function<void(fake_port&, fake_port&)>& prepare = {},
                                runtime::stream_limits limits = {}) {
    const auto a = std::make_shared<fake_port>();
    const auto b = std::make_shared<fake_port>();
    if (prepare)
      prepare(*a, *b);
    end_b = spawn<runtime::stream_actor>(runtime::stream_deps{"b", b, {}, limits});
    end_a = spawn<runtime::stream_actor>(runtime::stream_deps{"a", a, end_b, limits});
    return {a, b};
  }
  runtime::stream_actor_handle end_a, end_b;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(stream_actor, stream_fixture)

BOOST_AUTO_TEST_CASE(a_hundred_megabytes_arrive_whole_and_in_order_both_ways) {
  const size_t size = 100 << 20;
  const auto [a, b] = connect([&](auto& x, auto& y) {
    x.left = 1 << 20;
    y.left = size;
  });
  settle();
  BOOST_TEST(a->taken == size);
  BOOST_TEST(b->taken == size_t{1} << 20);
  BOOST_TEST(a->intact);
  BOOST_TEST(b->intact);
  BOOST_TEST(b->largest <= size_t{64} << 10);
  for (const auto& p : {a, b}) {
    BOOST_TEST(p->ended);
    BOOST_TEST(p->closed == 1);
    BOOST_TEST(p->reason == "");
  }
}

BOOST_AUTO_TEST_CASE(many_streams_at_once_do_not_mix) {
  std::vector<std::pair<port, port>> all;
  for (size_t i = 0; i < 50; ++i)
    all.push_back(connect([&](auto& x, auto& y) {
      x.left = 1000 * i;
      y.left = 70'000 * i;
    }));
  settle();
  for (size_t i = 0; i < all.size(); ++i) {
    BOOST_TEST(all[i].first->taken == 70'000 * i);
    BOOST_TEST(all[i].second->taken == 1000 * i);
    BOOST_TEST((all[i].first->intact && all[i].second->intact));
  }
}

BOOST_AUTO_TEST_CASE(a_slow_reader_holds_up_the_writer_and_nobodys_memory) {
  runtime::stream_limits limits;
  limits.window = 256 * 1024;
  const auto [a, b] = connect(
      [](auto& x, auto& y) {
        x.slow = true;
        y.left = 100 << 20;
      },
      limits);
  for (int i = 0; i < 200; ++i) {
    settle();
    // What left the source and was not taken fits into the window.
    BOOST_TEST(b->given <= a->taken + limits.window);
    BOOST_TEST(a->take_one());
  }
  BOOST_TEST(a->closed == 0);
  BOOST_TEST(a->taken < 20U << 20);
  // Slow is not gone: signs of life keep the stream open.
  advance(10min);
  BOOST_TEST(a->closed == 0);
  a->slow = false;
  a->take_one();
  advance(1s);
  BOOST_TEST(a->taken == size_t{100} << 20);
  BOOST_TEST(a->intact);
  BOOST_TEST(a->closed == 1);
}

BOOST_AUTO_TEST_CASE(what_a_slow_reader_was_sent_arrives_after_the_writer_went) {
  const auto [a, b] = connect([](auto& x, auto& y) {
    x.slow = true;
    y.left = 200 * 1024;
  });
  settle();
  advance(10min);
  BOOST_TEST(b->closed == 1); // it gave all, and there is nothing to take
  while (a->take_one())
    settle();
  BOOST_TEST(a->taken == 200U * 1024);
  BOOST_TEST(a->reason == "");
  BOOST_TEST(a->closed == 1);
}

BOOST_AUTO_TEST_CASE(each_direction_ends_by_itself) {
  const auto [a, b] = connect([](auto& x, auto& y) {
    x.left = 5;
    y.ends = false;
  });
  settle();
  BOOST_TEST(b->taken == 5U);
  BOOST_TEST(b->ended);
  BOOST_TEST((!a->ended && a->closed == 0 && b->closed == 0));
  b->left = 7;
  b->reader(std::optional<std::string>{std::string(1, '\0')}); // the first byte of the pattern
  b->given = 1;
  settle();
  b->end();
  settle();
  BOOST_TEST(a->ended);
  BOOST_TEST((a->closed == 1 && b->closed == 1));
  BOOST_TEST(a->intact);
}

BOOST_AUTO_TEST_CASE(a_failure_on_either_side_closes_both_and_says_why) {
  const auto [a, b] = connect([](auto& x, auto& y) {
    x.ends = false;
    x.refuses = true;
    y.left = 1 << 20;
  });
  settle();
  BOOST_TEST((a->closed == 1 && b->closed == 1));
  BOOST_TEST(b->reason == "Internal error occurred: broken pipe");
  BOOST_TEST(b->given <= 512U * 1024);

  const auto [c, d] = connect([](auto& x, auto& y) {
    x.ends = false;
    y.failure = "the file is gone";
  });
  settle();
  BOOST_TEST(c->reason == "Internal error occurred: the file is gone");
  BOOST_TEST(d->closed == 1);
}

BOOST_AUTO_TEST_CASE(a_client_that_left_an_idle_stream_ends_it) {
  const auto [a, b] = connect([](auto& x, auto& y) { x.ends = y.ends = false; });
  advance(5min);
  BOOST_TEST((a->closed == 0 && b->closed == 0));
  a->there = false;
  advance(10s);
  BOOST_TEST((a->closed == 1 && b->closed == 1));
}

BOOST_AUTO_TEST_CASE(an_end_that_is_killed_ends_the_other) {
  const auto [a, b] = connect([](auto& x, auto& y) { x.ends = y.ends = false; });
  settle();
  caf::anon_send_exit(end_b, caf::exit_reason::kill);
  settle();
  BOOST_TEST(a->closed == 1);
  BOOST_TEST(a->reason == "the other end of the stream went away");
  BOOST_TEST(b->closed == 1);
}

BOOST_AUTO_TEST_CASE(an_end_that_nobody_speaks_to_gives_up) {
  const auto b = std::make_shared<fake_port>();
  spawn<runtime::stream_actor>(runtime::stream_deps{"b", b, {}, {}});
  advance(50s);
  BOOST_TEST(b->closed == 0);
  advance(30s);
  BOOST_TEST(b->closed == 1);
  BOOST_TEST(b->reason == "the other end of the stream is silent");
}

BOOST_AUTO_TEST_CASE(a_peer_that_sends_more_than_it_may_is_cut_off) {
  const auto b = std::make_shared<fake_port>();
  b->slow = true;
  b->ends = false;
  const auto end = spawn<runtime::stream_actor>(runtime::stream_deps{"b", b, {}, {}});
  caf::scoped_actor self{system()};
  self->send(end, runtime::stream_credit{1});
  for (int i = 0; i < 9; ++i)
    self->send(end, runtime::stream_data{std::string(64 * 1024, 'x')});
  settle();
  BOOST_TEST(b->closed == 1);
  BOOST_TEST(b->reason == "the other end of the stream sent more than it may");

  const auto c = std::make_shared<fake_port>();
  c->ends = false;
  const auto greedy = spawn<runtime::stream_actor>(runtime::stream_deps{"c", c, {}, {}});
  self->send(greedy, runtime::stream_credit{UINT64_MAX});
  settle();
  BOOST_TEST(c->reason == "more credit than a stream may have");
}

BOOST_AUTO_TEST_SUITE_END()
