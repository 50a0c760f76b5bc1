// C++ simdjson, on demand: the facts of a change event and the attributes of its target, numbers as their text.
//
//   simdjson FILE.ndjson
//
// Says what it read as a number over all bodies, then does a round for each line on stdin and says its CPU seconds.

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

enum class Kind : char { Null, Text, Number, True, False };

struct Leaf {
  std::string_view name;
  Kind kind;
  std::string_view text;
};

struct Event {
  Leaf members[MEMBER_COUNT];
  std::vector<Leaf> attributes;
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

void read(ondemand::parser& parser, padded_string_view body, Event& event) {
  event.attributes.clear();
  for (auto& member : event.members) member = {{}, Kind::Null, {}};
  auto document = parser.iterate(body);
  // Members come in the order of their names; the expected one is tried first.
  size_t expected = 0;
  for (auto field : document.get_object()) {
    std::string_view name = field.escaped_key();
    if (name == "InputParameters") {
      inputs_of(field.value().get_array(), event.attributes);
      continue;
    }
    for (size_t tried = 0; tried < MEMBER_COUNT; tried++) {
      size_t at = (expected + tried) % MEMBER_COUNT;
      if (name[0] == MEMBERS[at][0] && name == MEMBERS[at]) {
        event.members[at] = leaf_of(MEMBERS[at], field.value());
        expected = at + 1;
        break;
      }
      if (tried > 0 && name[0] < MEMBERS[at][0]) break;
    }
  }
}

// The same in each rival: of each leaf FNV-1a of its name, 0, its kind and its value; summed up.
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
  ondemand::parser parser;
  Event event;
  uint64_t answer = 0;
  for (auto body : bodies) {
    read(parser, body, event);
    for (auto& leaf : event.members) answer += digest(leaf);
    for (auto& leaf : event.attributes) answer += digest(leaf);
  }
  std::cout << answer << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    double before = cpu_seconds();
    size_t count = 0;
    for (auto body : bodies) {
      read(parser, body, event);
      count += event.attributes.size();
    }
    double took = cpu_seconds() - before;
    if (count == size_t(-1)) return 1;
    std::cout << took << std::endl;
  }
}
