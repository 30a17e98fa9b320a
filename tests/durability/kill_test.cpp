// kill -9 at any moment: what was acknowledged, or shown to a reader, is there afterwards.
//
// The store runs in a forked process that tells each acknowledgement through a pipe; the parent
// kills it at a random moment and has another process compare. The parent itself never starts a
// thread, so that forking stays safe.
#include "runtime/actor_system.hpp"
#include "runtime/store/store_actor.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>

using namespace thespis;
using namespace std::chrono_literals;

namespace {

constexpr int rounds = 50;
constexpr int writers = 4;
constexpr int objects_a_writer = 40;
constexpr uint64_t seed = 20250911;

api::draft draft_of(const std::string& name, int value) {
  auto doc = *api::json::parse(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":")" +
                               name + R"(","namespace":"default","uid":"uid-)" + name +
                               R"("},"data":{"value":")" + std::to_string(value) + "\"}}");
  return api::make_draft("configmaps", doc);
}

/// One acknowledged or observed fact, as a line shorter than PIPE_BUF: written whole or not at all.
void tell(int fd, char kind, const std::string& name, uint64_t revision) {
  const auto line = std::string{kind} + " " + name + " " + std::to_string(revision) + "\n";
  if (::write(fd, line.data(), line.size()) < 0)
    std::_Exit(3);
}

/// Writes objects of its own, round and round, until killed.
void write_for_ever(caf::actor_system& sys, const runtime::store_handle& store, int fd, int self,
                    int round) {
  caf::scoped_actor me{sys};
  for (int n = 0;; ++n) {
    runtime::write_batch batch;
    const auto count = 1 + n % 7;
    for (int i = 0; i < count; ++i) {
      const auto name = "w" + std::to_string(self) + "-" +
                        std::to_string((n * 7 + i) % objects_a_writer) + "-r" +
                        std::to_string(round % 5);
      auto& w = batch.writes.emplace_back();
      w.draft = draft_of(name, n);
      w.kind = api::write_kind::update;
      // Whether it exists is the store's to say: creation is tried on refusal.
      w.expected_revision = 0;
    }
    runtime::write_batch creations;
    const auto report = [&](runtime::write_outcomes& o, const runtime::write_batch* sent) {
      for (size_t i = 0; i < o.outcomes.size(); ++i) {
        if (o.outcomes[i].ok)
          tell(fd, 'A', o.outcomes[i].object->name(), o.outcomes[i].object->revision());
        else if (sent)
          creations.writes.push_back({api::write_kind::create, sent->writes[i].draft, 0});
      }
    };
    me->request(store, 60s, batch)
        .receive([&](runtime::write_outcomes& o) { report(o, &batch); },
                 [](const caf::error&) { std::_Exit(4); });
    if (!creations.writes.empty())
      me->request(store, 60s, creations)
          .receive([&](runtime::write_outcomes& o) { report(o, nullptr); },
                   [](const caf::error&) { std::_Exit(4); });
  }
}

[[noreturn]] void run_store(const std::string& dir, int fd, int round) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto storage = runtime::open_rocksdb_engine(dir);
  if (!storage)
    std::_Exit(5);
  runtime::system_config config;
  caf::actor_system sys{config};
  auto roles = std::make_shared<runtime::directory>();
  auto shared = std::make_shared<runtime::snapshots>();
  runtime::store_deps deps{std::move(*storage), shared, roles, true};
  const auto store = caf::actor_cast<runtime::store_handle>(sys.spawn<runtime::store_actor>(deps));
  std::vector<std::thread> threads;
  for (int i = 0; i < writers; ++i)
    threads.emplace_back([&, i] { write_for_ever(sys, store, fd, i, round); });
  // A reader tells what it was shown: that must be durable, too.
  for (;;)
    for (const auto& o : shared->list("configmaps").objects)
      tell(fd, 'R', o->name(), o->revision());
}

/// Newest told revision by name, of acknowledgements and of reads.
using facts = std::map<std::string, uint64_t>;

facts collect(int fd, std::chrono::milliseconds live, pid_t child) {
  facts res;
  std::string pending;
  const auto end = std::chrono::steady_clock::now() + live;
  bool killed = false;
  char buf[65536];
  for (;;) {
    if (!killed && std::chrono::steady_clock::now() >= end) {
      ::kill(child, SIGKILL);
      killed = true;
    }
    const auto n = ::read(fd, buf, sizeof buf);
    if (n <= 0)
      break;
    pending.append(buf, static_cast<size_t>(n));
    for (size_t at; (at = pending.find('\n')) != std::string::npos; pending.erase(0, at + 1)) {
      std::istringstream in{pending.substr(2, at - 2)};
      std::string name;
      uint64_t revision = 0;
      in >> name >> revision;
      auto& known = res[name];
      known = std::max(known, revision);
    }
  }
  ::waitpid(child, nullptr, 0);
  return res;
}

/// In a process of its own: what the disk has, compared with what was told. 0 when all is there.
int compare(const std::string& dir, const facts& told) {
  const auto child = ::fork();
  if (child == 0) {
    auto storage = runtime::open_rocksdb_engine(dir);
    if (!storage)
      std::_Exit(100);
    facts present;
    const auto newest =
        (*storage)->load([&](api::object_ptr o) { present[o->name()] = o->revision(); });
    int lost = 0;
    for (const auto& [name, revision] : told)
      if (!present.contains(name) || present[name] < revision || revision > newest) {
        std::fprintf(stderr, "%s: told %llu, found %llu\n", name.c_str(),
                     static_cast<unsigned long long>(revision),
                     static_cast<unsigned long long>(present[name]));
        ++lost;
      }
    storage->reset();
    std::_Exit(std::min(lost, 99));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

} // namespace

BOOST_AUTO_TEST_SUITE(durability)

BOOST_AUTO_TEST_CASE(nothing_acknowledged_or_read_is_lost_by_kill_9) {
  const auto dir =
      std::filesystem::temp_directory_path() / ("thespis-kill-" + std::to_string(::getpid()));
  std::filesystem::create_directories(dir);
  std::mt19937_64 random{seed};
  size_t total = 0;
  for (int round = 0; round < rounds; ++round) {
    int ends[2];
    BOOST_REQUIRE_EQUAL(::pipe(ends), 0);
    const auto child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      run_store(dir / "store", ends[1], round);
    }
    ::close(ends[1]);
    const std::chrono::milliseconds live{60 + random() % 200};
    const auto told = collect(ends[0], live, child);
    ::close(ends[0]);
    total += told.size();
    BOOST_REQUIRE_EQUAL(compare(dir / "store", told), 0);
  }
  // The store must have been at work in most rounds, or nothing was tested.
  BOOST_TEST(total > static_cast<size_t>(rounds));
  std::filesystem::remove_all(dir);
}

BOOST_AUTO_TEST_SUITE_END()
