"""telling: picks as events, through an outbox, to MQTT or Kafka."""
