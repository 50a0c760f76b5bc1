// qpid-proton C++: reads all partitions of a hub, as an event processor would, and looks at the bodies.
//
//   proton ADDRESS HUB PARTITIONS EVENTS KEYNAME KEY
//
// Does a round for each line on stdin: a new connection, so many events. Says the bytes of the bodies of the first
// round, then each round's CPU seconds.

#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>

#include <proton/connection.hpp>
#include <proton/connection_options.hpp>
#include <proton/container.hpp>
#include <proton/delivery.hpp>
#include <proton/delivery_mode.hpp>
#include <proton/message.hpp>
#include <proton/messaging_handler.hpp>
#include <proton/receiver_options.hpp>
#include <proton/source_options.hpp>

namespace {

struct Reader : proton::messaging_handler {
  std::string url, hub, name, key;
  int partitions = 0;
  long wanted = 0, seen = 0;
  size_t bytes = 0;

  void on_container_start(proton::container& container) override {
    proton::connection_options options;
    options.user(name).password(key).sasl_allow_insecure_mechs(true).sasl_allowed_mechs("PLAIN");
    container.connect(url, options);
  }

  void on_connection_open(proton::connection& connection) override {
    for (int partition = 0; partition < partitions; partition++) {
      proton::receiver_options options;
      // Settled by the sender, as the product and the official clients have it.
      options.credit_window(1000).delivery_mode(proton::delivery_mode::AT_MOST_ONCE);
      connection.open_receiver(hub + "/ConsumerGroups/$Default/Partitions/" + std::to_string(partition), options);
    }
  }

  void on_message(proton::delivery& delivery, proton::message& message) override {
    const proton::value& body = message.body();
    if (body.type() == proton::BINARY) bytes += proton::get<proton::binary>(body).size();
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

size_t round(char** argv) {
  Reader reader;
  reader.url = std::string("amqp://") + argv[1];
  reader.hub = argv[2];
  reader.partitions = std::atoi(argv[3]);
  reader.wanted = std::atol(argv[4]);
  reader.name = argv[5];
  reader.key = argv[6];
  proton::container(reader).run();
  return reader.bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) return 2;
  std::cout << round(argv) << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    double before = cpu_seconds();
    round(argv);
    std::cout << cpu_seconds() - before << std::endl;
  }
}
