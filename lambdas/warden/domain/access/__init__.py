"""What an MQTT client may do: AWS IoT policies, read, filled in for a connection, and asked."""
