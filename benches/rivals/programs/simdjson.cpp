// C++ simdjson, on demand, with numbers as text. Reads the facts and the target's attributes of change events. With
// `everything` it reads all leaves except those of the ParentContext and indexes the known members, as our tree does.
//
//   simdjson FILE.ndjson [everything]
//
// Prints a hash over all bodies, then runs a round for each line on stdin and prints its CPU seconds.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "simdjson.h"

using namespace simdjson;

namespace {

constexpr const char* MEMBERS[] = {
    "BusinessUnitId", "CorrelationId", "Depth", "InitiatingUserAgent", "InitiatingUserAzureActiveDirectoryObjectId",
    "InitiatingUserId", "IsExecutingOffline", "IsInTransaction", "IsOfflinePlayback", "IsolationMode", "MessageName",
    "Mode", "OperationCreatedOn", "OperationId", "OrganizationId", "OrganizationName", "PrimaryEntityId",
    "PrimaryEntityName", "RequestId", "SecondaryEntityName", "Stage", "UserAzureActiveDirectoryObjectId", "UserId"};
constexpr size_t MEMBER_COUNT = sizeof(MEMBERS) / sizeof(*MEMBERS);

// All members that our parser knows, in the order of the serializer.
constexpr const char* KNOWN[] = {
    "BusinessUnitId", "CorrelationId", "Depth", "InitiatingUserAgent", "InitiatingUserAzureActiveDirectoryObjectId",
    "InitiatingUserId", "InputParameters", "IsExecutingOffline", "IsInTransaction", "IsOfflinePlayback",
    "IsolationMode", "MessageName", "Mode", "OperationCreatedOn", "OperationId", "OrganizationId", "OrganizationName",
    "OutputParameters", "OwningExtension", "ParentContext", "PostEntityImages", "PreEntityImages", "PrimaryEntityId",
    "PrimaryEntityName", "RequestId", "SecondaryEntityName", "SharedVariables", "Stage",
    "UserAzureActiveDirectoryObjectId", "UserId"};
constexpr size_t KNOWN_COUNT = sizeof(KNOWN) / sizeof(*KNOWN);

enum class Kind : char { Null, Text, Number, True, False };

struct Leaf {
  std::string_view name = {};
  Kind kind = Kind::Null;
  std::string_view text = {};
};

struct Event {
  Leaf members[MEMBER_COUNT];
  // Leaves of the target's attributes, or all leaves.
  std::vector<Leaf> leaves;
  // With `everything`: index of the first leaf of each known member.
  size_t known[KNOWN_COUNT];
};

Leaf leaf_of(std::string_view name, ondemand::value value) {
  switch (value.type()) {
    case ondemand::json_type::string:
      return {name, Kind::Text, std::string_view(value.get_string())};
    case ondemand::json_type::number:
      return {name, Kind::Number, value.raw_json_token()};
    case ondemand::json_type::boolean:
      return {name, bool(value.get_bool()) ? Kind::True : Kind::False, {}};
    default:
      return {name, Kind::Null, {}};
  }
}

void leaves_of(std::string_view name, ondemand::value value, std::vector<Leaf>& out) {
  switch (value.type()) {
    case ondemand::json_type::object:
      for (auto field : value.get_object()) {
        if (std::string_view(field.escaped_key()) == "__type") continue;
        leaves_of(name, field.value(), out);
      }
      break;
    case ondemand::json_type::array:
      for (auto item : value.get_array()) leaves_of(name, item.value(), out);
      break;
    default: {
      Leaf leaf = leaf_of(name, value);
      if (leaf.kind != Kind::Null) out.push_back(leaf);
    }
  }
}

void target_of(ondemand::object target, std::vector<Leaf>& out) {
  for (auto field : target) {
    if (std::string_view(field.escaped_key()) != "Attributes") continue;
    for (auto pair : field.value().get_array()) {
      std::string_view key;
      for (auto part : pair.get_object()) {
        std::string_view name = part.escaped_key();
        if (name == "key") {
          key = std::string_view(part.value().get_string());
        } else if (name == "value") {
          leaves_of(key, part.value(), out);
        }
      }
    }
  }
}

void inputs_of(ondemand::array inputs, std::vector<Leaf>& out) {
  for (auto pair : inputs) {
    bool is_target = false;
    for (auto part : pair.get_object()) {
      std::string_view name = part.escaped_key();
      if (name == "key") {
        is_target = std::string_view(part.value().get_string()) == "Target";
      } else if (name == "value" && is_target) {
        target_of(part.value().get_object(), out);
      }
    }
  }
}

// Index of a known name, or `count` if the name is unknown. Members are usually in order, so the expected name is tried
// first.
size_t place_of(std::string_view name, const char* const* names, size_t count, size_t expected) {
  for (size_t tried = 0; tried < count; tried++) {
    size_t at = (expected + tried) % count;
    if (name[0] == names[at][0] && name == names[at]) return at;
    if (tried > 0 && name[0] < names[at][0]) break;
  }
  return count;
}

void read_facts(ondemand::parser& parser, padded_string_view body, Event& event) {
  event.leaves.clear();
  for (auto& member : event.members) member = {{}, Kind::Null, {}};
  auto document = parser.iterate(body);
  size_t expected = 0;
  for (auto field : document.get_object()) {
    std::string_view name = field.escaped_key();
    if (name == "InputParameters") {
      inputs_of(field.value().get_array(), event.leaves);
      continue;
    }
    size_t at = place_of(name, MEMBERS, MEMBER_COUNT, expected);
    if (at == MEMBER_COUNT) continue;
    event.members[at] = leaf_of(MEMBERS[at], field.value());
    expected = at + 1;
  }
}

void member_of(std::string_view name, ondemand::value value, std::vector<Leaf>& out);

void all_of(std::string_view name, ondemand::value value, std::vector<Leaf>& out) {
  switch (value.type()) {
    case ondemand::json_type::object:
      for (auto field : value.get_object()) member_of(field.escaped_key(), field.value(), out);
      break;
    case ondemand::json_type::array:
      for (auto item : value.get_array()) all_of(name, item.value(), out);
      break;
    default:
      out.push_back(leaf_of(name, value));
  }
}

void member_of(std::string_view name, ondemand::value value, std::vector<Leaf>& out) {
  if (name != "__type") return all_of(name, value, out);
  // The name of the type, without its namespace.
  std::string_view type = value.get_string();
  out.push_back({name, Kind::Text, type.substr(0, type.find(':'))});
}

void read_everything(ondemand::parser& parser, padded_string_view body, Event& event) {
  event.leaves.clear();
  for (auto& place : event.known) place = size_t(-1);
  auto document = parser.iterate(body);
  size_t expected = 0;
  for (auto field : document.get_object()) {
    std::string_view name = field.escaped_key();
    size_t at = place_of(name, KNOWN, KNOWN_COUNT, expected);
    if (at < KNOWN_COUNT) {
      event.known[at] = event.leaves.size();
      expected = at + 1;
    }
    if (name != "ParentContext") member_of(name, field.value(), event.leaves);
  }
}

// Hash of a leaf, the same in every rival: FNV-1a of its name, 0, its kind and its value.
uint64_t digest(const Leaf& leaf) {
  if (leaf.kind == Kind::Null) return 0;
  uint64_t sum = 0xcbf29ce484222325u;
  auto add = [&](const char* bytes, size_t size) {
    for (size_t at = 0; at < size; at++) sum = (sum ^ uint8_t(bytes[at])) * 0x100000001b3u;
  };
  add(leaf.name.data(), leaf.name.size());
  add("", 1);
  switch (leaf.kind) {
    case Kind::Text:
      add("s", 1);
      add(leaf.text.data(), leaf.text.size());
      break;
    case Kind::Number: {
      double value = std::strtod(std::string(leaf.text).c_str(), nullptr);
      add("n", 1);
      add(reinterpret_cast<const char*>(&value), sizeof value);
      break;
    }
    default:
      add(leaf.kind == Kind::True ? "t" : "f", 1);
  }
  return sum;
}

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::ifstream file(argv[1], std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const size_t size = bytes.size();
  bytes.resize(size + SIMDJSON_PADDING);
  std::vector<padded_string_view> bodies;
  for (size_t begin = 0; begin < size;) {
    size_t end = bytes.find('\n', begin);
    if (end == std::string::npos || end > size) end = size;
    if (end > begin) bodies.emplace_back(bytes.data() + begin, end - begin, bytes.size() - begin);
    begin = end + 1;
  }
  const auto read = argc > 2 ? read_everything : read_facts;
  ondemand::parser parser;
  Event event;
  uint64_t answer = 0;
  for (auto body : bodies) {
    read(parser, body, event);
    for (auto& leaf : event.members) answer += digest(leaf);
    for (auto& leaf : event.leaves) answer += digest(leaf);
  }
  std::cout << answer << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    double before = cpu_seconds();
    size_t count = 0;
    for (auto body : bodies) {
      read(parser, body, event);
      count += event.leaves.size();
    }
    double took = cpu_seconds() - before;
    if (count == size_t(-1)) return 1;
    std::cout << took << std::endl;
  }
}
