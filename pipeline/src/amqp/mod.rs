//! amqp: to come.
