#include "proxy/policy/policy_text.hpp"

#include <algorithm>

namespace thespis::proxy {

namespace {

class script {
public:
  script(ip_family f, const std::string& table)
      : words_(words_of(f)), table_(std::string{words_.family} + " " + table) {}

  void add(const std::string& what) { out += "add " + qualified(what); }
  void remove(const std::string& what) { out += "delete " + qualified(what); }

  void set(const std::string& name, const policy_set& s) {
    const auto begin = "set " + name + " { type " + std::string{words_.type};
    switch (s.kind) {
    case set_kind::addresses:
      add(begin + "; }");
      break;
    case set_kind::blocks:
      add(begin + "; flags interval; }");
      break;
    case set_kind::ports:
      add(begin + " . inet_proto . inet_service; }");
      break;
    }
    elements("add", name, s.elements);
  }

  template <class Elements>
  void elements(const char* verb, const std::string& set, const Elements& all) {
    if (all.empty())
      return;
    out += std::string{verb} + " element " + table_ + " " + set + " { ";
    bool first = true;
    for (const auto& e : all) {
      out += (first ? "" : ", ") + e;
      first = false;
    }
    out += " }\n";
  }

  void chain(const std::string& name, const std::vector<std::string>& matches) {
    add("chain " + name);
    for (const auto& m : matches)
      add("rule " + name + " " + m + "return");
    add("rule " + name + " drop");
  }

  /// Replies pass; so does what a pod sends to itself by a Service.
  void base() {
    const std::string type{words_.type};
    const std::string ip{words_.family};
    add("set self { type " + type + " . " + type + "; }");
    for (const char* map : {"ingress", "egress"})
      add(std::string{"map "} + map + " { type " + type + " : verdict; }");
    add("chain forward { type filter hook forward priority filter; }");
    add("rule forward ct state established,related return");
    add("rule forward " + ip + " saddr . " + ip + " daddr @self return");
    add("rule forward " + ip + " saddr vmap @egress");
    add("rule forward " + ip + " daddr vmap @ingress");
  }

  std::string out;

private:
  /// "set x …" is "set FAMILY TABLE x …".
  std::string qualified(const std::string& what) const {
    const auto space = what.find(' ');
    return what.substr(0, space) + " " + table_ + what.substr(space) + "\n";
  }

  const family_words& words_;
  const std::string table_; ///< after its family
};

std::vector<std::string> leads(const std::map<std::string, std::string>& map) {
  std::vector<std::string> res;
  for (const auto& [ip, chain] : map)
    res.push_back(ip + " : jump " + chain);
  return res;
}

std::set<std::string> selves(const policy_rules& r) {
  std::set<std::string> res;
  for (const auto* map : {&r.ingress, &r.egress})
    for (const auto& [ip, chain] : *map)
      res.insert(ip + " . " + ip);
  return res;
}

/// What is in `a` and not in `b`.
std::vector<std::string> without(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::vector<std::string> res;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(res));
  return res;
}

void change_elements(script& s, const std::string& set, const std::set<std::string>& from,
                     const std::set<std::string>& to) {
  s.elements("delete", set, without(from, to));
  s.elements("add", set, without(to, from));
}

void change_map(script& s, const std::string& name, const std::map<std::string, std::string>& from,
                const std::map<std::string, std::string>& to) {
  std::vector<std::string> gone;
  std::map<std::string, std::string> fresh;
  for (const auto& [ip, chain] : from)
    if (const auto i = to.find(ip); i == to.end() || i->second != chain)
      gone.push_back(ip);
  for (const auto& [ip, chain] : to)
    if (const auto i = from.find(ip); i == from.end() || i->second != chain)
      fresh[ip] = chain;
  s.elements("delete", name, gone);
  s.elements("add", name, leads(fresh));
}

} // namespace

std::string policy_removal(ip_family f, const std::string& table) {
  const auto name = "table " + std::string{words_of(f).family} + " " + table + "\n";
  // Adding first makes the deletion succeed in any case.
  return "add " + name + "delete " + name;
}

std::string policy_replacement(ip_family f, const std::string& table, const policy_rules& rules) {
  script s{f, table};
  s.out = policy_removal(f, table);
  s.out += "add table " + std::string{words_of(f).family} + " " + table + "\n";
  s.base();
  for (const auto& [name, set] : rules.sets)
    s.set(name, set);
  for (const auto& [name, matches] : rules.chains)
    s.chain(name, matches);
  s.elements("add", "self", selves(rules));
  s.elements("add", "ingress", leads(rules.ingress));
  s.elements("add", "egress", leads(rules.egress));
  return std::move(s.out);
}

policy_change change_policies(ip_family f, const std::string& table, const policy_rules& from,
                              const policy_rules& to) {
  script added{f, table};
  script changed{f, table};
  script removed{f, table};
  for (const auto& [name, set] : to.sets) {
    if (const auto known = from.sets.find(name); known == from.sets.end())
      added.set(name, set);
    else
      change_elements(changed, name, known->second.elements, set.elements);
  }
  for (const auto& [name, matches] : to.chains)
    if (!from.chains.count(name))
      added.chain(name, matches);
  change_elements(changed, "self", selves(from), selves(to));
  change_map(changed, "ingress", from.ingress, to.ingress);
  change_map(changed, "egress", from.egress, to.egress);
  for (const auto& [name, matches] : from.chains)
    if (!to.chains.count(name))
      removed.remove("chain " + name);
  for (const auto& [name, set] : from.sets)
    if (!to.sets.count(name))
      removed.remove("set " + name);
  return {std::move(added.out), std::move(changed.out), std::move(removed.out)};
}

} // namespace thespis::proxy
