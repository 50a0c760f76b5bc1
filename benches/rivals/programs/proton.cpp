// qpid-proton C++: reads sequence number, offset, enqueued time and body of all events in a hub, from all partitions.
//
//   proton ADDRESS HUB PARTITIONS EVENTS KEYNAME KEY [memory | tls CA_FILE]
//
// Reads EVENTS events once and prints a hash over them. Then runs a round with a new connection for each line on stdin and
// prints its CPU seconds. With `memory` the first round records the hub's bytes, and the others feed them to a new
// connection without a socket. With `tls` the connections are
// encrypted, and the hub's certificate is checked against the authorities of a PEM file.

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include <proton/codec/decoder.hpp>
#include <proton/connection.hpp>
#include <proton/connection_options.hpp>
#include <proton/container.hpp>
#include <proton/delivery.hpp>
#include <proton/delivery_mode.hpp>
#include <proton/io/connection_driver.hpp>
#include <proton/message.hpp>
#include <proton/messaging_handler.hpp>
#include <proton/receiver_options.hpp>
#include <proton/source_options.hpp>
#include <proton/ssl.hpp>
#include <proton/symbol.hpp>
#include <proton/timestamp.hpp>

namespace {

struct Event {
  int64_t number = -1;
  std::string offset;
  int64_t enqueued_ms = -1;
  proton::binary body;

  // Decodes as the library's own maps do, without building one, and skips other annotations.
  void read(const proton::message& message) {
    const proton::value& annotations = message.message_annotations().value();
    proton::codec::decoder decoder(annotations);
    proton::codec::start map;
    decoder >> map;
    for (size_t pair = 0; pair < map.size / 2; pair++) {
      decoder >> name;
      if (name == "x-opt-sequence-number") {
        decoder >> number;
      } else if (name == "x-opt-offset") {
        decoder >> offset;
      } else if (name == "x-opt-enqueued-time") {
        proton::timestamp time;
        decoder >> time;
        enqueued_ms = time.milliseconds();
      } else {
        decoder.next();
      }
    }
    const proton::value& data = message.body();
    if (data.type() == proton::BINARY) proton::get(data, body);
  }

  // Hash of an event, the same in every rival: FNV-1a of sequence number, offset, enqueued time and body.
  uint64_t digest() const {
    uint64_t sum = 0xcbf29ce484222325u;
    auto add = [&](const void* bytes, size_t size) {
      for (size_t at = 0; at < size; at++) {
        sum = (sum ^ static_cast<const unsigned char*>(bytes)[at]) * 0x100000001b3u;
      }
    };
    add(&number, sizeof number);
    add(offset.data(), offset.size());
    add(&enqueued_ms, sizeof enqueued_ms);
    add(body.data(), body.size());
    return sum;
  }

 private:
  proton::symbol name;
};

struct Reader : proton::messaging_handler {
  std::string url, hub, name, key;
  // PEM file; empty without TLS.
  std::string authorities;
  int partitions = 0;
  long wanted = 0, seen = 0;
  Event event;
  // Hash over all events; only in the first round.
  bool answers = false;
  uint64_t answer = 0;

  proton::connection_options options() {
    proton::connection_options options;
    options.user(name).password(key).sasl_allow_insecure_mechs(true).sasl_allowed_mechs("PLAIN");
    if (!authorities.empty()) {
      options.ssl_client_options(proton::ssl_client_options(authorities, proton::ssl::VERIFY_PEER_NAME));
    }
    return options;
  }

  void on_container_start(proton::container& container) override { container.connect(url, options()); }

  void on_connection_open(proton::connection& connection) override {
    for (int partition = 0; partition < partitions; partition++) {
      proton::receiver_options options;
      // Settled by the sender, as in the product and the official clients.
      options.credit_window(1000).delivery_mode(proton::delivery_mode::AT_MOST_ONCE);
      connection.open_receiver(hub + "/ConsumerGroups/$Default/Partitions/" + std::to_string(partition), options);
    }
  }

  void on_message(proton::delivery& delivery, proton::message& message) override {
    event.read(message);
    if (answers) answer += event.digest();
    if (++seen == wanted) delivery.connection().close();
  }

  void on_error(const proton::error_condition& error) override {
    std::cerr << error.what() << std::endl;
    std::exit(1);
  }
};

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

Reader reader_of(char** argv, bool answers) {
  Reader reader;
  reader.answers = answers;
  bool tls = argv[7] && argv[8];
  if (tls) reader.authorities = argv[8];
  reader.url = std::string(tls ? "amqps://" : "amqp://") + argv[1];
  reader.hub = argv[2];
  reader.partitions = std::atoi(argv[3]);
  reader.wanted = std::atol(argv[4]);
  reader.name = argv[5];
  reader.key = argv[6];
  return reader;
}

uint64_t round(char** argv, bool answers) {
  Reader reader = reader_of(argv, answers);
  proton::container(reader).run();
  return reader.answer;
}

// A connection that is fed with bytes instead of a socket.
struct Connection {
  Reader reader;
  proton::io::connection_driver driver;

  Connection(char** argv, bool answers) : reader(reader_of(argv, answers)) {
    driver.connect(reader.options().handler(reader));
  }

  bool done() const { return reader.seen >= reader.wanted; }

  // Processes the hub's bytes.
  void feed(const char* bytes, size_t count) {
    while (count > 0 && !done()) {
      proton::io::mutable_buffer room = driver.read_buffer();
      if (room.size == 0) std::exit(1);
      size_t part = std::min(room.size, count);
      std::memcpy(room.data, bytes, part);
      driver.read_done(part);
      driver.dispatch();
      bytes += part;
      count -= part;
    }
  }

  // Passes outgoing bytes to `write`.
  template <typename Write>
  void drain(Write write) {
    for (proton::io::const_buffer bytes = driver.write_buffer(); bytes.size > 0; bytes = driver.write_buffer()) {
      write(bytes.data, bytes.size);
      driver.write_done(bytes.size);
    }
  }
};

int connected(const std::string& address) {
  size_t colon = address.rfind(':');
  addrinfo* found = nullptr;
  if (getaddrinfo(address.substr(0, colon).c_str(), address.substr(colon + 1).c_str(), nullptr, &found)) std::exit(1);
  int to = socket(found->ai_family, SOCK_STREAM, 0);
  if (connect(to, found->ai_addr, found->ai_addrlen)) std::exit(1);
  freeaddrinfo(found);
  return to;
}

// Reads from the hub; returns the hub's bytes, one string per read of the socket.
std::vector<std::string> record(char** argv) {
  Connection connection(argv, false);
  int hub = connected(argv[1]);
  std::vector<std::string> recorded;
  std::string bytes(1 << 16, 0);
  while (!connection.done()) {
    connection.driver.dispatch();
    connection.drain([&](const char* outgoing, size_t size) {
      if (send(hub, outgoing, size, MSG_NOSIGNAL) != ssize_t(size)) std::exit(1);
    });
    ssize_t count = recv(hub, &bytes[0], bytes.size(), 0);
    if (count <= 0) std::exit(1);
    recorded.push_back(bytes.substr(0, count));
    connection.feed(bytes.data(), count);
  }
  close(hub);
  return recorded;
}

uint64_t replay(char** argv, bool answers, const std::vector<std::string>& recorded) {
  Connection connection(argv, answers);
  for (const std::string& part : recorded) {
    connection.driver.dispatch();
    connection.drain([](const char*, size_t) {});
    connection.feed(part.data(), part.size());
  }
  return connection.reader.answer;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) return 2;
  bool memory = argc == 8;
  std::vector<std::string> recorded;
  if (memory) recorded = record(argv);
  auto read = [&](bool answers) { return memory ? replay(argv, answers, recorded) : round(argv, answers); };
  std::cout << read(true) << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    double before = cpu_seconds();
    read(false);
    std::cout << cpu_seconds() - before << std::endl;
  }
}
